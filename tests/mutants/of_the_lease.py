"""Faults in the lease: promises, grants, majorities, the cooldown, promises on disk."""

from tests.mutants.fault_mixes import CUTS, DRIFT, MEMBERS, NAPS, REMOVALS, SLEEP, SLOW
from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="end of the lease not checked",
        why="a master that hears no node keeps acting while the others elect the next",
        edits=(
            Edit(
                "Leadership.acting_until",
                "return until if until > now else None",
                "return until if until > NEVER else None",
            ),
        ),
        caught_by=("1",),
    ),
    Mutant(
        name="grant for a term that is not higher",
        why="two nodes then act in one term, or a voter goes back to an older one",
        edits=(Edit("Lease.objection", "if term <= self.promise.term:", "if term < 1:"),),
        caught_by=("1", "2"),
        faults=SLOW,
    ),
    Mutant(
        name="half is a majority",
        why="two halves elect a master each",
        edits=(Edit("majority", "return voters // 2 + 1", "return (voters + 1) // 2"),),
        caught_by=("1", "2"),
        sizes=(2, 4),
    ),
    Mutant(
        name="one grant is enough",
        why="a candidate acts without a majority",
        edits=(Edit("quorum_until", "ends[majority(len(voters)) - 1]", "ends[0]"),),
        caught_by=("1",),
    ),
    Mutant(
        name="terms of others not heard",
        why="no node claims above the highest term, so claims are refused forever",
        edits=(
            Edit(
                "Lease.open_canvass",
                "Term(max(self.heard_term, self.promise.term) + 1)",
                "Term(self.promise.term + 1)",
            ),
        ),
        caught_by=("9",),
        faults=CUTS,
    ),
    Mutant(
        name="removed master stays",
        why="the others are not bound to a master that is no member, and elect the next",
        edits=(
            Edit(
                "Node._follow_membership",
                'return self._mark_removed("the cluster\'s document no longer names it", now)',
                "return []",
            ),
            Edit(
                "Leadership.forget_strangers",
                "        self.engine_host.forget_strangers(members)\n",
                "        self.engine_host.forget_strangers(members)\n"
                "        if self.lease.promise.holder not in members:\n"
                "            self.lease.bound_until = NEVER\n",
            ),
        ),
        caught_by=("1", "6"),
        faults=REMOVALS,
    ),
    Mutant(
        name="removed member is heard",
        why="a removed node must affect nothing",
        edits=(
            Edit(
                "Node._on_received",
                "stranger = sender == self.identity or sender not in committed.document.ids",
                "stranger = sender == self.identity",
            ),
        ),
        caught_by=("6",),
        faults=MEMBERS,
    ),
    Mutant(
        name="no cooldown",
        why="a node that flaps takes the role with it each time",
        edits=(
            Edit(
                "LowestId.successor",
                "return lowest if lowest < electorate.me and waited_out else None",
                "return lowest if lowest < electorate.me else None",
            ),
        ),
        caught_by=("10",),
    ),
    Mutant(
        name="streak survives a gap",
        why="a node that was away for a while counts as never gone",
        edits=(
            Edit(
                "Liveness.record",
                "self._since[node] = now",
                "self._since.setdefault(node, now)",
            ),
        ),
        caught_by=("10",),
    ),
    Mutant(
        name="restarted node votes at once",
        why="it has forgotten its grant, and helps to elect a second master",
        edits=(
            Edit(
                "lease_after_restart",
                "restart_wait_until=Instant(now + bound_s) if forgot else NEVER",
                "restart_wait_until=NEVER",
            ),
        ),
        caught_by=("1",),
        faults=NAPS,
    ),
    Mutant(
        name="grant not kept",
        why="a voter that still hears the master frees itself for the next candidate",
        edits=(
            Edit(
                "Lease.objection",
                "if now < self.bound_until:\n            return f",
                "if now < NEVER:\n            return f",
            ),
            Edit("LeaseVoter.objection", "if wanted == candidate or", "if wanted is not None or"),
        ),
        tests=("tests/core/test_lease.py",),
    ),
    Mutant(
        name="cooldown counted by every node",
        why="each voter turns to the lower id when its own count is over, although a master acts",
        edits=(
            Edit(
                "LowestId.choice",
                "if electorate.master is not None:\n            return electorate.master",
                "if electorate.master is not None:\n"
                "            lowest = min(electorate.able | {electorate.master})\n"
                "            waited = max(electorate.streaks.values(), default=0.0)\n"
                "            ripe = electorate.streaks.get(lowest, waited) >= 5.0\n"
                "            return lowest if ripe else electorate.master",
            ),
            Edit(
                "Lease.objection",
                "if now < self.bound_until:\n            return f",
                "if now < self.bound_until and candidate > str(self.promise.holder):\n"
                "            return f",
            ),
            Edit(
                "Lease.may_canvass",
                "bound = now < self.bound_until and self.promise.holder != self.me",
                "bound = now < self.bound_until and (self.promise.holder or self.me) < self.me",
            ),
        ),
        caught_by=("1", "10"),
    ),
    Mutant(
        name="answers counted from when they arrive",
        why="the candidate's count then ends after the voter's when the answer is slow",
        edits=(
            Edit("Leadership.on_ack", "Instant(sent + lasts_s)", "Instant(now + lasts_s)"),
            Edit(
                "Leadership.on_ack",
                "sent = self.heartbeats.record_answer(sender, ack.number)",
                "sent = self.heartbeats.record_answer(sender, ack.number)\n"
                "        if sent is not None:\n"
                "            self.heartbeats._answered.record(sender, now)",
            ),
        ),
        caught_by=("1",),
        faults=SLEEP,
    ),
    Mutant(
        name="no margin for clocks",
        why="a candidate with a slow clock acts when a voter with a fast clock is free",
        edits=(Edit("DRIFT_MARGIN", "DRIFT_MARGIN = 0.1", "DRIFT_MARGIN = 0.0"),),
        caught_by=("1",),
        faults=DRIFT,
    ),
)

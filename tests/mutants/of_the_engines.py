"""Faults in the engines, in changing over from one to another, and in moving the role by hand."""

from tests.mutants.fault_mixes import SHAKY, SWITCHES, TENANTS, TWICE, YIELDS
from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="hard state not written",
        why="a node that restarts votes a second time in one term",
        edits=(Edit("Disk.save", "stable.hard_state == saved.hard_state", "True"),),
        caught_by=("2",),
        engine="raft",
    ),
    Mutant(
        name="second vote in a term",
        why="two candidates of one term each get a majority",
        edits=(
            Edit(
                "Raft._on_vote_request",
                "            and self.hard_state.vote in {None, sender}\n",
                "",
            ),
        ),
        caught_by=("2",),
        engine="raft",
        faults=SHAKY,
    ),
    Mutant(
        name="votes of no majority elect",
        why="one vote more than none makes a leader, and two of them lead one term",
        edits=(Edit("VoteRound.count", "return joint_config.majority(self.yes)", "return True"),),
        caught_by=("2", "9"),
        engine="raft",
        faults=SHAKY,
    ),
    Mutant(
        name="hard state forgotten by another engine",
        why="a node that goes back to raft votes once more in a term in which it voted",
        edits=(
            Edit(
                "EngineHost._remember",
                "if self._engine is not None and self._engine.hard_state != NO_HARD_STATE:",
                "if self._engine is not None:",
            ),
        ),
        caught_by=("2",),
        engine="raft",
        faults=SWITCHES,
    ),
    Mutant(
        name="longer and shorter grant swapped",
        why="while timers change, a voter is free before its master stops relying on it",
        edits=(
            Edit(
                "EngineHost._bounds_now",
                "max(one.bound_s, other.bound_s)",
                "min(one.bound_s, other.bound_s)",
            ),
            Edit(
                "EngineHost._bounds_now",
                "lease_s=min(one.bound_s, other.bound_s)",
                "lease_s=max(one.bound_s, other.bound_s)",
            ),
            Edit(
                "Leadership.on_ack",
                "lasts_s = min(ack.bound_s * (1 - DRIFT_MARGIN), self.engine_host.lease_s)",
                "lasts_s = max(ack.bound_s * (1 - DRIFT_MARGIN), self.engine_host.lease_s)",
            ),
        ),
        tests=("tests/core/test_leadership.py",),  # a seed in a hundred or fewer breaks
    ),
    Mutant(
        name="grants not cut when they become shorter",
        why="a voter that restarts waits as its record says, and the master counts on more",
        edits=(
            Edit(
                "shorten_grants",
                "        lease.shorten_grants(Instant(now + engine_host.lease_s))\n",
                "",
            ),
        ),
        caught_by=("1",),
        faults=SWITCHES,
        within=200,
    ),
    Mutant(
        name="role moved under tenants",
        why="programs still rely on the lease of a node when the next acts",
        edits=(
            Edit(
                "LeadershipTransfer.advance",
                "        if leadership.tenants:\n",
                "        if False:\n",
            ),
            Edit(
                "Leadership.resign",
                "self.acting_until(now) if self.tenants else None",
                "self.acting_until(now) if self.tenants and successor is None else None",
            ),
        ),
        caught_by=("1",),
        faults=TENANTS,
    ),
    Mutant(
        name="claim abandoned under tenants frees at once",
        why="programs were told how long the node acts, and it resigns before",
        edits=(
            Edit(
                "Leadership.resign",
                "acting_until = self.acting_until(now) if self.tenants else None",
                "acting_until = None",
            ),
        ),
        caught_by=("1",),
        faults=TENANTS,
    ),
    Mutant(
        name="role moved by hand moves back at once",
        why="the lowest id has already passed its cooldown, so an operator's move has no effect",
        edits=(
            Edit(
                "EngineHost.on_resign",
                "self.placed_until = Instant(now + self.settings.master_cooldown_s)",
                "self.placed_until = now",
            ),
        ),
        caught_by=("10",),
        engine="lowest-id",
        faults=YIELDS,
    ),
    Mutant(
        name="role kept from the gossip leader",
        why="when a partition heals, one node leads and another acts",
        edits=(
            Edit(
                "Gossip.successor",
                "return leader if leader in electorate.able and leader != self.me else None",
                "return None",
            ),
        ),
        caught_by=("9",),
        engine="gossip",
        faults=SHAKY,
    ),
    Mutant(
        name="vote counted per message",
        why="a voter whose answer arrives twice counts twice",
        edits=(
            Edit(
                "VoteRound.count",
                "self.yes.add(voter)\n        return joint_config.majority(self.yes)",
                "self.yes.add(voter + str(len(self.yes)))\n"
                "        return len(self.yes) * 2 > len(joint_config.committed)",
            ),
        ),
        caught_by=("2",),
        engine="raft",
        sizes=(5,),
        faults=TWICE,
    ),
)

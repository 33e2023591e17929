"""Faults that show only rarely: while timers change, at restarts, while the role moves.

At some time each of them was missed by the seeds or by the tests, and some by both.
"""

from tests.mutants.fault_mixes import EDITS, RETIMED
from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="a promise to a removed master forgotten in a restart",
        why="the last voter acts while programs rely on the lease of the master that it removed",
        edits=(
            Edit(
                "lease_after_restart",
                "{me} and stable.promise.holder == me",
                "{me}",
            ),
        ),
        tests=("tests/core/test_restart.py",),
    ),
    Mutant(
        name="restarted node waits by its committed settings",
        why="it accepted longer grants, and the master already knows that they are committed",
        edits=(
            Edit(
                "lease_after_restart",
                "    bound_s = max(\n"
                "        timing(stable.accepted.document.settings).bound_s,\n"
                "        timing(stable.committed.document.settings).bound_s,\n"
                "    )\n",
                "    bound_s = timing(stable.committed.document.settings).bound_s\n",
            ),
        ),
        caught_by=("1",),
        faults=RETIMED,
        faulty_s=60.0,
    ),
    Mutant(
        name="grant as long as its voter says",
        why="the voter learns of shorter grants, and then waits too short a time after a restart",
        edits=(
            Edit(
                "Leadership.on_ack",
                "lasts_s = min(ack.bound_s * (1 - DRIFT_MARGIN), self.engine_host.lease_s)",
                "lasts_s = ack.bound_s * (1 - DRIFT_MARGIN)",
            ),
        ),
        caught_by=("1", "3"),
        faults=RETIMED,
        faulty_s=60.0,
    ),
    Mutant(
        name="ends not held back at a takeover",
        why="a delegated delivery of the last master may still announce the outage",
        edits=(
            Edit(
                "AlertManager.may_write",
                "            self.scheduler.hold_recoveries(self._delegations_over(now))\n",
                "",
            ),
        ),
        tests=("tests/core/test_alert_manager.py",),
    ),
    Mutant(
        name="delegated deliveries last as long as a grant",
        why="under raft a grant is short, but a delegated delivery may run for dead_after",
        edits=(
            Edit(
                "AlertManager._delegations_over",
                "lasts_s = max(record.document.settings.dead_after_s for record in records)",
                "lasts_s = min(self.leadership.engine_host.bound_s for _ in records)",
            ),
        ),
        tests=("tests/core/test_alert_manager.py",),
    ),
    Mutant(
        name="successors not held back at a takeover",
        why="a delegated delivery of the last master may still send the notice before",
        edits=(
            Edit(
                "AlertManager.may_write",
                "            self.scheduler.successors.hold("
                "committed.ledger.outbox, self._delegations_over(now))\n",
                "",
            ),
        ),
        tests=("tests/core/test_alert_manager.py",),
    ),
    Mutant(
        name="inherited notices count as not sent",
        why="the last master may have sent the outage, and the end of its check is never sent",
        edits=(
            Edit("DeliveryScheduler.inherit", "        self._attempted |= self._inherited\n", ""),
        ),
        tests=("tests/core/test_alert_manager.py",),
    ),
    Mutant(
        name="a minority counts anew",
        why="two outages in one life of a node have one id, and receivers drop the second",
        edits=(
            Edit(
                "PartitionAlerting._end",
                "self.ledger = Ledger(sequence=self.ledger.sequence)",
                "self.ledger = Ledger()",
            ),
        ),
        tests=("tests/core/test_partition.py",),
    ),
    Mutant(
        name="announcement of a removed member kept",
        why="it joins again with an older program, and the level rises without its announcement",
        edits=(
            Edit(
                "Leadership.forget_strangers",
                "        self.announcements.forget_strangers(members)\n",
                "",
            ),
        ),
        tests=("tests/core/test_levels.py",),
    ),
    Mutant(
        name="grant as long as the master's own settings say",
        why="a voter that was away during a change of timers binds itself for less",
        edits=(
            Edit(
                "Leadership.on_ack",
                "lasts_s = min(ack.bound_s * (1 - DRIFT_MARGIN), self.engine_host.lease_s)",
                "lasts_s = self.engine_host.lease_s",
            ),
        ),
        tests=("tests/core/test_leadership.py",),
    ),
    Mutant(
        name="late resignation frees from a later claim",
        why="the candidate claimed again meanwhile, and counts on the grant",
        edits=(
            Edit(
                "Lease.release",
                "if self.promise == Promise(term, candidate):",
                "if self.promise.holder == candidate:",
            ),
        ),
        tests=("tests/core/test_lease.py",),
    ),
    Mutant(
        name="grant to an abandoned claim counts again",
        why="the voter was freed, and may be bound to another",
        edits=(
            Edit(
                "Lease.add_grant",
                "if self.claim is None or not self._first_term <= term <= self.claim:",
                "if self.claim is None or term > self.claim:",
            ),
        ),
        tests=("tests/core/test_lease.py",),
    ),
    Mutant(
        name="ruling outlives the write that its disk refused",
        why="a repeated request is confirmed although no disk has the change",
        edits=(
            Edit(
                "Register.roll_back",
                "if ruled is not None and ruled.position <= accepted.position",
                "if ruled is not None",
            ),
        ),
        tests=("tests/core/test_register_writing.py",),
    ),
    Mutant(
        name="votes of an earlier life outdate those of the next",
        why="a node that restarts counts from one again, and its votes are dropped",
        edits=(Edit("Vote.outdates", "mine[0] != its[0]", "mine[1] == its[1]"),),
        tests=("tests/core/test_result_exchange.py", "tests/core/test_verdicts.py"),
    ),
    Mutant(
        name="an open outage ends in one round after unknown",
        why="one good round after votes were missing is no recovery",
        edits=(
            Edit(
                "Verdicts._update",
                "tally.state is State.UNKNOWN and state is State.UP and not announced",
                "tally.state is State.UNKNOWN and state is State.UP",
            ),
        ),
        caught_by=("7",),
        faults=EDITS,
    ),
)

"""Faults that show at rare moments only: while timers change, at restarts, as the role moves.

Each of them survived either the seeds or the tests of its day, and some survived both.
"""

from tests.mutants.fault_mixes import EDITS, RETIMED
from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="restarted node waits by its committed settings",
        why="it accepted longer bonds, and its holder knows already that they are committed",
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
        name="bond as long as its voter says",
        why="the voter learns of shorter bonds, and waits for no longer when it restarts",
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
        why="an errand of the last master may still tell of the outage",
        edits=(
            Edit(
                "AlertManager.may_write",
                "            self.scheduler.hold_recoveries(self._errands_over(now))\n",
                "",
            ),
        ),
        tests=("tests/core/test_alert_manager.py",),
    ),
    Mutant(
        name="errands last as long as a bond",
        why="under raft a bond is short, and whoever runs an errand counts dead_after for it",
        edits=(
            Edit(
                "AlertManager._errands_over",
                "lasts_s = max(record.document.settings.dead_after_s for record in records)",
                "lasts_s = min(self.leadership.engine_host.bound_s for _ in records)",
            ),
        ),
        tests=("tests/core/test_alert_manager.py",),
    ),
    Mutant(
        name="successors not held back at a takeover",
        why="an errand of the last master may still tell what they follow",
        edits=(
            Edit(
                "AlertManager.may_write",
                "            self.scheduler.hold_successors("
                "committed.ledger.outbox, self._errands_over(now))\n",
                "",
            ),
        ),
        tests=("tests/core/test_alert_manager.py",),
    ),
    Mutant(
        name="inherited notices count as untold",
        why="the last master may have told of the outage, and nobody hears that its check is gone",
        edits=(
            Edit("DeliveryScheduler.inherit", "        self._touched |= self._inherited\n", ""),
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
        why="it joins again with an older program, and the level rises without its word",
        edits=(
            Edit("Leadership.forget_strangers", "        self.announcements.keep(members)\n", ""),
        ),
        tests=("tests/core/test_levels.py",),
    ),
    Mutant(
        name="bond as long as the holder's own settings say",
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
        why="its holder claimed again meanwhile, and counts on the bond",
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
        name="bond to a claim that was given up counts again",
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
        why="whoever asks again hears yes for what is on no disk",
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
                "Verdicts._judge",
                "tally.state is State.UNKNOWN and state is State.UP and not announced",
                "tally.state is State.UNKNOWN and state is State.UP",
            ),
        ),
        caught_by=("7",),
        faults=EDITS,
    ),
)

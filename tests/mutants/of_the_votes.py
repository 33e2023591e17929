"""Faults in votes and notices: rounds, ages, voters, order of notices."""

from tests.mutants.fault_mixes import CHANNELS, DIVIDED, EDITS, JUMPS, MEMBERS, PAUSES, UNTOLD
from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="one round is enough",
        why="one bad round on every node wakes somebody",
        edits=(
            Edit(
                "Verdicts._update",
                "if quiet or self._is_confirmed(tally, state, counted):",
                "if quiet or counted:",
            ),
        ),
        caught_by=("7",),
    ),
    Mutant(
        name="round counted by arrivals",
        why="one node that votes twice confirms for all the others",
        edits=(Edit("Verdicts._is_confirmed", "if n in twice else", "if twice else"),),
        caught_by=("7",),
    ),
    Mutant(
        name="vote age by the sender's clock",
        why="clocks of two machines have nothing in common",
        edits=(
            Edit(
                "ResultExchange._reports",
                "tuple((v.result, now - v.at) for v in part)",
                "tuple((v.result, v.at) for v in part)",
            ),
            Edit(
                "ResultExchange.on_report",
                "Instant(now - min(max(age_s, 0.0), AGE_S_MAX))",
                "Instant(age_s)",
            ),
        ),
        caught_by=("7", "8", "9"),
    ),
    Mutant(
        name="few votes are enough",
        why="one voter of five wakes somebody",
        edits=(Edit("votes.state_of", "if ok + fail < majority(", "if ok + fail < 0 * majority("),),
        caught_by=("7",),
    ),
    Mutant(
        name="tie is down",
        why="half of the votes is no majority",
        edits=(
            Edit("votes.state_of", "State.DOWN if fail > ok else", "State.DOWN if fail >= ok else"),
        ),
        caught_by=("7",),
        sizes=(2, 4),
        faults=DIVIDED,
    ),
    Mutant(
        name="learner's vote counted",
        why="a node without a vote does not decide on targets either",
        edits=(
            Edit(
                "Verdicts.set_document",
                "self._voters = document.voters",
                "self._voters = frozenset(m.id for m in document.members)",
            ),
        ),
        caught_by=("6", "7"),
        faults=MEMBERS,
    ),
    Mutant(
        name="vote on an older check counted",
        why="a probe that was in flight during an edit looked at another target",
        edits=(
            Edit(
                "Verdicts.record",
                "if check is None or result.changed != check.changed:",
                "if check is None:",
            ),
        ),
        caught_by=("7",),
        faults=EDITS,
    ),
    Mutant(
        name="marked before it was sent",
        why="a notice whose attempt fails is never attempted again",
        edits=(
            Edit(
                "DeliveryScheduler.due",
                "attempts.append(DueAttempt(",
                "self.delivered.add((delivery.notice.id, delivery.channel))\n"
                "                attempts.append(DueAttempt(",
            ),
        ),
        caught_by=("8",),
    ),
    Mutant(
        name="delivered whatever the answer",
        why="a failed attempt counts as done",
        edits=(
            Edit(
                "DeliveryScheduler.record",
                "if event.delivered and (event.parts or len(recipients) <= 1):",
                "if event.parts or len(recipients) <= 1:",
            ),
        ),
        caught_by=("8",),
    ),
    Mutant(
        name="recovery before the outage",
        why="the notices of one check keep their order on each channel",
        edits=(
            Edit(
                "Lanes.head",
                "next((d for d in waiting if not",
                "next((d for d in reversed(waiting) if not",
            ),
        ),
        caught_by=("8",),
        faults=CHANNELS,
    ),
    Mutant(
        name="watch ended without a notice",
        why="people who got the outage never get its end",
        edits=(
            Edit(
                "close",
                "return kept + deliveries(NoticeKind.CLOSED, known, inputs, sequence, ending)",
                "return kept",
            ),
        ),
        caught_by=("8",),
        faults=PAUSES,
    ),
    Mutant(
        name="settings of a removed channel not kept",
        why="a channel that is removed during an outage never gets its end",
        edits=(
            Edit(
                "Register.write_next",
                "ledger = keep_former(ledger, before, document)",
                "pass",
            ),
        ),
        caught_by=("8",),
        faults=PAUSES,
    ),
    Mutant(
        name="end sent where the beginning was not",
        why="people get the end of an outage that they never heard of",
        edits=(
            Edit(
                "close",
                "if d.notice.incident == incident.id and not inputs.tried(d.key)",
                "if d.notice.incident == incident.id and inputs.tried(d.key)",
            ),
        ),
        caught_by=("8",),
        faults=PAUSES,
    ),
    Mutant(
        name="duration by wall clocks",
        why="a wall clock that is set during an outage changes its reported length",
        edits=(
            Edit(
                "deliveries",
                "lasted_s=inputs.ages.lasted(incident.id, inputs.now) if ended else None",
                "lasted_s=inputs.wall - incident.since_unix if ended else None",
            ),
        ),
        caught_by=("8",),
        faults=JUMPS,
    ),
    Mutant(
        name="order by marks in memory",
        why="the next master does not know that the outage was sent, and sends it after its end",
        edits=(
            Edit(
                "DeliveryScheduler._examined",
                "found = {lane: self.lanes.head(lane) for lane in lanes}",
                "found = {lane: self.lanes.head(lane, self.delivered) for lane in lanes}",
            ),
            Edit(
                "DeliveryScheduler.on_attempted",
                "            self._forget(event.key)",
                "            if ended := self._forget(event.key):\n"
                "                self._unplanned.add(ended.lane)",
            ),
            Edit("Lanes.head", "lane: Lane)", "lane: Lane, made: set[DeliveryKey] = frozenset())"),
            Edit(
                "Lanes.head",
                "(d for d in waiting if not",
                "(d for d in waiting if d.key not in made and not",
            ),
        ),
        caught_by=("8",),
        faults=UNTOLD,
    ),
    Mutant(
        name="sent before a majority holds it",
        why="the next master does not know of the notice, and sends it again",
        edits=(
            Edit(
                "AlertManager.start_attempts",
                "ledger, term = self.register.committed.ledger, self.register.established",
                "ledger, term = self.register.accepted.ledger, self.register.established",
            ),
        ),
        caught_by=("8",),
    ),
    Mutant(
        name="delivery never marked",
        why="the outbox never empties, and each new master sends everything again",
        edits=(
            Edit(
                "DeliveryScheduler.prune",
                "if not (delivery.key in self.delivered or complete)",
                "if not complete",
            ),
        ),
        caught_by=("8", "9"),
    ),
    Mutant(
        name="incident never closed",
        why="neither the recovery nor the next outage is ever sent",
        edits=(
            Edit(
                "reconcile",
                "elif state is State.UP and found:",
                "elif state is State.UNKNOWN and found:",
            ),
        ),
        caught_by=("7", "8", "9"),
    ),
    Mutant(
        name="the ledger is not examined after an edit",
        why="the incident of a check that is removed stays open, and a pager is never told",
        edits=(
            Edit(
                "AlertManager.next_ledger",
                "edited, self._examined = committed.document is not self._examined, "
                "committed.document",
                "edited = False",
            ),
        ),
        tests=("tests/core/test_alert_manager.py",),
    ),
    Mutant(
        name="a time that is moved to a later one is lost",
        why="a vote goes stale, or a second round is due, and nobody looks",
        edits=(
            Edit(
                "TimeQueue.first",
                "heappop(self._heap)\n                self._push(key, self._times[key])",
                "heappop(self._heap)",
            ),
        ),
        tests=("tests/core/test_time_queue.py",),
    ),
    Mutant(
        name="abstention counted as a fail",
        why="a node that cannot probe knows nothing of the target",
        edits=(
            Edit(
                "votes.state_of",
                "outcomes.count(Outcome.OK), outcomes.count(Outcome.FAIL)",
                "outcomes.count(Outcome.OK), len(outcomes) - outcomes.count(Outcome.OK)",
            ),
        ),
        caught_by=("7",),
    ),
)

"""Verdicts: two rounds, a majority, fresh votes, and no blame on the target for other faults."""

import pytest

from qutrio.core.checks.verdicts import FRESH_S_MIN, SWEEP_S_MIN, Verdicts, freshness
from qutrio.core.checks.votes import Count
from qutrio.model.checks import Check
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import FOREVER, CheckId, NodeId, UnixTime
from qutrio.model.results import Outcome, State
from tests.core.samples import DB, WALL, WEB, A, B, C, D, at, check, document, incidents_on, result

OK, FAIL, ABSTAIN = Outcome.OK, Outcome.FAIL, Outcome.ABSTAIN
CONFIRM_S = 1.0


class Counting:
    """Verdicts of one node about one check, with votes cast and counted at given times."""

    def __init__(self, *voters: NodeId, checks: list[Check] | None = None) -> None:
        self.document = document(*(voters or (A, B, C)), checks=checks or [check()])
        self.verdicts = Verdicts()
        self.verdicts.set_document(self.document, WALL)
        self.open: frozenset[CheckId] = frozenset()
        self.changed = set[CheckId]()

    def follow(self, held: ClusterDocument) -> None:
        self.document = held
        self.verdicts.set_document(held, WALL)

    def vote(self, now: float, **votes: Outcome) -> State:
        """Record votes (`n1=OK` for node n1), and evaluate the check."""
        for node, outcome in votes.items():
            self.verdicts.record(NodeId(node), result(outcome), at(now))
        return self.judge(now)

    def judge(self, now: float) -> State:
        found = self.verdicts.evaluate(
            at(now), UnixTime(WALL + now), CONFIRM_S, incidents_on(*self.open)
        )
        self.changed |= found.changed
        return self.verdicts.state(WEB)

    def up(self) -> None:
        """Let all nodes find the target up, at second 0."""
        assert self.vote(0, **dict.fromkeys(self.document.voters, OK)) is State.UP
        self.changed.clear()


# --- counting -------------------------------------------------------------------------------


def test_without_votes_the_state_is_unknown() -> None:
    assert Counting().judge(0) is State.UNKNOWN


def test_fewer_than_a_majority_of_voters_decide_nothing() -> None:
    count = Counting(A, B, C, D)
    assert count.vote(0, n1=FAIL, n2=FAIL) is State.UNKNOWN
    assert count.vote(2, n1=FAIL, n2=FAIL) is State.UNKNOWN
    assert count.verdicts.count(WEB, at(2)) == Count(0, 2, 0, State.UNKNOWN)


def test_coming_up_from_unknown_takes_one_round() -> None:
    assert Counting().vote(0, n1=OK, n2=OK) is State.UP


def test_a_tie_is_up() -> None:
    count = Counting(A, B, C, D)
    assert count.vote(0, n1=OK, n2=OK, n3=FAIL, n4=FAIL) is State.UP
    assert count.vote(9, n1=OK, n2=OK, n3=FAIL, n4=FAIL) is State.UP


def test_an_abstention_does_not_count() -> None:
    count = Counting()
    assert count.vote(0, n1=FAIL, n2=ABSTAIN, n3=ABSTAIN) is State.UNKNOWN
    assert count.verdicts.count(WEB, at(0)) == Count(0, 1, 2, State.UNKNOWN)
    count.vote(1, n2=FAIL)
    assert count.vote(3, n1=FAIL, n2=FAIL) is State.DOWN  # n3 need not confirm


def test_learners_and_strangers_do_not_count() -> None:
    count = Counting()
    count.follow(document(A, B, C, learners=[D], checks=[check()], revision=2))
    count.vote(0, n1=FAIL, n4=FAIL, n9=FAIL)
    assert count.vote(5, n1=FAIL, n4=FAIL, n9=FAIL) is State.UNKNOWN
    evidence = count.verdicts.evidence(WEB, count.document, at(6))
    assert [(e.node, e.counted, e.age_s) for e in evidence] == [(A, True, 1.0), (D, False, 1.0)]


def test_the_votes_of_dead_members_do_not_count() -> None:
    count = Counting()
    count.verdicts.set_live(frozenset({A, B, C}))
    count.up()
    count.verdicts.set_live(frozenset({A, B, C}))
    assert count.judge(1) is State.UP
    count.verdicts.set_live(frozenset({A}))
    assert count.judge(1) is State.UNKNOWN
    count.verdicts.set_live(frozenset({A, B}))
    assert count.judge(1) is State.UP


# --- two rounds -----------------------------------------------------------------------------


def test_one_bad_round_on_every_node_alerts_nobody() -> None:
    count = Counting()
    count.up()
    assert count.vote(10, n1=FAIL, n2=FAIL, n3=FAIL) is State.UP
    assert count.verdicts.undisputed(WEB) is None
    assert count.changed == set()
    assert count.vote(11.5, n1=OK, n2=OK, n3=OK) is State.UP
    assert count.verdicts.undisputed(WEB) is State.UP
    assert count.changed == {WEB}  # the doubt is over


def test_a_change_needs_second_votes_that_the_other_voters_cannot_outvote() -> None:
    count = Counting()
    count.up()
    count.vote(10, n1=FAIL, n2=FAIL, n3=FAIL)
    assert count.vote(12, n1=FAIL) is State.UP  # n2 and n3 may vote otherwise
    assert count.vote(12.5, n2=OK) is State.UP
    assert count.vote(13, n3=FAIL) is State.DOWN
    assert count.changed == {WEB}
    assert count.verdicts.since(WEB) == WALL + 13


def test_a_voter_that_stays_silent_after_its_vote_delays_no_change() -> None:
    """It may do so on purpose: its vote counts for three intervals."""
    count = Counting()
    count.up()
    count.vote(10, n1=FAIL, n2=FAIL)
    assert count.vote(12, n1=FAIL, n2=FAIL) is State.DOWN
    count.vote(20, n1=OK, n2=OK)
    assert count.vote(22, n1=OK, n2=OK) is State.UP


def test_the_second_round_begins_confirm_after_the_first() -> None:
    count = Counting()
    count.up()
    count.vote(10, n1=FAIL, n2=FAIL, n3=FAIL)
    assert count.vote(10 + CONFIRM_S - 0.001, n1=FAIL, n2=FAIL, n3=FAIL) is State.UP
    assert count.vote(10 + CONFIRM_S, n1=FAIL, n2=FAIL, n3=FAIL) is State.DOWN


def test_a_voter_that_recovers_in_between_restarts_the_rounds() -> None:
    count = Counting()
    count.up()
    count.vote(10, n1=FAIL, n2=FAIL)
    count.vote(10.5, n2=OK)
    count.vote(12, n1=FAIL, n2=FAIL, n3=FAIL)
    assert count.vote(12.5, n1=FAIL, n2=FAIL, n3=FAIL) is State.UP
    assert count.vote(13, n1=FAIL, n2=FAIL, n3=FAIL) is State.DOWN


def test_coming_up_again_takes_two_rounds_too() -> None:
    count = Counting()
    count.up()
    for now in (10, 12):
        count.vote(now, n1=FAIL, n2=FAIL, n3=FAIL)
    assert count.vote(20, n1=OK, n2=OK, n3=OK) is State.DOWN
    assert count.vote(22, n1=OK, n2=OK, n3=OK) is State.UP


def test_coming_up_from_unknown_with_an_open_incident_takes_two_rounds() -> None:
    count = Counting()
    count.open = frozenset({WEB})
    count.judge(0)
    assert count.verdicts.state(WEB) is State.UNKNOWN  # nobody voted: not even the agreed DOWN
    assert count.vote(1, n1=OK, n2=OK) is State.UNKNOWN
    assert count.vote(3, n1=OK, n2=OK) is State.UP


def test_an_incident_that_opened_or_closed_sets_the_state_of_a_late_node() -> None:
    count = Counting()
    count.up()
    count.vote(10, n1=FAIL, n2=FAIL, n3=FAIL)
    count.open = frozenset({WEB})
    assert count.judge(11) is State.DOWN
    assert count.verdicts.since(WEB) == WALL + 11
    count.vote(12, n1=FAIL, n2=FAIL, n3=FAIL)
    assert count.changed == set()  # it is no flip of this node's own
    count.open = frozenset()
    count.vote(20, n1=OK, n2=OK, n3=OK)
    assert count.verdicts.state(WEB) is State.UP


def test_an_incident_that_agrees_with_the_state_changes_nothing() -> None:
    count = Counting()
    count.up()
    for now in (10, 12):
        count.vote(now, n1=FAIL, n2=FAIL, n3=FAIL)
    count.open = frozenset({WEB, CheckId("gone")})
    assert count.judge(13) is State.DOWN
    assert count.verdicts.since(WEB) == WALL + 12


# --- freshness ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("probed", "seconds"),
    [
        (check(interval_s=1.0, timeout_s=1.0), FRESH_S_MIN),
        (check(interval_s=60.0, timeout_s=1.0), 180.0),
        (check(timeout_s=30.0, retries=2), 200.0),
    ],
)
def test_a_vote_counts_for_three_intervals_and_long_enough_for_slow_attempts(
    probed: Check, seconds: float
) -> None:
    assert freshness(probed) == seconds


def test_votes_go_stale_and_the_state_becomes_unknown_at_once() -> None:
    count = Counting(checks=[check(timeout_s=1.0)])
    count.up()
    limit = freshness(count.document.checks[0])
    assert count.verdicts.deadline() == at(limit)
    assert count.judge(limit - 0.001) is State.UP
    assert count.judge(limit) is State.UNKNOWN
    assert count.verdicts.deadline() == FOREVER


def test_stale_votes_are_looked_for_at_most_once_a_second() -> None:
    count = Counting(checks=[check(timeout_s=1.0), check(DB, timeout_s=1.0)])
    count.up()
    for node in (A, B, C):
        count.verdicts.record(node, result(OK, DB), at(0.5))
    count.judge(0.5)
    assert count.judge(30) is State.UNKNOWN
    assert count.verdicts.deadline() == at(30 + SWEEP_S_MIN)
    assert count.verdicts.state(DB) is State.UP
    count.judge(30 + SWEEP_S_MIN)
    assert count.verdicts.state(DB) is State.UNKNOWN


def test_a_vote_that_is_older_than_the_one_here_is_dropped() -> None:
    count = Counting()
    count.vote(10, n1=OK)
    count.verdicts.record(A, result(FAIL), at(9))
    vote = count.verdicts.vote(A, WEB)
    assert vote is not None
    assert vote.result.outcome is OK


# --- edits ----------------------------------------------------------------------------------


def test_a_probe_in_flight_during_an_edit_does_not_count() -> None:
    count = Counting()
    count.up()
    count.follow(document(A, B, C, checks=[check(changed=2)], revision=2))
    assert count.judge(1) is State.UNKNOWN
    assert not count.verdicts.record(A, result(FAIL, changed=0), at(1))
    assert count.verdicts.vote(A, WEB) is None
    assert count.verdicts.record(A, result(FAIL, changed=2), at(2))


def test_an_edit_of_one_check_keeps_the_votes_on_the_others() -> None:
    count = Counting()
    count.up()
    count.follow(document(A, B, C, checks=[check(), check(DB)], revision=2))
    assert count.judge(1) is State.UP


def test_the_votes_of_a_removed_member_are_forgotten() -> None:
    count = Counting()
    count.up()
    count.follow(document(A, B, checks=[check()], revision=2))
    assert count.verdicts.vote(C, WEB) is None
    assert [v.result.outcome for v in count.verdicts.votes_of(A)] == [OK]
    assert count.verdicts.votes_of(C) == []


def test_a_removed_or_disabled_check_is_not_evaluated() -> None:
    count = Counting()
    count.up()
    count.vote(10, n1=FAIL, n2=FAIL)
    count.follow(document(A, B, C, checks=[check(enabled=False)], revision=2))
    assert count.judge(11) is State.UNKNOWN
    assert not count.verdicts.is_enabled(WEB)
    assert not count.verdicts.record(A, result(FAIL), at(12))
    assert count.verdicts.vote(A, WEB) is None
    assert count.verdicts.since(WEB) == UnixTime(0.0)
    assert count.verdicts.count(WEB, at(12)) == Count(0, 0, 0, State.UNKNOWN)
    assert count.verdicts.evidence(WEB, count.document, at(12)) == ()
    assert count.verdicts.take_due_probes(at(12), {WEB}, CONFIRM_S) == ()


def test_a_vote_on_a_check_that_is_removed_at_the_same_time_is_not_counted() -> None:
    count = Counting()
    count.verdicts.record(A, result(FAIL), at(1))
    count.follow(document(A, B, C, revision=2))
    assert count.judge(1) is State.UNKNOWN


def test_following_the_same_document_again_changes_nothing() -> None:
    count = Counting()
    count.up()
    count.follow(count.document)
    assert count.judge(1) is State.UP


# --- asking for probes ----------------------------------------------------------------------


def test_the_first_vote_against_the_state_is_an_alarm_and_the_next_is_not() -> None:
    count = Counting()
    count.up()
    assert count.verdicts.record(A, result(FAIL), at(1))
    assert not count.verdicts.record(A, result(FAIL), at(2))
    assert not count.verdicts.record(A, result(ABSTAIN), at(3))
    assert count.verdicts.record(A, result(FAIL), at(4))


def test_while_down_the_first_success_is_the_alarm() -> None:
    count = Counting()
    count.up()
    for now in (10, 12):
        count.vote(now, n1=FAIL, n2=FAIL, n3=FAIL)
    assert count.verdicts.record(A, result(OK), at(13))
    assert not count.verdicts.record(B, result(FAIL), at(13))


def test_an_alarm_asks_everybody_once_per_pause() -> None:
    count = Counting()
    count.up()
    assert count.verdicts.take_due_probes(at(1), {WEB}, CONFIRM_S) == (WEB,)
    assert count.verdicts.take_due_probes(at(1.5), {WEB}, CONFIRM_S) == ()
    assert count.verdicts.take_due_probes(at(2), {WEB}, CONFIRM_S) == (WEB,)


def test_the_second_round_is_asked_for_when_it_is_due() -> None:
    count = Counting()
    count.up()
    count.vote(10, n1=FAIL, n2=FAIL)
    assert count.verdicts.deadline() == at(10 + CONFIRM_S)
    assert count.verdicts.take_due_probes(at(10.5), set(), CONFIRM_S) == ()
    assert count.verdicts.take_due_probes(at(11), set(), CONFIRM_S) == (WEB,)
    assert count.verdicts.take_due_probes(at(11), set(), CONFIRM_S) == ()


def test_a_second_round_that_is_no_longer_needed_is_not_asked_for() -> None:
    count = Counting()
    count.up()
    count.vote(10, n1=FAIL, n2=FAIL)
    count.vote(10.5, n1=OK)
    assert count.verdicts.take_due_probes(at(11), set(), CONFIRM_S) == ()


def test_the_deadline_is_the_soonest_of_all_checks_and_votes() -> None:
    count = Counting(checks=[check(timeout_s=1.0), check(DB, timeout_s=1.0)])
    count.verdicts.record(A, result(OK), at(3))
    count.verdicts.record(B, result(OK), at(5))
    count.judge(5)
    assert count.verdicts.deadline() == at(3 + FRESH_S_MIN)
    count.vote(10, n1=FAIL, n2=FAIL)
    for node in (A, B):
        count.verdicts.record(node, result(FAIL, DB), at(10.5))
    count.judge(10.5)
    assert count.verdicts.deadline() == at(10 + CONFIRM_S)

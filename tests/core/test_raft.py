"""The raft engine: votes, pre-votes, and keeping a leader that is heard."""

import pytest

from qutrio.core.election.engine_messages import LeadershipProposal, PreVoteRequest
from qutrio.core.election.interface import Role
from qutrio.core.election.raft.votes import Why
from qutrio.core.quorum.bounds import TERM_JUMP_MAX
from qutrio.core.quorum.majorities import JointConfig
from qutrio.model.ids import NodeId
from tests.core.raft_bench import (
    BEAT_S,
    SETTINGS,
    THREE,
    TIMEOUT_S,
    Bench,
    asks,
    electorate,
    hard_state,
    leads,
    led,
    no,
    term,
    would,
    would_not,
    yes,
)
from tests.core.samples import A, B, C, D, at

STRANGER = NodeId("n9")
FIVE = electorate(A, B, C, D, NodeId("n5"))


# --- before a candidacy ----------------------------------------------------------------------


def test_a_node_that_hears_no_leader_asks_before_it_stands() -> None:
    bench = Bench()
    assert bench.fire() == [PreVoteRequest(term=term(1))]
    assert (bench.role, bench.engine.hard_state) == (Role.FOLLOWER, hard_state(0))
    assert TIMEOUT_S <= bench.now < 2 * TIMEOUT_S
    assert bench.hear(B, would(1)) == [asks(1)]
    assert (bench.role, bench.engine.hard_state) == (Role.CANDIDATE, hard_state(1, A))


def test_it_stands_in_a_term_above_all_it_has_heard_of() -> None:
    bench = Bench(electorate(term=term(41)))
    assert bench.fire() == [PreVoteRequest(term=term(42))]
    bench.see(term=term(50))
    assert bench.hear(B, would(42)) == [asks(51)]


def test_pre_votes_count_once_for_each_voter_and_only_for_the_term_asked() -> None:
    bench = Bench(FIVE)
    bench.fire()
    assert bench.hear(B, would(1)) == bench.hear(B, would(1)) == bench.hear(C, would(2)) == []
    assert bench.role is Role.FOLLOWER
    assert bench.hear(D, would(1)) == [asks(1)]
    assert bench.hear(C, would(1)) == []


def test_a_refused_pre_vote_teaches_a_higher_term() -> None:
    bench = Bench()
    bench.fire()
    assert bench.hear(B, would_not(1, own=7)) == []
    assert bench.engine.hard_state == hard_state(7)
    assert bench.hear(C, would(1)) == []
    assert bench.fire() == [PreVoteRequest(term=term(8))]


def test_a_node_that_became_unable_while_it_asked_does_not_stand() -> None:
    bench = Bench()
    bench.fire()
    bench.see(able=frozenset({B, C}))
    assert bench.hear(B, would(1)) == []
    assert bench.role is Role.FOLLOWER


def test_a_voter_answers_a_pre_vote_without_changing_its_hard_state() -> None:
    bench = Bench(hard_state=hard_state(3, C))
    assert bench.hear(B, PreVoteRequest(term=term(4))) == [would(4, own=3)]
    assert bench.hear(B, PreVoteRequest(term=term(3))) == [would_not(3, own=3)]
    assert bench.engine.hard_state == hard_state(3, C)
    bench.see(fit=False)
    assert bench.hear(B, PreVoteRequest(term=term(4))) == [would_not(4, own=3)]


def test_a_node_that_hears_a_leader_refuses_pre_votes_and_votes_and_learns_no_term() -> None:
    bench = Bench()
    bench.hear(C, leads(2))
    bench.now = at(TIMEOUT_S - 0.01)
    assert bench.hear(B, PreVoteRequest(term=term(9))) == [would_not(9, own=2)]
    assert bench.hear(B, asks(9)) == [no(2)]
    bench.now = at(TIMEOUT_S)
    assert bench.hear(B, PreVoteRequest(term=term(9))) == [would(9, own=2)]
    assert bench.hear(B, asks(9)) == [yes(9)]


def test_a_leader_that_is_answered_refuses_too_and_one_that_is_not_steps_down() -> None:
    bench = Bench()
    bench.win()
    assert bench.hear(B, PreVoteRequest(term=term(9))) == [would_not(9, own=1)]
    assert bench.hear(B, asks(9)) == [no(1)]
    bench.now = at(bench.now + TIMEOUT_S)
    assert bench.hear(B, asks(9)) == [yes(9)]
    assert bench.role is Role.FOLLOWER


@pytest.mark.parametrize(
    "fields",
    [
        {"able": frozenset({B, C})},
        {"fit": False},
        {"joint_config": JointConfig(frozenset({B, C}), THREE)},
    ],
)
def test_a_node_that_may_not_lead_does_not_stand(fields: dict[str, object]) -> None:
    for graft in (False, True):
        bench = Bench(electorate(**fields), graft=graft)
        assert bench.wait(10 * TIMEOUT_S) == []
        assert (bench.role, bench.whys) == (Role.FOLLOWER, [])


# --- votes -----------------------------------------------------------------------------------


def test_a_majority_of_votes_makes_a_leader_that_announces_itself_at_once() -> None:
    bench = Bench()
    assert bench.win() == [leads(1)]
    assert bench.wait(BEAT_S) == [leads(1)]
    assert bench.choice == A


def test_votes_count_once_for_each_voter_and_only_for_the_present_term() -> None:
    bench = Bench(FIVE)
    bench.fire()
    bench.hear(B, would(1))
    bench.hear(C, would(1))
    for sender, message in ((B, yes(1)), (B, yes(1)), (C, no(1)), (C, yes(0)), (STRANGER, yes(1))):
        assert bench.hear(sender, message) == []
    assert bench.role is Role.CANDIDATE
    assert bench.hear(C, yes(1)) == [leads(1)]
    assert bench.hear(D, yes(1)) == []


def test_votes_must_be_a_majority_of_both_sets_of_voters_while_they_change() -> None:
    bench = Bench(electorate(joint_config=JointConfig(THREE, frozenset({A, D}))))
    bench.fire()
    assert bench.hear(B, would(1)) == []
    assert bench.hear(D, would(1)) == [asks(1)]
    assert bench.hear(B, yes(1)) == []
    assert bench.hear(D, yes(1)) == [leads(1)]


def test_the_only_voter_leads_at_once() -> None:
    bench = Bench(electorate(A))
    assert bench.advance() == [asks(1), leads(1)]
    assert bench.role is Role.LEADER


def test_a_voter_that_is_left_alone_waits_until_the_last_leader_is_silent() -> None:
    bench = Bench()
    bench.acting(B, 1)
    bench.see(joint_config=JointConfig(frozenset({A}), frozenset({A})))
    assert bench.advance() == []
    bench.now = at(TIMEOUT_S)
    assert bench.advance() == [asks(2), leads(2)]


def test_each_term_has_one_vote_and_the_same_candidate_gets_it_again() -> None:
    bench = Bench()
    assert bench.hear(B, asks(3)) == [yes(3)]
    assert bench.engine.hard_state == hard_state(3, B)
    assert bench.hear(C, asks(3)) == [no(3)]
    assert bench.hear(B, asks(3)) == [yes(3)]
    assert bench.hear(C, asks(2)) == [no(3)]


def test_a_vote_outlives_a_restart() -> None:
    bench = Bench(hard_state=hard_state(3, B))
    assert bench.hear(C, asks(3)) == [no(3)]
    assert bench.hear(B, asks(3)) == [yes(3)]


def test_granting_a_vote_restarts_the_timer_and_ends_the_own_attempt() -> None:
    bench = Bench()
    bench.fire()
    assert bench.hear(B, asks(1)) == [yes(1)]
    assert bench.engine.deadline(bench.now) >= bench.now + TIMEOUT_S
    assert bench.hear(C, would(1)) == []
    assert bench.choice == B
    bench.now = at(bench.now + 2 * TIMEOUT_S)
    assert bench.choice is None


def test_a_higher_term_in_any_message_ends_a_candidacy() -> None:
    for message in (no(7), would_not(1, own=7), led(7), leads(7), asks(7)):
        bench = Bench()
        bench.stand()
        bench.hear(B, message)
        assert (bench.role, bench.engine.hard_state.term) == (Role.FOLLOWER, 7)
        assert bench.role_changes[-1].reason == Why.OUTDATED


def test_a_candidate_that_wins_nothing_asks_again() -> None:
    bench = Bench()
    bench.stand()
    assert bench.fire() == [PreVoteRequest(term=term(2))]
    assert (bench.role, bench.choice) == (Role.FOLLOWER, None)
    assert bench.hear(C, yes(1)) == []


def test_one_message_raises_the_term_by_the_bound_at_most() -> None:
    bench = Bench()
    far = 10 * TERM_JUMP_MAX
    assert bench.hear(B, asks(far)) == [no(TERM_JUMP_MAX)]
    bench.acting(B, far)
    assert bench.engine.hard_state == hard_state(2 * TERM_JUMP_MAX)


# --- a leader and its followers --------------------------------------------------------------


def test_a_follower_answers_its_leader_and_restarts_its_timer() -> None:
    bench = Bench()
    bench.now = at(0.9)
    assert bench.hear(B, leads(2)) == [led(2)]
    assert bench.engine.hard_state == hard_state(2)
    assert (bench.choice, bench.engine.successor(bench.seen, bench.now)) == (B, B)
    assert bench.engine.deadline(bench.now) >= 0.9 + TIMEOUT_S
    assert bench.fire() == [PreVoteRequest(term=term(3))]
    assert bench.choice is None


def test_a_leader_of_an_older_term_is_told_and_not_waited_for() -> None:
    bench = Bench(hard_state=hard_state(5))
    bench.advance()
    due = bench.engine.deadline(bench.now)
    assert bench.hear(B, leads(4)) == [led(5)]
    assert (bench.choice, bench.engine.deadline(bench.now)) == (None, due)


def test_two_leaders_of_one_term_break_the_protocol() -> None:
    bench = Bench()
    bench.win()
    assert bench.hear(B, leads(1)) == []
    assert bench.role is Role.LEADER
    assert len(bench.complaints) == 1
    assert B in bench.complaints[0]


def test_a_leader_follows_one_of_a_newer_term() -> None:
    bench = Bench()
    bench.win()
    assert bench.hear(B, leads(2)) == [led(2)]
    assert (bench.role, bench.choice) == (Role.FOLLOWER, B)


def test_a_leader_that_no_majority_answers_steps_down_and_says_why() -> None:
    bench = Bench()
    bench.win()
    start = bench.now
    while bench.now < start + 3 * TIMEOUT_S:
        bench.hear(C, led(1))
        bench.wait(BEAT_S)
    assert bench.role is Role.LEADER
    assert bench.hear(C, led(0)) == bench.hear(STRANGER, led(1)) == []
    bench.wait(TIMEOUT_S)
    assert (bench.role, bench.role_changes[-1].reason) == (Role.FOLLOWER, Why.UNANSWERED)
    assert bench.choice is None


def test_messages_of_strangers_and_of_other_engines_are_ignored() -> None:
    bench = Bench()
    for sender in (STRANGER, A):
        assert bench.hear(sender, asks(3)) == bench.hear(sender, leads(3)) == []
    assert bench.hear(B, LeadershipProposal()) == []
    assert bench.engine.hard_state == hard_state(0)


def test_successor_and_heir_are_other_able_nodes() -> None:
    bench = Bench()
    engine = bench.engine
    assert engine.successor(bench.seen, bench.now) is None
    assert engine.next_leader(bench.seen) == B
    bench.hear(C, leads(1))
    bench.see(able=frozenset({A}))
    assert engine.successor(bench.seen, bench.now) is None
    assert engine.next_leader(bench.seen) is None
    bench.see(able=THREE)
    bench.acting(A, 1)
    assert engine.successor(bench.seen, bench.now) is None


def test_the_timeout_of_the_settings_is_spread_over_its_double() -> None:
    waits = []
    for seed in range(50):
        bench = Bench(seed=seed)
        bench.fire()
        waits.append(bench.now)
    assert TIMEOUT_S <= min(waits) < 1.1 * TIMEOUT_S
    assert 1.9 * TIMEOUT_S < max(waits) < 2 * TIMEOUT_S
    assert SETTINGS.raft_election_timeout_s == TIMEOUT_S

"""What graft's documentation promises of its election, one test for each, in both modes.

Where graft would let two nodes lead one term, both modes are safer; the tests say so.
"""

import pytest

from qutrio.core.election.engine_messages import PreVoteRequest
from qutrio.core.election.interface import Role
from qutrio.core.election.raft.votes import Why
from qutrio.model.ids import NodeId
from tests.core.raft_bench import (
    BEAT_S,
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
    yes,
)
from tests.core.samples import A, B, C, D, E

in_both_modes = pytest.mark.parametrize("graft", [False, True], ids=["qutrio", "graft"])
DOZEN = [NodeId(f"n{i}") for i in range(1, 13)]


@in_both_modes
def test_a_new_node_is_a_follower_without_a_leader(*, graft: bool) -> None:
    """A node begins as a follower that knows no leader, in term 0 with a fresh disk."""
    bench = Bench(graft=graft)
    assert (bench.role, bench.choice, bench.engine.hard_state) == (
        Role.FOLLOWER,
        None,
        hard_state(0),
    )


@in_both_modes
def test_a_new_node_takes_its_state_from_the_disk(*, graft: bool) -> None:
    """A node begins with the term and the vote that its log holds."""
    bench = Bench(graft=graft, hard_state=hard_state(8, B))
    assert bench.hear(C, asks(8)) == [no(8)]
    assert bench.hear(B, asks(8)) == [yes(8)]


@in_both_modes
def test_an_election_timeout_lies_between_the_shortest_and_the_longest(*, graft: bool) -> None:
    """A timeout is drawn at random between a minimum and a maximum."""
    waits = []
    for seed in range(20):
        bench = Bench(graft=graft, seed=seed)
        bench.fire()
        waits.append(bench.now)
    assert TIMEOUT_S <= min(waits) < max(waits) < 2 * TIMEOUT_S
    assert len(set(waits)) == len(waits)


def test_an_election_timeout_makes_a_follower_a_candidate() -> None:
    """graft's follower stands at once in the next term; qutrio's asks before it does."""
    bench = Bench(graft=True)
    assert bench.fire() == [asks(1)]
    assert (bench.role, bench.engine.hard_state.term) == (Role.CANDIDATE, 1)
    careful = Bench()
    assert careful.fire() == [PreVoteRequest(term=term(1))]
    assert (careful.role, careful.engine.hard_state.term) == (Role.FOLLOWER, 0)


def test_a_candidate_has_no_leader() -> None:
    """A node that becomes a candidate forgets its leader."""
    bench = Bench(graft=True)
    bench.hear(B, leads(1))
    assert bench.choice == B
    bench.fire()
    assert bench.choice == A


def test_a_candidacy_restarts_the_timer() -> None:
    """A candidate waits a whole new election timeout."""
    bench = Bench(graft=True)
    bench.fire()
    assert bench.engine.deadline(bench.now) >= bench.now + TIMEOUT_S


@in_both_modes
def test_a_candidate_votes_for_itself_before_it_asks_others(*, graft: bool) -> None:
    """Its own vote counts as the first, and is kept on the disk."""
    bench = Bench(graft=graft)
    assert bench.stand() == [asks(1)]
    assert bench.engine.hard_state == hard_state(1, A)


@in_both_modes
def test_a_candidate_whose_disk_refuses_is_a_follower_without_a_leader(*, graft: bool) -> None:
    """If its own vote cannot be saved, no election is held."""
    bench = Bench(graft=graft)
    bench.stand()
    bench.engine.restore(hard_state(0))
    assert (bench.role, bench.choice, bench.engine.hard_state) == (
        Role.FOLLOWER,
        None,
        hard_state(0),
    )


@in_both_modes
def test_a_candidate_in_a_cluster_of_one_leads_at_once(*, graft: bool) -> None:
    """Its own vote is the majority."""
    bench = Bench(electorate(A), graft=graft)
    bench.wait(2 * TIMEOUT_S)
    assert (bench.role, bench.choice) == (Role.LEADER, A)


def test_a_candidate_whose_timer_runs_out_stands_again() -> None:
    """graft begins a new election in the next term; qutrio asks again first."""
    bench = Bench(graft=True)
    bench.stand()
    assert bench.fire() == [asks(2)]
    assert (bench.role, bench.engine.hard_state) == (Role.CANDIDATE, hard_state(2, A))
    assert bench.whys == [(Role.FOLLOWER, Why.TIMED_OUT, Role.CANDIDATE)]
    careful = Bench()
    careful.stand()
    assert careful.fire() == [PreVoteRequest(term=term(2))]


def test_a_candidate_that_may_no_longer_stand_gives_up() -> None:
    """This is ours: graft knows no node that may not lead."""
    bench = Bench(graft=True)
    bench.stand()
    bench.see(able=frozenset({B, C}))
    assert bench.fire() == []
    assert bench.whys[-1] == (Role.CANDIDATE, Why.IN_VAIN, Role.FOLLOWER)


@in_both_modes
def test_votes_count_only_if_granted_and_for_the_present_term(*, graft: bool) -> None:
    """Refusals and answers to earlier elections do not count."""
    bench = Bench(graft=graft, hard_state=hard_state(3))
    bench.stand()
    assert bench.hear(B, no(4)) == bench.hear(B, yes(3)) == []
    assert bench.whys[-1][2] is Role.CANDIDATE
    bench.hear(B, yes(4))
    assert bench.role is Role.LEADER


@in_both_modes
def test_one_voter_is_counted_once(*, graft: bool) -> None:
    """graft counts answers, so that one repeated answer could win; here voters are counted."""
    bench = Bench(electorate(A, B, C, D, E), graft=graft)
    bench.fire()
    for voter in () if graft else (B, C):
        bench.hear(voter, would(1))
    for _ in range(5):
        bench.hear(B, yes(1))
    assert bench.whys[-1][2] is Role.CANDIDATE
    bench.hear(C, yes(1))
    assert bench.role is Role.LEADER


@in_both_modes
def test_a_higher_term_in_a_refusal_ends_the_candidacy(*, graft: bool) -> None:
    """graft ignores it; here a higher term always wins."""
    bench = Bench(graft=graft)
    bench.stand()
    bench.hear(B, no(6))
    assert (bench.role, bench.engine.hard_state) == (Role.FOLLOWER, hard_state(6))


@pytest.mark.parametrize(("size", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (9, 5), (12, 7)])
def test_a_majority_is_half_of_the_cluster_and_one(size: int, needed: int) -> None:
    """The quorum of n is n / 2, rounded down, and one."""
    bench = Bench(electorate(*DOZEN[:size]), graft=True)
    bench.fire()
    for votes in range(2, needed + 1):
        assert bench.role is Role.CANDIDATE
        bench.hear(DOZEN[votes - 1], yes(1))
    assert bench.role is Role.LEADER


def test_a_leader_beats_each_interval() -> None:
    """graft's leader waits one interval before its first heartbeat; qutrio's does not."""
    bench = Bench(graft=True)
    assert bench.win() == []
    assert bench.wait(2.5 * BEAT_S) == [leads(1), leads(1)]
    prompt = Bench()
    assert prompt.win() == [leads(1)]
    assert prompt.wait(2.5 * BEAT_S) == [leads(1), leads(1)]


def test_a_leader_beats_whether_it_acts_or_not() -> None:
    """In graft mode a leader always sends its own heartbeats; else those of the node suffice."""
    for graft in (True, False):
        bench = Bench(graft=graft)
        bench.win()
        bench.see(master=A)
        assert (leads(1) in bench.wait(3 * BEAT_S)) is graft


def test_a_leader_that_nobody_answers_keeps_leading_in_graft_mode() -> None:
    """graft's leader steps down for a higher term only; qutrio's needs a majority's answers."""
    for graft, role in ((True, Role.LEADER), (False, Role.FOLLOWER)):
        bench = Bench(graft=graft)
        bench.win()
        bench.wait(TIMEOUT_S)
        assert bench.role is role


def test_a_request_of_a_newer_term_unseats_a_leader() -> None:
    """graft's leader steps down and may vote; qutrio's does not while a majority answers it."""
    bench = Bench(graft=True)
    bench.win()
    assert bench.hear(B, asks(2)) == [yes(2)]
    assert (bench.role, bench.engine.hard_state) == (Role.FOLLOWER, hard_state(2, B))
    loyal = Bench()
    loyal.win()
    assert loyal.hear(B, asks(2)) == [no(1)]
    assert loyal.role is Role.LEADER


@in_both_modes
def test_a_leader_refuses_requests_that_are_not_newer(*, graft: bool) -> None:
    """A leader denies a request of its own or an older term."""
    bench = Bench(graft=graft, hard_state=hard_state(4))
    bench.win()
    assert bench.hear(B, asks(5)) == bench.hear(B, asks(1)) == [no(5)]
    assert bench.role is Role.LEADER


@in_both_modes
def test_a_newer_heartbeat_unseats_a_leader_or_candidate(*, graft: bool) -> None:
    """It follows the sender, in the sender's term, without a vote."""
    for rise in (Bench.win, Bench.stand):
        bench = Bench(graft=graft)
        rise(bench)
        bench.hear(B, leads(20))
        assert (bench.role, bench.choice) == (Role.FOLLOWER, B)
        assert bench.engine.hard_state == hard_state(20)


@in_both_modes
def test_a_leader_stays_when_another_claims_its_term(*, graft: bool) -> None:
    """Only a newer heartbeat makes it step down; that this happens at all is reported."""
    bench = Bench(graft=graft)
    bench.win()
    assert bench.hear(B, leads(1)) == []
    assert (bench.role, len(bench.complaints)) == (Role.LEADER, 1)


@in_both_modes
def test_a_candidate_follows_a_leader_of_its_own_term(*, graft: bool) -> None:
    """graft also forgets the vote of that term; here it is kept, so that nobody gets another."""
    bench = Bench(graft=graft)
    bench.stand()
    bench.hear(B, leads(1))
    assert (bench.role, bench.choice, bench.engine.hard_state) == (
        Role.FOLLOWER,
        B,
        hard_state(1, A),
    )


def test_an_older_heartbeat_is_ignored() -> None:
    """graft does not answer it; qutrio does, so that the sender learns of the newer term."""
    for graft, answer in ((True, []), (False, [led(2)])):
        bench = Bench(graft=graft)
        bench.hear(C, leads(2))
        due = bench.engine.deadline(bench.now)
        assert bench.hear(B, leads(1)) == answer
        assert (bench.choice, bench.engine.deadline(bench.now)) == (C, due)


def test_any_heartbeat_gives_a_leader_to_a_follower_that_has_none() -> None:
    """graft follows even one of an older term; qutrio does not."""
    for graft, choice in ((True, B), (False, None)):
        bench = Bench(graft=graft, hard_state=hard_state(2))
        bench.hear(B, leads(1))
        assert (bench.choice, bench.engine.hard_state) == (choice, hard_state(2))


def test_a_follower_hears_another_leader_of_the_same_term() -> None:
    """graft keeps the leader unless the term is newer; qutrio follows the last sender."""
    for graft, choice in ((True, B), (False, C)):
        bench = Bench(graft=graft)
        bench.hear(B, leads(1))
        bench.hear(C, leads(1))
        assert bench.choice == choice


@in_both_modes
def test_a_heartbeat_restarts_the_election_timer(*, graft: bool) -> None:
    """As long as heartbeats arrive, the follower does not stand."""
    bench = Bench(graft=graft)
    for _ in range(40):
        bench.hear(B, leads(1))
        assert bench.wait(TIMEOUT_S / 2) == []
    assert bench.role is Role.FOLLOWER


def test_a_heartbeat_is_answered_only_with_check_quorum() -> None:
    """graft's leader hears nothing back."""
    assert Bench(graft=True).hear(B, leads(1)) == []
    assert Bench().hear(B, leads(1)) == [led(1)]

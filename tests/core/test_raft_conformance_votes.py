"""What graft's documentation promises of votes, one test for each, in both modes."""

import pytest

from qutrio.core.election.engine_messages import PreVoteRequest, VoteRequest
from qutrio.core.election.interface import Role
from qutrio.model.ids import FOREVER, NodeId
from tests.core.raft_bench import (
    TIMEOUT_S,
    Bench,
    Program,
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
from tests.core.samples import A, B, C

in_both_modes = pytest.mark.parametrize("graft", [False, True], ids=["qutrio", "graft"])
DOZEN = [NodeId(f"n{i}") for i in range(1, 13)]


@in_both_modes
def test_a_request_of_an_older_term_is_refused_with_the_newer_term(*, graft: bool) -> None:
    """The answer carries the newer term; nothing else changes."""
    bench = Bench(graft=graft, hard_state=hard_state(8))
    assert bench.hear(B, asks(1)) == [no(8)]
    assert (bench.role, bench.choice, bench.engine.hard_state) == (
        Role.FOLLOWER,
        None,
        hard_state(8),
    )


def test_a_candidate_that_is_behind_is_refused() -> None:
    """graft refuses before it looks at the term; qutrio learns the term first, as raft does."""
    for graft, kept in ((True, 1), (False, 3)):
        bench = Bench(graft=graft, hard_state=hard_state(1), position=Program(8))
        assert bench.hear(B, asks(3, "01")) == [no(kept)]
        assert bench.engine.hard_state == hard_state(kept)
        assert bench.hear(B, asks(3, "09")) == [yes(3)]


@in_both_modes
def test_without_a_program_every_candidate_gets_the_vote_and_sends_no_state(*, graft: bool) -> None:
    """graft's default hook always agrees, and has no state."""
    bench = Bench(graft=graft)
    assert bench.hear(B, asks(1, "01")) == [yes(1)]
    assert Bench(graft=graft).stand() == [VoteRequest(term=term(1), position="")]


@in_both_modes
def test_a_request_of_a_newer_term_resets_a_follower_or_candidate(*, graft: bool) -> None:
    """The term is adopted, the former vote is void, and the candidate gets the new one."""
    bench = Bench(graft=graft, hard_state=hard_state(8, C))
    assert bench.hear(B, asks(9)) == [yes(9)]
    assert (bench.role, bench.engine.hard_state) == (Role.FOLLOWER, hard_state(9, B))
    bench = Bench(graft=graft)
    bench.stand()
    assert bench.hear(B, asks(2)) == [yes(2)]
    assert (bench.role, bench.engine.hard_state) == (Role.FOLLOWER, hard_state(2, B))


@in_both_modes
def test_a_vote_is_cast_once_in_a_term(*, graft: bool) -> None:
    """Another candidate of the term is refused, and so is any rival of a candidate."""
    bench = Bench(graft=graft)
    bench.hear(B, asks(1))
    assert bench.hear(C, asks(1)) == [no(1)]
    bench = Bench(graft=graft)
    bench.stand()
    assert bench.hear(B, asks(1)) == [no(1)]
    assert bench.role is Role.CANDIDATE


@in_both_modes
def test_a_vote_that_cannot_be_saved_is_not_given(*, graft: bool) -> None:
    """The node denies the vote, and a leader that cannot save steps down."""
    bench = Bench(electorate(fit=False), graft=graft)
    assert bench.hear(B, asks(1)) == [no(0)]
    bench = Bench(graft=graft)
    bench.win()
    bench.see(fit=False)
    bench.advance()
    assert bench.role is Role.FOLLOWER


@in_both_modes
def test_giving_a_vote_restarts_the_election_timer(*, graft: bool) -> None:
    """The candidate has a whole election timeout to win."""
    bench = Bench(graft=graft)
    bench.advance()
    bench.now = bench.engine.deadline(bench.now)
    bench.hear(B, asks(1))
    assert bench.engine.deadline(bench.now) >= bench.now + TIMEOUT_S


@in_both_modes
def test_each_change_of_state_is_reported_once_and_in_order(*, graft: bool) -> None:
    """Each change is reported with both ends, and no change to the same state is."""
    bench = Bench(graft=graft)
    bench.win()
    bench.hear(B, leads(2))
    bench.hear(B, leads(3))
    before, after = zip(*((was, is_now) for was, _, is_now in bench.whys), strict=True)
    assert before == (Role.FOLLOWER, Role.CANDIDATE, Role.LEADER)
    assert after == (Role.CANDIDATE, Role.LEADER, Role.FOLLOWER)


@in_both_modes
def test_a_closed_node_has_no_timers_and_keeps_its_vote(*, graft: bool) -> None:
    """Closing stops everything; graft also deletes its state, which is not copied."""
    bench = Bench(graft=graft)
    bench.win()
    bench.engine.close(bench.now)
    assert bench.engine.deadline(bench.now) == FOREVER
    assert (bench.role, bench.engine.hard_state) == (Role.CLOSED, hard_state(1, A))


def test_messages_of_the_newer_protocol_are_ignored_in_graft_mode() -> None:
    """graft knows requests, responses and heartbeats."""
    bench = Bench(graft=True)
    for message in (PreVoteRequest(term=term(5)), would(5, own=9), led(9)):
        assert bench.hear(B, message) == []
    assert bench.engine.hard_state == hard_state(0)

"""The raft engine: mastership, stepping aside, the disk, positions, and every change."""

from collections.abc import Callable

import pytest

from qutrio.core.election.engine_messages import PreVoteRequest
from qutrio.core.election.interface import Role
from qutrio.core.election.raft.machine import ASIDE_TIMEOUTS, NEWS_MAX
from qutrio.core.election.raft.positions import POSITION_BYTES_MAX, PositionTooLongError
from qutrio.core.election.raft.votes import TRANSITIONS, Why
from qutrio.model.ids import FOREVER
from qutrio.model.stable import HardState
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
    would_not,
    yes,
)
from tests.core.samples import A, B, C, at

# --- acting ----------------------------------------------------------------------------------


def test_a_master_leads_without_an_election_and_without_messages() -> None:
    bench = Bench(electorate(master=A))
    bench.acting(A, 8)
    assert (bench.role, bench.engine.hard_state, bench.choice) == (Role.LEADER, hard_state(8), A)
    assert bench.wait(5 * TIMEOUT_S) == []
    assert bench.hear(B, asks(20)) == [no(8)]
    assert bench.hear(B, leads(20)) == []
    assert bench.role is Role.LEADER
    bench.see(master=None)
    assert bench.advance() == [leads(8)]


def test_a_leader_by_acting_alone_yields_to_an_elected_one() -> None:
    bench = Bench()
    bench.acting(A, 8)
    bench.acting(A, 9)
    assert bench.engine.hard_state == hard_state(9)
    assert bench.hear(B, leads(9)) == [led(9)]
    assert (bench.choice, bench.complaints) == (B, [])


def test_an_elected_leader_that_acts_in_a_higher_term_was_not_elected_in_that() -> None:
    bench = Bench()
    bench.win()
    bench.acting(A, 1)
    assert bench.hear(B, leads(1)) == []
    bench.acting(A, 2)
    assert bench.hear(B, leads(2)) == [led(2)]
    assert len(bench.complaints) == 1


def test_the_master_is_followed_in_the_higher_of_both_terms() -> None:
    bench = Bench(hard_state=hard_state(5, C))
    bench.acting(B, 3)
    assert (bench.choice, bench.engine.hard_state) == (B, hard_state(5, C))
    assert bench.hear(C, asks(9)) == [no(5)]
    bench.acting(B, 6)
    assert bench.engine.hard_state == hard_state(6)
    assert bench.engine.deadline(bench.now) >= bench.now + TIMEOUT_S


def test_an_unfit_node_neither_votes_nor_learns_terms_but_follows_the_master() -> None:
    bench = Bench(electorate(fit=False), hard_state=hard_state(2))
    assert bench.hear(B, asks(2)) == bench.hear(B, asks(3)) == [no(2)]
    assert bench.hear(B, leads(3)) == bench.hear(B, led(3)) == []
    bench.acting(B, 4)
    bench.acting(A, 4)
    assert (bench.choice, bench.role, bench.engine.hard_state) == (B, Role.FOLLOWER, hard_state(2))


def test_without_a_leader_the_master_is_the_choice() -> None:
    assert Bench().choice is None
    assert Bench(electorate(master=C)).choice == C


# --- stepping aside, the disk, the end -------------------------------------------------------


def test_a_node_that_stepped_aside_stands_again_only_after_a_long_time() -> None:
    bench = Bench()
    bench.win()
    bench.engine.step_aside(bench.seen, bench.now)
    assert (bench.role, bench.choice) == (Role.FOLLOWER, None)
    bench.acting(A, 1)
    aside_s = ASIDE_TIMEOUTS * 2 * TIMEOUT_S
    assert bench.wait(aside_s - 0.01) == []
    assert bench.role is Role.FOLLOWER
    assert PreVoteRequest(term=term(2)) in bench.wait(2 * TIMEOUT_S)


def test_a_node_that_stepped_aside_stands_again_after_another_led() -> None:
    bench = Bench()
    bench.fire()
    bench.engine.step_aside(bench.seen, bench.now)
    assert bench.hear(B, would(1)) == []
    bench.hear(B, leads(1))
    assert bench.fire() == [PreVoteRequest(term=term(2))]


def test_a_hard_state_that_the_disk_refused_is_undone() -> None:
    bench = Bench()
    bench.stand()
    bench.engine.restore(hard_state(0))
    assert (bench.role, bench.engine.hard_state, bench.choice) == (
        Role.FOLLOWER,
        hard_state(0),
        None,
    )
    assert bench.engine.deadline(bench.now) == bench.now
    assert bench.hear(B, yes(1)) == []
    assert bench.engine.deadline(bench.now) >= bench.now + TIMEOUT_S
    bench.engine.restore(hard_state(0))
    assert bench.advance() == []
    assert bench.fire() == [PreVoteRequest(term=term(1))]


def test_a_closed_engine_is_silent_and_keeps_its_hard_state() -> None:
    bench = Bench()
    bench.win()
    bench.engine.close(bench.now)
    bench.engine.close(bench.now)
    for message in (asks(9), leads(9), PreVoteRequest(term=term(9))):
        assert bench.hear(B, message) == []
    bench.acting(B, 9)
    bench.engine.step_aside(bench.seen, bench.now)
    assert bench.engine.advance(bench.seen, at(99)) == []
    assert bench.engine.deadline(at(99)) == FOREVER
    assert (bench.role, bench.engine.hard_state, bench.choice) == (
        Role.CLOSED,
        hard_state(1, A),
        None,
    )
    bench.engine.restore(HardState())
    assert (bench.role, bench.engine.hard_state) == (Role.CLOSED, hard_state(0))


def test_turns_that_nobody_fetches_are_bounded() -> None:
    bench = Bench()
    for _ in range(2 * NEWS_MAX):
        bench.engine.on_message(B, asks(1, "zz"), bench.seen, bench.now)
    assert len(bench.engine.news()) == NEWS_MAX
    assert bench.engine.news() == []


# --- the state-machine hook ------------------------------------------------------------------


def test_a_candidate_sends_the_position_of_its_program() -> None:
    bench = Bench(position=Program(5))
    assert bench.fire() == [PreVoteRequest(term=term(1), position="05")]
    assert bench.hear(B, would(1)) == [asks(1, "05")]


def test_a_voter_refuses_a_candidate_whose_program_is_behind() -> None:
    bench = Bench(position=Program(5))
    assert bench.hear(B, PreVoteRequest(term=term(1), position="04")) == [would_not(1)]
    assert bench.hear(B, PreVoteRequest(term=term(1), position="05")) == [would(1)]
    assert bench.hear(B, asks(1, "04")) == [no(1)]
    assert bench.engine.hard_state == hard_state(1)
    assert bench.hear(C, asks(1, "06")) == [yes(1)]


@pytest.mark.parametrize("position", ["zz", "123", "00" * (POSITION_BYTES_MAX + 1)])
def test_a_malformed_position_is_refused_and_reported(position: str) -> None:
    bench = Bench()
    assert bench.hear(B, PreVoteRequest(term=term(3), position=position)) == [would_not(3)]
    assert bench.hear(B, asks(3, position)) == [no(0)]
    assert bench.engine.hard_state == hard_state(0)
    assert len(bench.complaints) == 2
    assert all(B in what for what in bench.complaints)


def test_a_program_whose_position_is_too_long_is_reported() -> None:
    program = Program()
    program.state = bytes(POSITION_BYTES_MAX)
    bench = Bench(position=program)
    bench.fire()
    program.state = bytes(POSITION_BYTES_MAX + 1)
    with pytest.raises(PositionTooLongError, match="at most 4096"):
        bench.hear(B, would(1))
    assert bench.engine.hard_state == hard_state(0)


# --- the state table -------------------------------------------------------------------------


def unfit(bench: Bench) -> None:
    bench.see(fit=False)
    bench.advance()


BEGINNINGS: dict[Role, Callable[[Bench], object]] = {
    Role.FOLLOWER: Bench.advance,
    Role.CANDIDATE: Bench.stand,
    Role.LEADER: Bench.win,
}
ENDS: dict[str, Callable[[Bench], object]] = {
    Why.WOULD_WIN: Bench.stand,
    Why.TIMED_OUT: Bench.stand,
    Why.WON: lambda bench: bench.hear(B, yes(1)),
    Why.MASTER: lambda bench: bench.acting(A, 1),
    Why.IN_VAIN: lambda bench: bench.fire(),
    Why.OUTDATED: lambda bench: bench.hear(B, leads(5)),
    Why.ANOTHER_LEADS: lambda bench: bench.hear(B, leads(bench.engine.hard_state.term)),
    Why.ANOTHER_MASTER: lambda bench: bench.acting(B, 1),
    Why.UNANSWERED: lambda bench: bench.wait(TIMEOUT_S),
    Why.UNFIT: unfit,
    Why.FORGOT: lambda bench: bench.engine.restore(HardState()),
    Why.ASIDE: lambda bench: bench.engine.step_aside(bench.seen, bench.now),
    Why.CLOSED: lambda bench: bench.engine.close(bench.now),
}


@pytest.mark.parametrize(("before", "why", "after"), TRANSITIONS)
def test_every_row_of_the_table_is_taken(before: Role, why: str, after: Role) -> None:
    bench = Bench(graft=why == Why.TIMED_OUT)
    BEGINNINGS[before](bench)
    if (before, why) == (Role.LEADER, Why.ANOTHER_LEADS):
        bench.acting(A, 5)
    bench.role_changes.clear()
    ENDS[why](bench)
    assert bench.whys == [(before, why, after)]

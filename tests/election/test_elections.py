"""Participants elect a leader, fail over, hand over, and leave in order."""

import pytest
import trio
from trio.testing import MockClock

from qutrio.election.drivers.memory import NetworkFaults
from qutrio.errors import InvalidValueError
from tests.election.arena import Log, every_engine, open_arena


@every_engine
async def test_one_of_three_participants_leads(engine: str, autojump_clock: MockClock) -> None:
    async with open_arena("a", "b", "c", engine=engine) as arena:
        leader = await arena.leader()
        await trio.sleep(20)
        assert list(arena.running) == [leader]
        states = {
            participant: place.participant.state
            for participant, place in arena.places.items()
            if place.participant
        }
        assert {state.leader for state in states.values()} == {leader}
        assert [participant for participant, state in states.items() if state.acting] == [leader]
        assert {state.term for state in states.values()} == {arena.running[leader]}
        assert states["a"].members == ("a", "b", "c")
        assert states["a"].living == {"a", "b", "c"}


@every_engine
async def test_a_lone_participant_leads_itself(engine: str, autojump_clock: MockClock) -> None:
    async with open_arena("a", engine=engine) as arena:
        assert await arena.leader() == "a"
        await trio.sleep(60)
        assert arena.bodies == []


@every_engine
async def test_a_crashed_leader_is_replaced_in_a_higher_term(
    engine: str, autojump_clock: MockClock
) -> None:
    async with open_arena("a", "b", "c", engine=engine) as arena:
        first = await arena.leader()
        term = arena.running[first]
        await arena.crash(first)
        second = await arena.leader(but=first)
        assert arena.running[second] > term


@every_engine
async def test_a_leader_that_is_cut_off_stops_before_another_begins(
    engine: str, autojump_clock: MockClock
) -> None:
    async with open_arena("a", "b", "c", engine=engine) as arena:
        first = await arena.leader()
        arena.wire.isolate(first)
        cut_at = trio.current_time()
        second = await arena.leader(but=first)
        assert second != first
        assert arena.bodies[0].participant == first
        assert cut_at < arena.bodies[0].ended < trio.current_time()


@every_engine
async def test_a_leader_that_leaves_is_replaced_within_a_round_trip(
    engine: str, autojump_clock: MockClock
) -> None:
    async with open_arena("a", "b", "c", engine=engine) as arena:
        arena.wire.faults = NetworkFaults(delay_s=(0.001, 0.002))
        first = await arena.leader()
        await trio.sleep(20)
        await arena.leave(first)
        left_at = trio.current_time()
        await arena.leader(but=first)
        assert trio.current_time() - left_at < 0.2


@every_engine
async def test_a_restart_of_all_participants_keeps_terms(
    engine: str, autojump_clock: MockClock
) -> None:
    async with open_arena("a", "b", "c", engine=engine) as arena:
        await arena.leader()
        term = arena.last[1]
        for participant in ("a", "b", "c"):
            await arena.crash(participant)
        arena.start("a", "b", "c")
        await arena.leader()
        assert arena.last[1] > term


@every_engine
async def test_the_role_moves_to_the_participant_that_is_named(
    engine: str, autojump_clock: MockClock
) -> None:
    async with open_arena("a", "b", "c", engine=engine) as arena:
        arena.wire.faults = NetworkFaults(delay_s=(0.001, 0.002))
        first = await arena.leader()
        await trio.sleep(20)
        heir = max({"a", "b", "c"} - {first})
        asker = min({"a", "b", "c"} - {first})
        participant = arena.places[asker].participant
        assert participant is not None
        await participant.transfer_leadership(to=heir)
        asked_at = trio.current_time()
        assert await arena.leader(but=first) == heir
        assert trio.current_time() - asked_at < 0.2
        await trio.sleep(10)
        assert list(arena.running) == [heir]


async def test_giving_way_to_nobody_in_particular_moves_the_role(autojump_clock: MockClock) -> None:
    async with open_arena("a", "b", "c") as arena:
        first = await arena.leader()
        await trio.sleep(5)
        participant = await arena.participating(first)
        await participant.transfer_leadership()
        assert await arena.leader(but=first) != first


async def test_a_stranger_cannot_be_given_the_role(autojump_clock: MockClock) -> None:
    async with open_arena("a", "b") as arena:
        participant = await arena.participating("a")
        with pytest.raises(InvalidValueError, match="'z' is no member"):
            await participant.transfer_leadership(to="z")


async def test_a_participant_without_a_majority_does_not_lead(autojump_clock: MockClock) -> None:
    async with open_arena("a", "b", "c", start=False) as arena:
        arena.start("a")
        await trio.sleep(60)
        assert not arena.running
        arena.start("b")
        await arena.leader()


async def test_a_one_way_cut_leaves_one_leader(autojump_clock: MockClock) -> None:
    async with open_arena("a", "b", "c") as arena:
        first = await arena.leader()
        for other in {"a", "b", "c"} - {first}:
            arena.wire.cut(other, first, one_way=True)
        second = await arena.leader(but=first)
        arena.wire.heal()
        await trio.sleep(10)
        assert list(arena.running) == [second]


async def test_a_lower_id_that_is_back_for_good_gets_the_role_in_order(
    autojump_clock: MockClock,
) -> None:
    async with open_arena(
        "b", "c", members=["a", "b", "c"], engine="lowest-id", cooldown=10
    ) as arena:
        arena.wire.faults = NetworkFaults(delay_s=(0.001, 0.002))
        assert await arena.leader() == "b"
        arena.start("a")
        assert await arena.leader(but="b") == "a"
        assert 10 < trio.current_time() < 15
        await trio.sleep(30)
        assert [body.participant for body in arena.bodies] == ["b"]


@pytest.mark.parametrize("seed", range(5))
async def test_a_participant_whose_program_is_behind_is_not_elected(
    seed: int, autojump_clock: MockClock
) -> None:
    async with open_arena("a", "b", "c", seed=seed, start=False) as arena:
        for participant, last in (("a", 1), ("b", 5), ("c", 5)):
            arena.start(participant, position=Log(last))
        first = await arena.leader()
        await trio.sleep(5)
        await arena.crash(first)
        await arena.leader(but=first)
        await trio.sleep(5)
        assert "a" not in {body.participant for body in arena.bodies} | arena.running.keys()

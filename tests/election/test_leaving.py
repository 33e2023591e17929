"""Bodies and participants end in time, in order, and with the exception that was raised."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from attrs import Factory, define, frozen
from trio.testing import MockClock

from qutrio import election
from qutrio.election.drivers.memory import MemoryLink, MemoryWire, NetworkFaults
from qutrio.errors import ElectionError
from qutrio.model.ids import NodeId
from qutrio.model.stable import Stable
from tests.election.arena import Arena, Log, ParticipantClock, alone, every_engine, open_arena


async def lead_and_fail(arena: Arena, error: Exception) -> None:
    """Join as the only participant, lead, and raise."""
    async with election.join("tasks", self_id="a", **alone(arena)) as participant:
        async with participant.leading():
            raise error


async def test_a_body_ends_a_margin_before_the_lease(autojump_clock: MockClock) -> None:
    async with open_arena("a", "b", "c", engine="lowest-id") as arena:
        first = await arena.leader()
        await trio.sleep(10)
        arena.wire.isolate(first)
        participant = arena.places[first].participant
        assert participant is not None
        await arena.wait_idle()
        assert participant.state.acting
        await trio.sleep(0.4)
        assert not participant.state.acting


async def test_a_body_that_ends_by_itself_can_begin_again_in_its_term(
    autojump_clock: MockClock,
) -> None:
    async with open_arena("a", start=False) as arena:
        async with election.join("tasks", self_id="a", **alone(arena)) as participant:
            async with participant.leading() as one:
                pass
            async with participant.leading() as two:
                assert one == two
            async with participant.leading(), participant.leading() as three:
                assert three == two


async def test_bodies_that_never_wait_do_not_starve_other_tasks(autojump_clock: MockClock) -> None:
    bodies = 0
    async with open_arena("a", start=False) as arena:
        async with election.join("tasks", self_id="a", **alone(arena)) as participant:
            with trio.move_on_after(5) as program:
                while bodies < 1000:
                    async with participant.leading():
                        bodies += 1
                        if bodies == 10:
                            program.cancel()
    assert bodies == 10


async def test_an_exception_of_the_body_leaves_as_it_was(autojump_clock: MockClock) -> None:
    async with open_arena("a", start=False) as arena:
        with pytest.raises(KeyError, match="report"):
            await lead_and_fail(arena, KeyError("report"))


async def test_a_group_of_exceptions_leaves_as_it_was(autojump_clock: MockClock) -> None:
    async with open_arena("a", start=False) as arena:
        group = ExceptionGroup("two", [KeyError(), ValueError()])
        with pytest.raises(ExceptionGroup) as caught:
            async with election.join("tasks", self_id="a", **alone(arena)):
                raise group
        assert (caught.value.message, caught.value.exceptions) == (group.message, group.exceptions)


async def test_leaving_ends_a_body_of_another_task_and_then_the_waiting(
    autojump_clock: MockClock,
) -> None:
    ends: list[str] = []

    async def work(participant: election.Participant) -> None:
        async with participant.leading():
            try:
                await trio.sleep_forever()
            finally:
                ends.append("body")
        with pytest.raises(ElectionError, match="has left"):
            async with participant.leading():
                ends.append("again")

    async with open_arena("a", start=False) as arena, trio.open_nursery() as nursery:
        async with election.join("tasks", self_id="a", **alone(arena)) as participant:
            nursery.start_soon(work, participant)
            await trio.sleep(1)
            assert participant.state.acting
        assert ends == ["body"]
        afterwards = participant.state
        assert not afterwards.acting
        with pytest.raises(ElectionError, match="has left"):
            await participant.transfer_leadership()
        assert [change async for change in participant.changes()] == []


async def test_a_body_that_ignores_its_end_has_a_lower_term_than_the_next(
    autojump_clock: MockClock,
) -> None:
    """Code that cannot be cancelled runs on; the fencing term shows that it is outdated."""
    async with open_arena(
        "b", "c", members=["a", "b", "c"], engine="lowest-id", start=False
    ) as arena:
        async with election.join(
            "reports",
            self_id="a",
            members=["a", "b", "c"],
            driver=arena.wire,
            state=election.MemoryState(),
            engine="lowest-id",
            clock=ParticipantClock(),
        ) as participant:
            arena.start("b", "c")
            async with participant.leading() as term:
                arena.wire.isolate("a")
                with trio.CancelScope(shield=True):
                    await arena.leader()
                    assert not participant.state.acting
                    assert arena.last[1] > term


@every_engine
async def test_the_role_is_not_moved_before_the_body_has_ended(
    engine: str, autojump_clock: MockClock
) -> None:
    async with open_arena("b", "c", members=["a", "b", "c"], engine=engine, start=False) as arena:
        async with election.join(
            "reports",
            self_id="a",
            members=["a", "b", "c"],
            driver=arena.wire,
            state=election.MemoryState(),
            engine=engine,
            clock=ParticipantClock(),
        ) as participant:
            arena.start("b", "c")
            with trio.move_on_after(60):
                arena.wire.cut("b", "c")  # so that only a can lead
                async with participant.leading():
                    arena.wire.heal()
                    await trio.sleep(10)
                    await participant.transfer_leadership()
                    try:
                        await trio.sleep_forever()
                    finally:
                        with trio.CancelScope(shield=True):
                            await trio.sleep(5)
                            assert participant.state.acting
                            assert not arena.running
                await arena.leader()


async def test_a_machine_that_slept_ends_the_body_although_nothing_was_due(
    autojump_clock: MockClock,
) -> None:
    async with open_arena("a", "b", "c", engine="lowest-id") as arena:
        first = await arena.leader()
        await trio.sleep(10)
        arena.wire.isolate(first)
        arena.places[first].clock.offset_s += 100
        woke_at = trio.current_time()
        await arena.wait_idle()
        assert trio.current_time() - woke_at < 0.6


class LongState(Log):
    """A program whose state is too long for a frame."""

    def current_state(self) -> bytes:
        """Return more bytes than are allowed."""
        return b"1" * 5000


async def test_a_program_that_breaks_its_hook_ends_its_participant_with_the_error(
    autojump_clock: MockClock,
) -> None:
    async with open_arena("a", start=False) as arena:
        with pytest.raises(ValueError, match="5000 bytes"):
            async with election.join("tasks", self_id="a", position=LongState(1), **alone(arena)):
                await trio.sleep(60)


async def lead_forever(participant: election.Participant) -> None:
    while True:
        async with participant.leading():
            await trio.sleep_forever()


async def lead_in_tasks(arena: Arena, tasks: int) -> None:
    """Lead in some tasks with a hook that ends the participant."""
    async with (
        election.join("tasks", self_id="a", position=LongState(1), **alone(arena)) as participant,
        trio.open_nursery() as nursery,
    ):
        for _ in range(tasks):
            nursery.start_soon(lead_forever, participant)


async def lead_and_add(arena: Arena, error: Exception) -> None:
    """Lead with a hook that ends the participant, and raise an error of one's own beside that."""
    async with election.join(
        "tasks", self_id="a", position=LongState(1), **alone(arena)
    ) as participant:
        try:
            await lead_forever(participant)
        except ElectionError as left:
            raise ExceptionGroup("mine", [error, left]) from None


@pytest.mark.parametrize("tasks", [1, 2])
async def test_a_program_that_wants_to_lead_gets_the_error_of_its_participant(
    tasks: int, autojump_clock: MockClock
) -> None:
    """And not a `ParticipantLeftError`, which is only a consequence."""
    async with open_arena("a", start=False) as arena:
        with pytest.raises(ValueError, match="5000 bytes"):
            await lead_in_tasks(arena, tasks)


async def test_what_a_program_raised_beside_the_failure_of_its_participant_is_raised_too(
    autojump_clock: MockClock,
) -> None:
    async with open_arena("a", start=False) as arena:
        with pytest.raises(ExceptionGroup) as caught:
            await lead_and_add(arena, KeyError())
    assert caught.value.subgroup(KeyError) is not None
    assert caught.value.subgroup(ValueError) is not None
    assert caught.value.subgroup(ElectionError) is None


async def test_cancelling_the_program_hands_the_role_over(autojump_clock: MockClock) -> None:
    rules: dict[str, Any] = {"members": ["a", "b", "c"], "engine": "lowest-id"}
    async with open_arena("b", "c", start=False, **rules) as arena:
        arena.wire.faults = NetworkFaults(delay_s=(0.001, 0.002))
        with trio.move_on_after(60) as program:
            async with election.join(
                "reports", self_id="a", **{**alone(arena), **rules}
            ) as participant:
                arena.start("b", "c")
                async with participant.leading():
                    await trio.sleep(5)
                    program.cancel()
                    await trio.sleep_forever()
        ended_at = trio.current_time()
        assert ended_at < 60
        await arena.leader()
        assert trio.current_time() - ended_at < 0.2


class UninterruptibleState(election.MemoryState):
    """A state whose first write cannot be cancelled, as one in a thread cannot."""

    def __init__(self, program: trio.CancelScope) -> None:
        """Cancel `program` during the write."""
        super().__init__()
        self._program = program

    async def create(self, stable: Stable) -> None:
        """Cancel the program, and store the state."""
        self._program.cancel()
        with trio.CancelScope(shield=True):
            await super().create(stable)


async def test_a_program_that_is_cancelled_while_it_joins_gets_no_participant(
    autojump_clock: MockClock,
) -> None:
    async with open_arena("a", start=False) as arena:
        with trio.fail_after(30), trio.CancelScope() as program:
            given = {**alone(arena), "state": UninterruptibleState(program)}
            async with election.join("tasks", self_id="a", **given):
                pytest.fail("it was cancelled before it joined")
        assert program.cancelled_caught


@define(eq=False)
class BrokenLink(MemoryLink):
    """A link with a bug: it fails when `fail_now` is set."""

    fail_now: trio.Event = Factory(trio.Event)

    async def receive(self) -> tuple[NodeId, bytes]:
        """Fail once `fail_now` is set."""
        await self.fail_now.wait()
        raise RuntimeError("a bug")


@frozen
class BrokenDriver:
    """Opens a given link."""

    link: BrokenLink

    @asynccontextmanager
    async def open(self, election: str, me: NodeId) -> AsyncIterator[BrokenLink]:
        """Return the link."""
        yield self.link


async def test_a_bug_ends_the_participant_and_bodies_of_other_tasks(
    autojump_clock: MockClock,
) -> None:
    ended = trio.Event()

    async def work(
        participant: election.Participant, *, task_status: trio.TaskStatus[None]
    ) -> None:
        async with participant.leading():
            task_status.started()
            await trio.sleep_forever()
        ended.set()

    async def break_it(link: BrokenLink, nursery: trio.Nursery) -> None:
        given = {**alone(Arena(nursery, 0, {})), "driver": BrokenDriver(link)}
        async with election.join("reports", self_id="a", **given) as participant:
            await nursery.start(work, participant)
            link.fail_now.set()
            await trio.sleep(60)

    async with trio.open_nursery() as nursery:
        with pytest.raises(RuntimeError, match="a bug"):
            await break_it(BrokenLink(MemoryWire(), "reports", NodeId("a")), nursery)
        with trio.fail_after(1):
            await ended.wait()

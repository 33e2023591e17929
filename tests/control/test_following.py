"""A program follows the role, and counts as a tenant no shorter than it must."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from attrs import define, evolve
from trio.testing import MockClock

from qutrio.control.following import (
    FOLLOWERS_MAX,
    KEY_CHARS_MAX,
    LINE_EVERY_S,
    SEND_WAIT_S,
    SILENCE_S_MAX,
    follow_role,
)
from qutrio.control.protocol import Code, ControlFailure
from qutrio.control.request import Request
from qutrio.model.ids import Instant, NodeId, Term
from qutrio.model.stable import Position
from tests.control.scripted_node import LEASE_S, ME, ScriptedNode, new_scripted_node
from tests.patience import HANG_S


@define
class Program:
    """The other end of a conversation."""

    stream: Any
    _received: bytearray

    async def line(self) -> dict[str, Any]:
        """Return the next line."""
        while b"\n" not in self._received:
            chunk = await self.stream.receive_some()
            assert chunk, "the conversation is over"
            self._received += chunk
        line, _, rest = bytes(self._received).partition(b"\n")
        self._received = bytearray(rest)
        return dict(json.loads(line))

    async def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first line for which `wanted` is true."""
        with trio.fail_after(HANG_S):
            while not wanted(line := await self.line()):
                pass
        return line

    async def hold(self, number: int) -> None:
        """Request to be a tenant under a number."""
        await self.stream.send_all(json.dumps({"hold": number}).encode() + b"\n")

    async def is_held(self, number: int) -> dict[str, Any]:
        """Request to be a tenant, and wait until the node counts it."""
        await self.hold(number)
        return await self.until(lambda line: line["held"] == number)


@define
class Followers:
    """A scripted node, and the programs that follow it."""

    scripted: ScriptedNode
    nursery: trio.Nursery

    def open(self, key: str = "k") -> Program:
        """Begin a conversation."""
        ours, theirs = trio.testing.memory_stream_pair()
        request = Request({"op": "role.follow", "key": key})
        self.nursery.start_soon(follow_role, self.scripted.context(), request, theirs)
        return Program(ours, bytearray())

    def act(self, for_s: float | None, term: int = 4, *, vacating: bool = False) -> float:
        """Let the node act for so long from now; return until when."""
        until = trio.current_time() + (for_s or 0)
        view = self.scripted.view.value
        self.scripted.view.publish(
            evolve(
                view,
                position=Position(Term(term), 1),
                acting_until=None if for_s is None else Instant(until),
                vacating=vacating,
            )
        )
        return until


@asynccontextmanager
async def followers() -> AsyncIterator[Followers]:
    """Run a scripted node; end it and its followers afterwards."""
    async with trio.open_nursery() as nursery:
        scripted = new_scripted_node()
        nursery.start_soon(scripted.think)
        yield Followers(scripted, nursery)
        nursery.cancel_scope.cancel()


async def test_the_first_line_tells_how_the_role_stands(autojump_clock: MockClock) -> None:
    async with followers() as here:
        line = await here.open().line()
        assert line["acting"] is False
        assert line["until"] is None
        until = here.act(3.0)
        line = await here.open("other").line()
    assert line == {
        "ok": True,
        "node": ME,
        "name": "a",
        "cluster": "c0",
        "acting": True,
        "term": 4,
        "until": until,
        "lease_s": LEASE_S,
        "vacating": False,
        "held": 0,
        "taken": False,
    }


async def test_a_change_is_told_at_once_and_no_change_once_a_second(
    autojump_clock: MockClock,
) -> None:
    async with followers() as here:
        program = here.open()
        await program.line()
        began = trio.current_time()
        here.act(30.0)
        assert (await program.line())["acting"]
        assert trio.current_time() == began
        await program.line()
        assert trio.current_time() == pytest.approx(began + LINE_EVERY_S)
        here.act(30.0, vacating=True)
        assert (await program.line())["vacating"]
        here.act(None)
        assert not (await program.line())["acting"]
        assert trio.current_time() == pytest.approx(began + LINE_EVERY_S)


async def test_renewals_in_one_moment_are_told_in_one_line_and_a_cut_at_once(
    autojump_clock: MockClock,
) -> None:
    async with followers() as here:
        program = here.open()
        here.act(10.0)
        await program.line()
        began = trio.current_time()
        here.act(11.0)
        last = here.act(12.0)
        line = await program.until(lambda line: line["until"] != began + 10)
        assert line["until"] == last
        at = trio.current_time()
        shorter = here.act(2.0)
        assert (await program.line())["until"] == shorter
        assert trio.current_time() == at


async def test_a_lease_whose_end_has_passed_is_none(autojump_clock: MockClock) -> None:
    async with followers() as here:
        program = here.open()
        here.act(1.5)
        assert (await program.line())["acting"]
        await program.until(lambda line: not line["acting"])
        assert trio.current_time() >= 1.5


async def test_a_tenant_is_counted_before_it_is_told_so_and_until_it_lets_go(
    autojump_clock: MockClock,
) -> None:
    async with followers() as here:
        here.act(100.0)
        program = here.open()
        await program.is_held(1)
        assert here.scripted.counted == [1]
        await program.hold(0)
        await program.until(lambda line: line["held"] == 0)
        assert here.scripted.counted == [1, 0]
        assert (await program.is_held(2))["held"] == 2
        assert here.scripted.counted == [1, 0, 1]


async def test_two_with_one_key_exclude_one_another_and_the_second_follows_at_once(
    autojump_clock: MockClock,
) -> None:
    async with followers() as here:
        here.act(100.0)
        first, second, third = here.open("x"), here.open("x"), here.open("y")
        await first.is_held(1)
        await second.hold(1)
        assert (await second.until(lambda line: line["taken"]))["held"] == 0
        await third.is_held(1)
        assert here.scripted.counted == [1, 2]
        at = trio.current_time()
        await first.hold(0)
        await second.until(lambda line: line["held"] == 1)
        assert trio.current_time() == at
        assert here.scripted.counted == [1, 2, 1, 2]


async def test_nobody_is_let_in_while_tenants_of_an_earlier_life_may_run(
    autojump_clock: MockClock,
) -> None:
    async with followers() as here:
        here.act(100.0)
        here.scripted.tenants.opens_at = Instant(trio.current_time() + LEASE_S)
        program = here.open()
        await program.hold(1)
        while (await program.line())["held"] != 1:
            assert here.scripted.counted == []
            await program.hold(1)
        assert trio.current_time() >= here.scripted.tenants.opens_at


async def test_a_lost_tenant_counts_until_the_end_it_was_told_of(autojump_clock: MockClock) -> None:
    async with followers() as here:
        until = here.act(7.0)
        program, other = here.open("x"), here.open("x")
        await program.is_held(1)
        here.act(None)
        await program.stream.aclose()
        await other.hold(1)
        while (await other.line())["held"] != 1:
            assert here.scripted.counted[0] == 1
            await other.hold(1)
        assert trio.current_time() >= until
        assert here.scripted.counted[-1] == 1


async def test_a_lost_tenant_is_counted_no_more_when_its_lease_is_over(
    autojump_clock: MockClock,
) -> None:
    async with followers() as here:
        until = here.act(7.0)
        program = here.open()
        await program.is_held(1)
        await program.stream.aclose()
        await trio.sleep(until - trio.current_time() - 0.1)
        assert here.scripted.counted == [1]
        await trio.sleep(0.2)
        assert here.scripted.counted == [1, 0]


async def test_a_tenant_that_said_it_stopped_is_not_waited_for(autojump_clock: MockClock) -> None:
    async with followers() as here:
        here.act(100.0)
        program = here.open()
        await program.is_held(1)
        at = trio.current_time()
        await program.hold(0)
        await program.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert here.scripted.counted == [1, 0]
        assert trio.current_time() == at


async def test_a_tenant_that_is_silent_is_lost(autojump_clock: MockClock) -> None:
    async with followers() as here:
        here.act(1.0)
        program = here.open()
        await program.is_held(1)
        began = trio.current_time()
        with pytest.raises(AssertionError, match="conversation is over"):
            await program.until(lambda _: False)
        assert trio.current_time() - began <= SILENCE_S_MAX + 2 * LINE_EVERY_S
        await trio.testing.wait_all_tasks_blocked()
        assert here.scripted.counted == [1, 0]


@pytest.mark.parametrize(
    "words", [b"hello\n", b'{"hold": -1}\n', b'{"hold": true}\n', b"[]\n", b"x" * 2000]
)
async def test_nonsense_ends_the_conversation(autojump_clock: MockClock, words: bytes) -> None:
    async with followers() as here:
        program = here.open()
        await program.line()
        await program.stream.send_all(words)
        with pytest.raises(AssertionError, match="conversation is over"):
            await program.until(lambda _: False)


async def test_a_daemon_that_stops_asks_its_tenants_to_leave_and_waits_for_them(
    autojump_clock: MockClock,
) -> None:
    async with followers() as here:
        here.act(100.0)
        program = here.open()
        await program.is_held(1)

        async def leave() -> None:
            await program.until(lambda line: line["vacating"])
            await program.hold(0)

        here.nursery.start_soon(leave)
        at = trio.current_time()
        await here.scripted.tenants.vacate(8.0)
        assert trio.current_time() == at
        assert here.scripted.counted == [1, 0]
        await program.hold(2)
        assert (await program.line())["held"] == 0


async def test_a_daemon_that_stops_does_not_wait_for_ever(autojump_clock: MockClock) -> None:
    async with followers() as here:
        here.act(100.0)
        program = here.open()
        await program.is_held(1)
        at = trio.current_time()
        await here.scripted.tenants.vacate(3.0)
        assert trio.current_time() == pytest.approx(at + 3.0)


async def test_a_stopping_daemon_without_tenants_waits_for_nothing(
    autojump_clock: MockClock,
) -> None:
    async with followers() as here:
        await here.scripted.tenants.vacate(3.0)
        assert trio.current_time() == 0


async def test_programs_beyond_the_limit_are_refused(autojump_clock: MockClock) -> None:
    async with followers() as here:
        for number in range(FOLLOWERS_MAX):
            await here.open(str(number)).line()
        request = Request({"op": "role.follow", "key": "one more"})
        _, theirs = trio.testing.memory_stream_pair()
        with pytest.raises(ControlFailure, match="follow the role") as caught:
            await follow_role(here.scripted.context(), request, theirs)
        assert caught.value.code is Code.REFUSED


async def test_a_key_has_a_limit(autojump_clock: MockClock) -> None:
    request = Request({"op": "role.follow", "key": "k" * (KEY_CHARS_MAX + 1)})
    _, theirs = trio.testing.memory_stream_pair()
    with pytest.raises(ControlFailure, match="at most") as caught:
        await follow_role(new_scripted_node().context(), request, theirs)
    assert caught.value.code is Code.INVALID


async def test_a_node_that_is_no_member_is_named_by_its_id(autojump_clock: MockClock) -> None:
    async with followers() as here:
        here.scripted.view.publish(evolve(here.scripted.view.value, node=NodeId("n9")))
        assert (await here.open().line())["name"] == "n9"


async def test_a_program_that_takes_no_line_is_lost(autojump_clock: MockClock) -> None:
    scripted = new_scripted_node()
    _, theirs = trio.testing.lockstep_stream_pair()
    request = Request({"op": "role.follow", "key": "k"})
    await follow_role(scripted.context(), request, theirs)
    assert trio.current_time() == pytest.approx(SEND_WAIT_S)
    assert scripted.tenants.followers == []


async def test_a_daemon_that_is_about_to_end_ends_the_conversation(
    autojump_clock: MockClock,
) -> None:
    scripted = new_scripted_node()
    ours, theirs = trio.testing.memory_stream_pair()
    program = Program(ours, bytearray())
    request = Request({"op": "role.follow", "key": "k"})
    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow_role, scripted.context(), request, theirs)
        await program.line()
        scripted.inbox.close()
        await program.hold(1)
        with pytest.raises(AssertionError, match="conversation is over"):
            await program.until(lambda _: False)
    assert scripted.tenants.followers == []

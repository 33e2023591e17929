"""What every driver must do, as checks that any driver can be given.

A driver here serves the seats a, b and c of any election.  All waiting is for events: a frame
may be lost until a link is up, so it is said again until it is heard.
"""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import trio

from qutrio import election
from qutrio.election.drivers.interface import (
    FRAME_BYTES_MAX,
    FRAMES_QUEUED_MAX,
    Driver,
    Link,
)
from qutrio.model.ids import NodeId
from tests.patience import HANG_S

A, B, C = NodeId("a"), NodeId("b"), NodeId("c")
SEATS = (A, B, C)
PATIENCE_S = HANG_S
AGAIN_S = 0.1

Check = Callable[[Driver], Awaitable[None]]


async def say(link: Link, to: NodeId, other: Link, frame: bytes) -> NodeId:
    """Send a frame again and again until the other end has it; return from whom it came."""
    with trio.fail_after(PATIENCE_S):
        while True:
            link.send(to, frame)
            with trio.move_on_after(AGAIN_S):
                return await hear(other, frame)


async def hear(link: Link, frame: bytes) -> NodeId:
    """Wait for a frame, whatever else is said; return from whom it came."""
    while True:
        sender, heard = await link.receive()
        if heard == frame:
            return sender


async def open_all(stack: AsyncExitStack, driver: Driver, name: str = "jobs") -> list[Link]:
    """Open the ends of all seats, and return them when each hears each."""
    links = [
        await stack.enter_async_context(driver.open(name, participant)) for participant in SEATS
    ]
    for one, link in zip(SEATS, links, strict=True):
        for two, other in zip(SEATS, links, strict=True):
            if one != two:
                assert await say(link, two, other, b"hello from " + one.encode()) == one
    return links


async def frames_are_for_one_seat_or_for_all_others(driver: Driver) -> None:
    """Also: the sender is who sent, and nobody hears himself."""
    async with AsyncExitStack() as stack:
        a, b, c = await open_all(stack, driver)
        a.send(B, b"to b")
        a.broadcast(b"to all")
        with trio.fail_after(PATIENCE_S):
            assert await hear(b, b"to b") == A
            assert await hear(b, b"to all") == A
            while (heard := await c.receive()) != (A, b"to all"):
                assert heard[1] != b"to b"
            b.send(A, b"last")
            while (heard := await a.receive()) != (B, b"last"):
                assert heard[0] != A


async def frames_arrive_whole(driver: Driver) -> None:
    """Any bytes, and as many as are allowed."""
    async with AsyncExitStack() as stack:
        a, b, _ = await open_all(stack, driver)
        for frame in (bytes(range(256)), b"\r\n.\r\n", b"\0", b"x" * FRAME_BYTES_MAX):
            assert await say(a, B, b, frame) == A


async def a_frame_that_is_too_long_is_trouble_and_nothing_else(driver: Driver) -> None:
    """The next ones arrive."""
    async with AsyncExitStack() as stack:
        a, b, _ = await open_all(stack, driver)
        long = b"x" * (FRAME_BYTES_MAX + 1)
        a.send(B, long)
        with trio.fail_after(PATIENCE_S):
            while str(len(long)) not in await a.trouble():
                pass
        assert await say(a, B, b, b"short") == A


async def sending_waits_for_nobody(driver: Driver) -> None:
    """Neither for a seat that is not there nor for one that does not listen."""
    async with AsyncExitStack() as stack:
        a, b, _ = await open_all(stack, driver)
        for number in range(3 * FRAMES_QUEUED_MAX):
            a.send(NodeId("nobody"), b"%d" % number)
            a.send(B, b"%d" % number)
        assert await say(a, B, b, b"the newest") == A


async def elections_do_not_hear_each_other(driver: Driver) -> None:
    """A seat of another election hears nothing."""
    async with AsyncExitStack() as stack:
        a = await stack.enter_async_context(driver.open("jobs", A))
        b = await stack.enter_async_context(driver.open("jobs", B))
        c = await stack.enter_async_context(driver.open("chores", C))
        await say(a, B, b, b"hello")
        a.broadcast(b"jobs")
        a.send(C, b"jobs")
        await say(a, B, b, b"bye")
        with trio.move_on_after(AGAIN_S):
            raise AssertionError(f"heard {await c.receive()}")


async def a_seat_that_comes_back_is_heard_again(driver: Driver) -> None:
    """As often as it likes."""
    async with driver.open("jobs", A) as a:
        for frame in (b"once", b"again", b"and again"):
            async with driver.open("jobs", B) as b:
                assert await say(b, A, a, frame) == B
                assert await say(a, B, b, frame) == A


async def last_words_arrive(driver: Driver) -> None:
    """What was handed over before the end still leaves, also when the end is a cancellation."""
    async with driver.open("jobs", A) as a:
        for cancelled in (False, True):
            with trio.CancelScope() as scope:
                async with driver.open("jobs", B) as b:
                    await say(b, A, a, b"here")
                    if cancelled:
                        scope.cancel()
                    b.send(A, b"farewell")
            with trio.fail_after(PATIENCE_S):
                assert await hear(a, b"farewell") == B


async def whoever_stops_waiting_loses_nothing(driver: Driver) -> None:
    """A cancelled `receive` leaves the frame to the next one."""
    async with AsyncExitStack() as stack:
        a, b, _ = await open_all(stack, driver)
        a.send(B, b"first")
        with trio.fail_after(PATIENCE_S):
            while True:
                with trio.CancelScope() as scope:
                    scope.cancel()
                    await b.receive()
                with trio.move_on_after(AGAIN_S):
                    assert await hear(b, b"first") == A
                    return


async def seats_elect_over_it(driver: Driver) -> None:
    """One of three leads; when it leaves, another leads in a higher term."""
    terms: list[int] = []
    done = trio.Event()

    async def work(self_id: str) -> None:
        async with election.join(
            "jobs",
            self_id=self_id,
            members=SEATS,
            driver=driver,
            state=election.MemoryState(),
            election_timeout=2.0,
        ) as participant:
            async with participant.leading() as term:
                terms.append(term)
                if len(terms) == 2:
                    done.set()

    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            for participant in SEATS:
                nursery.start_soon(work, participant)
            await done.wait()
            nursery.cancel_scope.cancel()
    assert terms[0] < terms[1]


CHECKS: tuple[Check, ...] = (
    frames_are_for_one_seat_or_for_all_others,
    frames_arrive_whole,
    a_frame_that_is_too_long_is_trouble_and_nothing_else,
    sending_waits_for_nobody,
    elections_do_not_hear_each_other,
    a_seat_that_comes_back_is_heard_again,
    last_words_arrive,
    whoever_stops_waiting_loses_nothing,
    seats_elect_over_it,
)

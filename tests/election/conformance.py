"""What every driver must do, as checks that run over any driver.

A driver here serves the participants a, b and c of any election.  All waiting is for events: a
frame may be lost until a link is up, so it is sent again until it is received.
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
PARTICIPANTS = (A, B, C)
PATIENCE_S = HANG_S
RESEND_S = 0.1

Check = Callable[[Driver], Awaitable[None]]


async def send_until_received(link: Link, to: NodeId, other: Link, frame: bytes) -> NodeId:
    """Send a frame repeatedly until the other end receives it; return its sender."""
    with trio.fail_after(PATIENCE_S):
        while True:
            link.send(to, frame)
            with trio.move_on_after(RESEND_S):
                return await receive_frame(other, frame)


async def receive_frame(link: Link, frame: bytes) -> NodeId:
    """Wait for a frame, ignoring others; return its sender."""
    while True:
        sender, heard = await link.receive()
        if heard == frame:
            return sender


async def open_all(stack: AsyncExitStack, driver: Driver, name: str = "jobs") -> list[Link]:
    """Open the links of all participants, and return them when all can reach each other."""
    links = [
        await stack.enter_async_context(driver.open(name, participant))
        for participant in PARTICIPANTS
    ]
    for one, link in zip(PARTICIPANTS, links, strict=True):
        for two, other in zip(PARTICIPANTS, links, strict=True):
            if one != two:
                assert (
                    await send_until_received(link, two, other, b"hello from " + one.encode())
                    == one
                )
    return links


async def frames_are_for_one_participant_or_for_all_others(driver: Driver) -> None:
    """Also: the sender is right, and no participant receives its own frames."""
    async with AsyncExitStack() as stack:
        a, b, c = await open_all(stack, driver)
        a.send(B, b"to b")
        a.broadcast(b"to all")
        with trio.fail_after(PATIENCE_S):
            assert await receive_frame(b, b"to b") == A
            assert await receive_frame(b, b"to all") == A
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
            assert await send_until_received(a, B, b, frame) == A


async def a_frame_that_is_too_long_is_trouble_and_nothing_else(driver: Driver) -> None:
    """Later frames arrive."""
    async with AsyncExitStack() as stack:
        a, b, _ = await open_all(stack, driver)
        long = b"x" * (FRAME_BYTES_MAX + 1)
        a.send(B, long)
        with trio.fail_after(PATIENCE_S):
            while str(len(long)) not in await a.trouble():
                pass
        assert await send_until_received(a, B, b, b"short") == A


async def sending_never_waits(driver: Driver) -> None:
    """Neither for a participant that is not there nor for one that does not listen."""
    async with AsyncExitStack() as stack:
        a, b, _ = await open_all(stack, driver)
        for number in range(3 * FRAMES_QUEUED_MAX):
            a.send(NodeId("nobody"), b"%d" % number)
            a.send(B, b"%d" % number)
        assert await send_until_received(a, B, b, b"the newest") == A


async def elections_do_not_receive_each_others_frames(driver: Driver) -> None:
    """A participant of another election receives nothing."""
    async with AsyncExitStack() as stack:
        a = await stack.enter_async_context(driver.open("jobs", A))
        b = await stack.enter_async_context(driver.open("jobs", B))
        c = await stack.enter_async_context(driver.open("chores", C))
        await send_until_received(a, B, b, b"hello")
        a.broadcast(b"jobs")
        a.send(C, b"jobs")
        await send_until_received(a, B, b, b"bye")
        with trio.move_on_after(RESEND_S):
            raise AssertionError(f"heard {await c.receive()}")


async def frames_of_a_restarted_participant_arrive(driver: Driver) -> None:
    """Also after several restarts."""
    async with driver.open("jobs", A) as a:
        for frame in (b"once", b"again", b"and again"):
            async with driver.open("jobs", B) as b:
                assert await send_until_received(b, A, a, frame) == B
                assert await send_until_received(a, B, b, frame) == A


async def queued_frames_are_sent_at_the_end(driver: Driver) -> None:
    """Also when the end is a cancellation."""
    async with driver.open("jobs", A) as a:
        for cancelled in (False, True):
            with trio.CancelScope() as scope:
                async with driver.open("jobs", B) as b:
                    await send_until_received(b, A, a, b"here")
                    if cancelled:
                        scope.cancel()
                    b.send(A, b"farewell")
            with trio.fail_after(PATIENCE_S):
                assert await receive_frame(a, b"farewell") == B


async def a_cancelled_receive_loses_nothing(driver: Driver) -> None:
    """The next `receive` gets the frame."""
    async with AsyncExitStack() as stack:
        a, b, _ = await open_all(stack, driver)
        a.send(B, b"first")
        with trio.fail_after(PATIENCE_S):
            while True:
                with trio.CancelScope() as scope:
                    scope.cancel()
                    await b.receive()
                with trio.move_on_after(RESEND_S):
                    assert await receive_frame(b, b"first") == A
                    return


async def participants_elect_over_it(driver: Driver) -> None:
    """One of three leads; when it leaves, another leads in a higher term."""
    terms: list[int] = []
    done = trio.Event()

    async def work(self_id: str) -> None:
        async with election.join(
            "jobs",
            self_id=self_id,
            members=PARTICIPANTS,
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
            for participant in PARTICIPANTS:
                nursery.start_soon(work, participant)
            await done.wait()
            nursery.cancel_scope.cancel()
    assert terms[0] < terms[1]


CHECKS: tuple[Check, ...] = (
    frames_are_for_one_participant_or_for_all_others,
    frames_arrive_whole,
    a_frame_that_is_too_long_is_trouble_and_nothing_else,
    sending_never_waits,
    elections_do_not_receive_each_others_frames,
    frames_of_a_restarted_participant_arrive,
    queued_frames_are_sent_at_the_end,
    a_cancelled_receive_loses_nothing,
    participants_elect_over_it,
)

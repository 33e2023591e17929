"""The links between participants in virtual time, against faulty members."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from attrs import define, field
from trio.testing import MockClock, memory_stream_pair

from qutrio.election.drivers.ring import Ring
from qutrio.election.drivers.websocket_links import (
    GREETINGS_PER_MEMBER_MAX,
    KEEP_ALIVE,
    PROTOCOL,
    SILENCE_S,
    Mesh,
)
from qutrio.errors import PeerError
from qutrio.model.ids import Fingerprint, NodeId
from qutrio.model.members import Member
from qutrio.peers.frames import Hello, Refused, receive_frame, send_frame
from qutrio.peers.transport import Handler
from qutrio.peers.websocket import WebSocket, open_websocket

A, B = NodeId("a"), NodeId("b")
BYTES_MAX = 1024


def member(name: NodeId) -> Member:
    return Member(
        id=name, name=name, address="192.0.2.1:1", fingerprint=Fingerprint(name), certificate=""
    )


@define(eq=False)
class FakeTransport:
    """A transport in memory: the test connects to it, and `answer` accepts its dials."""

    answer: Callable[[trio.abc.Stream], Awaitable[None]] | None = None
    handler: Handler | None = None
    dials: int = 0
    taken: int = 0
    """How many times the port is in use before it is free."""
    nursery: trio.Nursery | None = None
    listening: trio.Event = field(factory=trio.Event)

    async def dial(
        self, address: str, expect: frozenset[Fingerprint], *, anonymous: bool = False
    ) -> trio.abc.Stream:
        self.dials += 1
        if self.answer is None:
            raise PeerError("nobody there")
        assert self.nursery is not None
        ours, theirs = memory_stream_pair()
        self.nursery.start_soon(self.answer, theirs)
        return ours

    async def serve(
        self, handler: Handler, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
    ) -> None:
        if self.taken:
            self.taken -= 1
            raise PeerError("cannot listen")
        self.handler = handler
        self.listening.set()
        await trio.sleep_forever()

    async def connect_as(self, who: str) -> trio.abc.Stream:
        """Connect with a key; return the other end of the stream."""
        await self.listening.wait()
        assert self.handler is not None
        assert self.nursery is not None
        ours, theirs = memory_stream_pair()
        self.nursery.start_soon(self.handler, ours, Fingerprint(who))
        return theirs


class BrokenTransport(FakeTransport):
    """A transport with a bug."""

    async def dial(
        self, address: str, expect: frozenset[Fingerprint], *, anonymous: bool = False
    ) -> trio.abc.Stream:
        raise RuntimeError("a bug somewhere")


@define(eq=False)
class PeerLinks:
    """A participant of two; the test plays the other."""

    transport: FakeTransport = field(factory=FakeTransport)
    frames: Ring[tuple[NodeId, bytes]] = field(factory=lambda: Ring(8))
    troubles: Ring[str] = field(factory=lambda: Ring(64))

    @asynccontextmanager
    async def participant(self, me: NodeId = B) -> AsyncIterator[Mesh]:
        mesh = Mesh(
            me=me,
            election="jobs",
            members={A: member(A), B: member(B)},
            transport=self.transport,
            frames=self.frames,
            report=self.troubles.put,
            rng=random.Random(1),
        )
        async with trio.open_nursery() as nursery:
            self.transport.nursery = nursery
            nursery.start_soon(mesh.run)
            try:
                yield mesh
            finally:
                mesh.end()
                nursery.cancel_scope.cancel()

    async def trouble(self, words: str) -> None:
        with trio.fail_after(600):
            while words not in await self.troubles.get():
                pass


def hello(node: str = A, cluster: str = "jobs", protocol: int = PROTOCOL) -> Hello:
    return Hello(protocol=protocol, node=node, cluster=cluster, program="a test")


@asynccontextmanager
async def socket_to(links: PeerLinks, who: str = A) -> AsyncIterator[WebSocket]:
    stream = await links.transport.connect_as(who)
    async with open_websocket(stream, client=True, message_bytes_max=BYTES_MAX) as socket:
        yield socket


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (hello(protocol=PROTOCOL + 1), "speaks protocol"),
        (hello(cluster="chores"), "another election"),
        (hello(node="c"), "not that of its key"),
    ],
)
async def test_a_member_that_sends_a_wrong_hello_is_refused(
    said: Hello, problem: str, autojump_clock: MockClock
) -> None:
    links = PeerLinks()
    async with links.participant(), socket_to(links) as socket:
        await send_frame(socket, said)
        answer = await receive_frame(socket, 5)
        assert isinstance(answer, Refused)
        assert problem in answer.reason
        await links.trouble(problem)


async def test_a_link_that_is_silent_is_cut(autojump_clock: MockClock) -> None:
    links = PeerLinks()
    async with links.participant(), socket_to(links) as socket:
        await send_frame(socket, hello())
        assert isinstance(await receive_frame(socket, 5), Hello)
        since = trio.current_time()
        assert await socket.receive() == KEEP_ALIVE
        await links.trouble("silent")
        assert SILENCE_S <= trio.current_time() - since <= 2 * SILENCE_S


async def test_a_second_link_of_the_higher_id_is_refused(autojump_clock: MockClock) -> None:
    links = PeerLinks()

    async def lower(stream: trio.abc.Stream) -> None:
        async with open_websocket(stream, client=False, message_bytes_max=BYTES_MAX) as socket:
            await receive_frame(socket, 5)
            await send_frame(socket, hello(node=B))
            while True:
                await socket.send(b"x")
                await trio.sleep(1)

    links.transport.answer = lower
    async with links.participant(A):
        with trio.fail_after(60):
            await links.frames.get()
        async with socket_to(links, B) as socket:
            await send_frame(socket, hello(node=B))
            answer = await receive_frame(socket, 5)
        assert isinstance(answer, Refused)
        assert "already" in answer.reason
        with trio.fail_after(60):
            assert await links.frames.get() == (B, b"x")


async def test_strangers_and_excess_connections_are_closed(autojump_clock: MockClock) -> None:
    links = PeerLinks()
    async with links.participant():
        waiting = [await links.transport.connect_as(A) for _ in range(GREETINGS_PER_MEMBER_MAX)]
        await trio.testing.wait_all_tasks_blocked()
        for stream in (await links.transport.connect_as(A), await links.transport.connect_as("n0")):
            with trio.fail_after(1):
                assert await stream.receive_some() == b""
        for stream in waiting:
            await stream.aclose()


async def test_a_port_that_is_in_use_is_tried_again(autojump_clock: MockClock) -> None:
    links = PeerLinks(FakeTransport(taken=3))
    async with links.participant():
        with trio.fail_after(60):
            await links.transport.listening.wait()
        await links.trouble("cannot listen")


async def test_the_higher_id_dials_only_after_a_while_and_reports_the_reason_once(
    autojump_clock: MockClock,
) -> None:
    links = PeerLinks()
    async with links.participant():
        await trio.sleep(1)
        assert links.transport.dials == 0
        await links.trouble("no link to a: nobody there")
        await trio.sleep(60)
        assert links.transport.dials > 5
        with trio.move_on_after(0):
            raise AssertionError(await links.troubles.get())


async def test_an_unexpected_error_ends_one_link_only(autojump_clock: MockClock) -> None:
    links = PeerLinks(BrokenTransport())
    async with links.participant(A), socket_to(links, B) as socket:
        await links.trouble("an unexpected error: RuntimeError('a bug somewhere')")
        await send_frame(socket, hello(node=B))
        assert isinstance(await receive_frame(socket, 5), Hello)


async def test_leaving_cuts_a_link_whose_hellos_are_not_over(autojump_clock: MockClock) -> None:
    links = PeerLinks()
    async with links.participant() as mesh, socket_to(links) as socket:
        await send_frame(socket, hello())
        await receive_frame(socket, 5)
        with trio.fail_after(5):
            await mesh.drain()
        stream = await links.transport.connect_as(A)
        with trio.fail_after(1):
            assert await stream.receive_some() == b""

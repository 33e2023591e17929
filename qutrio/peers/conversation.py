"""The protocol on a link to a member: hellos, then messages both ways until the link ends."""

import math

import trio
from attrs import define, field

from qutrio import __version__
from qutrio.codec.wire import WIRE_VERSION, frames, kind_of, longest
from qutrio.core.api.events import Announced, Linked, Received
from qutrio.core.api.view import View
from qutrio.errors import PeerError
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import NodeId, Seconds
from qutrio.model.levels import LEVEL, can_belong
from qutrio.model.members import Member
from qutrio.peers.frames import Hello, Refused, receive_expected, send_frame
from qutrio.peers.large_frames import LargeFrames
from qutrio.peers.links import Link
from qutrio.peers.reading import read_frame
from qutrio.peers.websocket import WebSocket
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from qutrio.plumbing.log import Log
from qutrio.plumbing.outbox import Outbox, Outboxes

HELLO_DEADLINE_S = 10.0
INLINE_BYTES_MAX = 64 * 1024
"""A longer frame takes more than a few milliseconds to decode."""
DECODING_THREADS_MAX = 2
SILENCE_S_MIN = 10.0
SILENCE_IN_DEAD_AFTER = 2.0


@define(eq=False, kw_only=True)
class Conversation:
    """Runs the protocol with any member once the connection is made."""

    node_id: NodeId
    view: Latest[View]
    inbox: Inbox
    outboxes: Outboxes
    log: Log
    level: int = LEVEL
    levels: dict[NodeId, int] = field(factory=dict, init=False)
    """The feature level that each member's last hello announced."""
    _large: dict[NodeId, LargeFrames] = field(factory=dict, init=False)
    _decoding: trio.CapacityLimiter = field(
        factory=lambda: trio.CapacityLimiter(DECODING_THREADS_MAX), init=False
    )

    async def send_hello(self, socket: WebSocket) -> None:
        """Send this node's hello; raises `PeerError`."""
        hello = Hello(
            protocol=WIRE_VERSION,
            node=self.node_id,
            cluster=self.view.value.document.cluster_id,
            program=__version__,
            level=self.level,
        )
        await send_frame(socket, hello)

    async def receive_hello(self, socket: WebSocket, member: Member) -> int:
        """Receive the other side's hello, and return the feature level of its program.

        Raises `PeerError` when the hello does not fit, or the level is too low.  The hello
        does not authenticate: `member` is the one that the certificate names.  A hello that
        names another node comes from a broken or hostile program, so the link is refused.
        """
        hello = await receive_expected(socket, Hello, HELLO_DEADLINE_S)
        if hello.protocol != WIRE_VERSION:
            theirs = f"it speaks protocol {hello.protocol} (qutrio {hello.program[:40]})"
            await self._refuse(socket, f"{theirs}, and this node {WIRE_VERSION}; upgrade the older")
        if hello.cluster != self.view.value.document.cluster_id:
            await self._refuse(socket, "the hello names another cluster")
        if hello.node != member.id:
            await self._refuse(socket, "the hello names another node than the certificate")
        self.levels[member.id] = hello.level
        await self._post(Announced(member.id, hello.level))
        if problem := too_old(member.name, hello.level, self.view.value.document):
            await self._refuse(socket, problem)
        return hello.level

    def is_outdated(self, member: Member) -> bool:
        """Return whether a member's program is too old for the cluster, by its last hello."""
        document = self.view.value.document
        level = self.levels.get(member.id, document.level)
        return too_old(member.name, level, document) is not None

    async def run(self, link: Link) -> None:
        """Carry messages both ways until the outbox ends; raises `PeerError` when the peer ends it.

        The link's socket must have exchanged hellos.
        """
        outbox = link.outbox = self.outboxes.open(link.peer)
        large = self._large.setdefault(link.peer, LargeFrames(link.peer))
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._post, Linked(link.peer))
                nursery.start_soon(self._read, link, large)
                nursery.start_soon(self._cut_when_silent, link.socket)
                await self._write(link, outbox, large)
                # Close the outbox only after the peer had the chance to read all of it.
                nursery.cancel_scope.cancel()
            await link.socket.finish()
        finally:
            self.outboxes.close(link.peer, outbox)

    async def _refuse(self, socket: WebSocket, reason: str) -> None:
        await send_frame(socket, Refused(reason=reason))
        raise PeerError(f"refused: {reason}")

    async def _post(self, event: Announced | Linked) -> None:
        try:
            await self.inbox.post(event)
        except trio.BrokenResourceError:
            return  # this node is stopping, and only sends what is still queued

    async def _read(self, link: Link, large: LargeFrames) -> None:
        while True:
            event = await self._decoded(large, await link.socket.receive())
            if event is None:
                continue
            try:
                await self.inbox.post(event)
            except trio.BrokenResourceError:
                return  # as above

    async def _decoded(self, large: LargeFrames, data: bytes) -> Received | None:
        """Decode a frame, a large one in a thread; the next one is not read before.

        A large one that this node does not want is nothing; raises `PeerError` for too many.
        """
        peer = large.peer
        if len(data) <= INLINE_BYTES_MAX or len(data) > longest(data):
            return read_frame(peer, data)
        if not large.wanted(kind_of(data), len(data), self.view.value):
            return None
        # Not abandoned when the link ends: what it works on is bounded, and so are the threads.
        return await trio.to_thread.run_sync(read_frame, peer, data, limiter=self._decoding)

    async def _write(self, link: Link, outbox: Outbox, large: LargeFrames) -> None:
        told = set[str]()
        async for message in outbox:
            large.said(message)
            parts = frames(message)
            kind = type(message).__name__
            if not parts and kind not in told:
                told.add(kind)  # once for each link: it may be said again every second
                self.log("message too large to send", peer=link.peer, message=kind)
            for data in parts:
                await link.socket.send(data)

    async def _cut_when_silent(self, socket: WebSocket) -> None:
        while True:
            limit_s = silence_limit(self.view.value.document.settings.dead_after_s)
            left_s = socket.received_at + limit_s - trio.current_time()
            if left_s <= 0:
                raise PeerError(f"silent for {limit_s:g}s")
            await trio.sleep(left_s)


def too_old(name: str, level: int, document: ClusterDocument) -> str | None:
    """Return why a node whose program knows `level` cannot be a member; None when it can."""
    if can_belong(level, document):
        return None
    return f"{name} runs level {level}, the cluster needs {document.level}; upgrade {name}"


def silence_limit(dead_after_s: Seconds) -> Seconds:
    """Return how long a link may be silent; heartbeats come several times in `dead_after_s`."""
    assert math.isfinite(dead_after_s), "settings are finite"
    return max(SILENCE_S_MIN, SILENCE_IN_DEAD_AFTER * dead_after_s)

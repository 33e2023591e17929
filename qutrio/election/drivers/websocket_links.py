"""One link to every other seat: dialled or accepted, watched, and made again when it is gone.

Of every pair the lower id dials at once, the other only when it has had no link for a while;
`peers.links` says what happens when both did.  The links live in a task that cancellation from
outside does not reach, so that a seat that is cancelled can still say that it resigns; `end`
ends them all.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import trio
from attrs import define, field

from qutrio import __version__
from qutrio.election.drivers.interface import FRAME_BYTES_MAX, FRAMES_QUEUED_MAX
from qutrio.election.drivers.ring import Ring
from qutrio.errors import PeerError
from qutrio.peers.frames import Hello, Refused, receive_expected, send_frame
from qutrio.peers.links import LONE_S, Link, Links
from qutrio.peers.websocket import open_websocket
from qutrio.plumbing.backoff import Backoff

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from qutrio.model.ids import Fingerprint, NodeId, Seconds
    from qutrio.model.members import Member
    from qutrio.peers.transport import Transport

PROTOCOL = 1
"""What the hellos and frames of this version look like."""
HELLO_DEADLINE_S = 5.0
REDIAL_FIRST_S = 0.2
REDIAL_CAP_S = 2.0
STEADY_S = 5.0
"""A link that lasted so long was a good one, and is dialled again without a pause."""
KEEP_ALIVE_S = 1.0
SILENCE_S = 5.0
GREETINGS_PER_MEMBER_MAX = 4
KEEP_ALIVE = b""


@define(eq=False, kw_only=True)
class Mesh:
    """The links of one seat."""

    me: NodeId
    election: str
    members: Mapping[NodeId, Member]
    transport: Transport
    frames: Ring[tuple[NodeId, bytes]]
    tell: Callable[[str], None]
    rng: random.Random
    _links: Links = field(factory=Links, init=False)
    _queues: dict[NodeId, Ring[bytes]] = field(factory=dict, init=False)
    _greeting: Counter[NodeId] = field(factory=Counter, init=False)
    _told: dict[NodeId, str] = field(factory=dict, init=False)
    _life: trio.CancelScope = field(factory=lambda: trio.CancelScope(shield=True), init=False)
    _leaving: bool = field(default=False, init=False)

    # What the seat does

    def send(self, to: NodeId, frame: bytes) -> None:
        """Queue a frame for one seat, if there is a link to it."""
        if (queue := self._queues.get(to)) is not None:
            queue.put(frame)

    def broadcast(self, frame: bytes) -> None:
        """Queue a frame on every link."""
        for queue in self._queues.values():
            queue.put(frame)

    async def live(self) -> None:
        """Listen, and keep a link to every member, until `end`."""
        with self._life:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._listen)
                for member in self.members.values():
                    if member.id != self.me:
                        nursery.start_soon(self._keep, member)

    async def leave(self) -> None:
        """Return when all that is queued was sent; no new link is made from now on."""
        self._leaving = True
        for queue in self._queues.values():
            queue.close()
        for link in self._links:
            if link.peer not in self._queues:
                link.scope.cancel()  # the hellos are not over
            await self._links.wait_down(link.peer)

    def end(self) -> None:
        """Cut all links and stop listening."""
        self._life.cancel()

    # Accepting

    async def _listen(self) -> None:
        """Accept connections; a port that is taken for a moment is tried again."""
        backoff = Backoff(self.rng, REDIAL_FIRST_S, REDIAL_CAP_S)
        while True:
            try:
                await self.transport.serve(self._accept)
            except PeerError as error:
                self.tell(str(error))
                await trio.sleep(backoff.next())

    async def _accept(self, stream: trio.abc.Stream, fingerprint: Fingerprint | None) -> None:
        member = next((m for m in self.members.values() if m.fingerprint == fingerprint), None)
        if member is None or self._leaving or self._crowded(member):
            await trio.aclose_forcefully(stream)
            return
        self._greeting[member.id] += 1
        greeting = [member.id]

        def greeted() -> None:
            self._greeting.subtract(greeting)
            greeting.clear()

        try:
            await self._contained(member, self._link(stream, member, dialled=False, up=greeted))
        finally:
            greeted()

    def _crowded(self, member: Member) -> bool:
        return member.id == self.me or self._greeting[member.id] >= GREETINGS_PER_MEMBER_MAX

    # Dialling

    async def _keep(self, member: Member) -> None:
        """Dial a member whenever there is no link to it."""
        backoff = Backoff(self.rng, REDIAL_FIRST_S, REDIAL_CAP_S)
        patience_s = 0.0 if self.me < member.id else LONE_S
        pause_s = patience_s
        while not self._leaving:
            up = await self._links.wait_up(member.id, pause_s)
            since = trio.current_time()
            if up:
                await self._links.wait_down(member.id)
            else:
                await self._contained(member, self._dial(member))
            if steady := trio.current_time() - since >= STEADY_S:
                backoff.reset()
            pause_s = max(patience_s, 0.0 if steady else backoff.next())

    async def _dial(self, member: Member) -> None:
        """Dial, and stay until the link has ended; raises `PeerError`."""
        stream = await self.transport.dial(member.address, frozenset({member.fingerprint}))
        await self._link(stream, member, dialled=True, up=lambda: None)

    # Both

    async def _link(
        self, stream: trio.abc.Stream, member: Member, *, dialled: bool, up: Callable[[], None]
    ) -> None:
        """Say hello, and carry frames both ways; raises `PeerError` when the link ends."""
        with trio.CancelScope() as scope:
            async with open_websocket(
                stream, client=dialled, message_bytes_max=FRAME_BYTES_MAX
            ) as socket:
                link = Link(
                    peer=member.id,
                    fingerprint=member.fingerprint,
                    dialler=self.me if dialled else member.id,
                    socket=socket,
                    scope=scope,
                )
                try:
                    await self._greet(link, dialled=dialled)
                    up()
                    with self._queue(link) as queue:
                        await self._talk(link, queue)
                finally:
                    self._links.remove(link)

    async def _greet(self, link: Link, *, dialled: bool) -> None:
        """Exchange hellos; whoever accepts decides first, and answers only when it agrees."""
        hello = Hello(protocol=PROTOCOL, node=self.me, cluster=self.election, program=__version__)
        if dialled:
            await send_frame(link.socket, hello)
        theirs = await receive_expected(link.socket, Hello, HELLO_DEADLINE_S)
        await self._require(link, theirs)
        if not self._links.admit(link):
            await send_frame(link.socket, Refused(reason="there is a link already"))
            raise PeerError("there is a link already")
        if not dialled:
            await send_frame(link.socket, hello)

    async def _require(self, link: Link, hello: Hello) -> None:
        """Refuse another protocol, another election, and another seat than the key's."""
        problem = None
        if hello.protocol != PROTOCOL:
            problem = f"it speaks protocol {hello.protocol}, and this seat {PROTOCOL}"
        elif hello.cluster != self.election:
            problem = "it sits in another election"
        elif hello.node != link.peer:
            problem = "it calls itself otherwise than its key"
        if problem is not None:
            await send_frame(link.socket, Refused(reason=problem))
            raise PeerError(f"refused: {problem}")

    @contextmanager
    def _queue(self, link: Link) -> Iterator[Ring[bytes]]:
        queue: Ring[bytes] = Ring(FRAMES_QUEUED_MAX)
        self._queues[link.peer] = queue
        if self._told.pop(link.peer, None) is not None:
            self.tell(f"linked to {link.peer}")
        try:
            yield queue
        finally:
            if self._queues.get(link.peer) is queue:
                del self._queues[link.peer]

    async def _talk(self, link: Link, queue: Ring[bytes]) -> None:
        """Carry frames both ways until the queue is closed and empty; raises `PeerError`."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._read, link)
            nursery.start_soon(self._keep_alive, link, queue)
            await self._write(link, queue)
            nursery.cancel_scope.cancel()
        # Its answer says that the other side has read all.
        await link.socket.finish()

    async def _write(self, link: Link, queue: Ring[bytes]) -> None:
        while True:
            try:
                frame = await queue.take()
            except trio.EndOfChannel:
                return
            await link.socket.send(frame)

    async def _read(self, link: Link) -> None:
        while True:
            if frame := await link.socket.receive():
                self.frames.put((link.peer, frame))

    async def _keep_alive(self, link: Link, queue: Ring[bytes]) -> None:
        while True:
            if _silent_s(link) >= SILENCE_S:
                raise PeerError(f"silent for {SILENCE_S:g}s")
            queue.put(KEEP_ALIVE)
            await trio.sleep(KEEP_ALIVE_S)

    async def _contained(self, member: Member, conversation: Awaitable[None]) -> None:
        """Let a conversation end as it will, and tell why: it must not end anything else."""
        try:
            await conversation
        except PeerError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - third parties parse what comes from outside
            reason = f"an unforeseen error: {error!r}"
        else:
            return
        known = self._leaving or member.id in self._links
        if not known and reason != self._told.get(member.id):
            self._told[member.id] = reason
            self.tell(f"no link to {member.id}: {reason}")


def _silent_s(link: Link) -> Seconds:
    return trio.current_time() - link.socket.received_at

"""One link to every other participant: dialled or accepted, kept alive, and made again when lost.

Of every pair the lower id dials at once, the other only when it has had no link for a while;
`peers.links` says what happens when both did.  The links run in a task that is shielded from
outside cancellation, so that a cancelled participant can still send its resignation; `end` ends
them all.
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
"""The version of hellos and frames."""
HELLO_DEADLINE_S = 5.0
REDIAL_FIRST_S = 0.2
REDIAL_CAP_S = 2.0
STEADY_S = 5.0
"""A link that lasted this long is dialled again without a pause."""
KEEP_ALIVE_S = 1.0
SILENCE_S = 5.0
GREETINGS_PER_MEMBER_MAX = 4
KEEP_ALIVE = b""


@define(eq=False, kw_only=True)
class Mesh:
    """The links of one participant."""

    me: NodeId
    election: str
    members: Mapping[NodeId, Member]
    transport: Transport
    frames: Ring[tuple[NodeId, bytes]]
    report: Callable[[str], None]
    rng: random.Random
    _links: Links = field(factory=Links, init=False)
    _queues: dict[NodeId, Ring[bytes]] = field(factory=dict, init=False)
    _greeting: Counter[NodeId] = field(factory=Counter, init=False)
    _last_problem: dict[NodeId, str] = field(factory=dict, init=False)
    _scope: trio.CancelScope = field(factory=lambda: trio.CancelScope(shield=True), init=False)
    _draining: bool = field(default=False, init=False)

    # Called by the participant

    def send(self, to: NodeId, frame: bytes) -> None:
        """Queue a frame for one participant, if there is a link to it."""
        if (queue := self._queues.get(to)) is not None:
            queue.put(frame)

    def broadcast(self, frame: bytes) -> None:
        """Queue a frame on every link."""
        for queue in self._queues.values():
            queue.put(frame)

    async def run(self) -> None:
        """Listen, and keep a link to every member, until `end`."""
        with self._scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._listen)
                for member in self.members.values():
                    if member.id != self.me:
                        nursery.start_soon(self._keep_linked, member)

    async def drain(self) -> None:
        """Make no new link from now on, and return when all queued frames were sent."""
        self._draining = True
        for queue in self._queues.values():
            queue.close()
        for link in self._links:
            if link.peer not in self._queues:
                link.scope.cancel()  # the hellos are not over
            await self._links.wait_down(link.peer)

    def end(self) -> None:
        """Cut all links and stop listening."""
        self._scope.cancel()

    # Accepting

    async def _listen(self) -> None:
        """Accept connections; a port that is in use is tried again."""
        backoff = Backoff(self.rng, REDIAL_FIRST_S, REDIAL_CAP_S)
        while True:
            try:
                await self.transport.serve(self._accept)
            except PeerError as error:
                self.report(str(error))
                await trio.sleep(backoff.next())

    async def _accept(self, stream: trio.abc.Stream, fingerprint: Fingerprint | None) -> None:
        member = next((m for m in self.members.values() if m.fingerprint == fingerprint), None)
        if member is None or self._draining or self._crowded(member):
            await trio.aclose_forcefully(stream)
            return
        self._greeting[member.id] += 1
        greeting = [member.id]

        def greeted() -> None:
            self._greeting.subtract(greeting)
            greeting.clear()

        try:
            await self._report_outcome(
                member, self._link(stream, member, dialled=False, up=greeted)
            )
        finally:
            greeted()

    def _crowded(self, member: Member) -> bool:
        return member.id == self.me or self._greeting[member.id] >= GREETINGS_PER_MEMBER_MAX

    # Dialling

    async def _keep_linked(self, member: Member) -> None:
        """Dial a member whenever there is no link to it."""
        backoff = Backoff(self.rng, REDIAL_FIRST_S, REDIAL_CAP_S)
        patience_s = 0.0 if self.me < member.id else LONE_S
        pause_s = patience_s
        while not self._draining:
            up = await self._links.wait_up(member.id, pause_s)
            since = trio.current_time()
            if up:
                await self._links.wait_down(member.id)
            else:
                await self._report_outcome(member, self._dial(member))
            if steady := trio.current_time() - since >= STEADY_S:
                backoff.reset()
            pause_s = max(patience_s, 0.0 if steady else backoff.next())

    async def _dial(self, member: Member) -> None:
        """Dial, and return when the link has ended; raises `PeerError`."""
        stream = await self.transport.dial(member.address, frozenset({member.fingerprint}))
        await self._link(stream, member, dialled=True, up=lambda: None)

    # Both

    async def _link(
        self, stream: trio.abc.Stream, member: Member, *, dialled: bool, up: Callable[[], None]
    ) -> None:
        """Exchange hellos and frames; raises `PeerError` when the link ends."""
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
                        await self._exchange_frames(link, queue)
                finally:
                    self._links.remove(link)

    async def _greet(self, link: Link, *, dialled: bool) -> None:
        """Exchange hellos; the side that accepts decides first, and answers only when it agrees."""
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
        """Refuse another protocol, another election, and an id that is not the key's."""
        problem = None
        if hello.protocol != PROTOCOL:
            problem = f"it speaks protocol {hello.protocol}, and this participant {PROTOCOL}"
        elif hello.cluster != self.election:
            problem = "it takes part in another election"
        elif hello.node != link.peer:
            problem = "its id is not that of its key"
        if problem is not None:
            await send_frame(link.socket, Refused(reason=problem))
            raise PeerError(f"refused: {problem}")

    @contextmanager
    def _queue(self, link: Link) -> Iterator[Ring[bytes]]:
        queue: Ring[bytes] = Ring(FRAMES_QUEUED_MAX)
        self._queues[link.peer] = queue
        if self._last_problem.pop(link.peer, None) is not None:
            self.report(f"linked to {link.peer}")
        try:
            yield queue
        finally:
            if self._queues.get(link.peer) is queue:
                del self._queues[link.peer]

    async def _exchange_frames(self, link: Link, queue: Ring[bytes]) -> None:
        """Exchange frames until the queue is closed and empty; raises `PeerError`."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._read, link)
            nursery.start_soon(self._keep_alive, link, queue)
            await self._write(link, queue)
            nursery.cancel_scope.cancel()
        # The answer to this confirms that the other side has read all frames.
        await link.socket.finish()

    async def _write(self, link: Link, queue: Ring[bytes]) -> None:
        while True:
            try:
                frame = await queue.get()
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

    async def _report_outcome(self, member: Member, conversation: Awaitable[None]) -> None:
        """Await a conversation, and report why it failed, so that it ends nothing else."""
        try:
            await conversation
        except PeerError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - libraries parse input from outside
            reason = f"an unexpected error: {error!r}"
        else:
            return
        known = self._draining or member.id in self._links
        if not known and reason != self._last_problem.get(member.id):
            self._last_problem[member.id] = reason
            self.report(f"no link to {member.id}: {reason}")


def _silent_s(link: Link) -> Seconds:
    return trio.current_time() - link.socket.received_at

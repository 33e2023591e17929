"""A driver for participants that are linked by mutual TLS, without a server between them.

Each participant listens on a port and dials the others.  A member is identified by its
certificate, so the sender of a frame is verified, and strangers fail the handshake.  `make_keys`
makes a participant's key; the others get the certificate only.  `local` is for one machine: it
makes the keys of all participants in one folder, at first use.

Every pair has one link.  The lower id dials at once, the other only when it has had no link for
some seconds.  Empty frames keep a link alive; a silent one is cut and dialled again.  A frame
for a member without a link is lost.
"""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import trio
from attrs import define, field, frozen

from qutrio.election.drivers.interface import FRAME_BYTES_MAX, FRAMES_QUEUED_MAX
from qutrio.election.drivers.ring import Ring
from qutrio.election.drivers.websocket_keys import (
    At,
    identify,
    keys_for_all,
    make_keys,
    member_of,
)
from qutrio.election.drivers.websocket_links import Mesh
from qutrio.errors import InvalidValueError
from qutrio.model.ids import NodeId
from qutrio.model.members import split_address
from qutrio.peers.transport import TlsTransport, require_bindable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from qutrio.model.members import Member

__all__ = ["At", "WebSockets", "local", "make_keys"]

LOOPBACK = "127.0.0.1"
TROUBLES_QUEUED_MAX = 64
LEAVE_S = 1.0
"""How long a participant that leaves goes on sending queued frames."""


@frozen
class WebSockets:
    """The address and certificate of every member, and the folder of this one's own key.

    `keys` is the folder that `make_keys` made, `bind` the address to listen on (by default all
    of IPv4); the port is that of this participant's own address.
    """

    members: Mapping[str, At]
    keys: Path = field(converter=Path)
    bind: str = field(default="0.0.0.0", kw_only=True)  # noqa: S104 - the handshake protects it

    @asynccontextmanager
    async def open(self, election: str, me: NodeId) -> AsyncGenerator[WebSocketLink]:
        """Listen and dial for the length of the block; raises `QutrioError` if it cannot listen."""
        async with _opened(self.members, self.keys, self.bind, election, me) as link:
            yield link


@frozen
class _Local:
    """The participants of one machine, whose keys are in one folder."""

    ports: Mapping[str, int]
    directory: Path

    @asynccontextmanager
    async def open(self, election: str, me: NodeId) -> AsyncGenerator[WebSocketLink]:
        """Make the keys that are missing, then listen and dial for the length of the block."""
        certificates = await trio.to_thread.run_sync(keys_for_all, self.directory, list(self.ports))
        members = {
            name: At(f"{LOOPBACK}:{port}", certificates[name]) for name, port in self.ports.items()
        }
        keys = self.directory / me
        async with _opened(members, keys, LOOPBACK, election, me) as link:
            yield link


def local(ports: Mapping[str, int], directory: Path | str) -> _Local:
    """Return a driver for participants on this machine: each has a port, all share a key folder.

    A program that can read the folder can pose as any participant, so it is private to one user.
    """
    return _Local(dict(ports), Path(directory))


@define(eq=False)
class WebSocketLink:
    """One participant's links to all others."""

    _mesh: Mesh
    _frames: Ring[tuple[NodeId, bytes]]
    _troubles: Ring[str]

    def send(self, to: NodeId, frame: bytes) -> None:
        """Queue a frame for one participant; it is lost when there is no link to it."""
        if self._fits(frame):
            self._mesh.send(to, frame)

    def broadcast(self, frame: bytes) -> None:
        """Queue a frame for every participant to which there is a link."""
        if self._fits(frame):
            self._mesh.broadcast(frame)

    async def receive(self) -> tuple[NodeId, bytes]:
        """Wait for the next frame; its sender is verified by the certificate."""
        return await self._frames.get()

    async def trouble(self) -> str:
        """Wait for the next sentence about a link that was refused, lost or not made."""
        return await self._troubles.get()

    def _fits(self, frame: bytes) -> bool:
        if 0 < len(frame) <= FRAME_BYTES_MAX:
            return True
        size = f"{len(frame)} bytes, and 1 to {FRAME_BYTES_MAX} are allowed"
        self._troubles.put(f"a frame was not sent: it has {size}")
        return False


@asynccontextmanager
async def _opened(
    members: Mapping[str, At], keys: Path, bind: str, election: str, me: NodeId
) -> AsyncGenerator[WebSocketLink]:
    known = {NodeId(name): member_of(NodeId(name), at) for name, at in members.items()}
    if me not in known:
        raise InvalidValueError("members", f"has no {me!r}: give your own address too")
    if len({member.fingerprint for member in known.values()}) < len(known):
        raise InvalidValueError("members", "name one certificate twice: each must have its own")
    _, port = split_address(known[me].address)
    require_bindable(bind, port)
    frames: Ring[tuple[NodeId, bytes]] = Ring(FRAMES_QUEUED_MAX)
    troubles: Ring[str] = Ring(TROUBLES_QUEUED_MAX)
    mesh = Mesh(
        me=me,
        election=election,
        members=known,
        transport=_transport(known[me], known, keys, bind, troubles),
        frames=frames,
        report=troubles.put,
        rng=random.Random(me),  # noqa: S311 - only spreads the dials
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(mesh.run)
        try:
            yield WebSocketLink(mesh, frames, troubles)
        finally:
            with trio.CancelScope(deadline=trio.current_time() + LEAVE_S, shield=True):
                await mesh.drain()
            mesh.end()


def _transport(
    me: Member, known: Mapping[NodeId, Member], keys: Path, bind: str, troubles: Ring[str]
) -> TlsTransport:
    def log(what: str, /, **details: object) -> None:
        told = ", ".join(f"{key} {value}" for key, value in details.items())
        troubles.put(f"{what}: {told}" if told else what)

    return TlsTransport(
        identity=identify(keys, me),
        bind=bind,
        port=split_address(me.address)[1],
        members=lambda: tuple(known.values()),
        log=log,
    )

"""A driver for participants that are connected through NATS servers.

A frame for one participant goes to `qutrio.<election>.<to>.<from>`, a frame for all to
`qutrio.<election>.all.<from>`.  So the last part of the subject is the sender, and the server's
permissions can enforce that: let each user publish to `qutrio.<election>.*.<its id>` only.
Without permissions a sender's id is not verified.

In the parts of a subject each byte of a name that is no letter, digit, `_` or `-` is written as
`=` and two hexadecimal digits; a participant that is called `all` is written `=61ll`.
"""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from attrs import define, frozen

from qutrio.election.drivers.interface import FRAME_BYTES_MAX
from qutrio.election.drivers.nats_client import NatsConnection, NatsServers, connect
from qutrio.errors import InvalidValueError
from qutrio.model.ids import NodeId

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

__all__ = ["Nats", "name_of", "part_of"]

NAME_BYTES_MAX = 64
"""The longest name of an election or a participant, in UTF-8."""
ALL = "all"
_PLAIN = re.compile(rb"[A-Za-z0-9_-]")
_PART = re.compile(r"(?:[A-Za-z0-9_-]|=[0-9a-f]{2})+")


def part_of(name: str) -> str:
    """Return a name encoded as a part of a subject; raises `InvalidValueError`."""
    encoded = name.encode("utf-8", "surrogatepass")
    if not 0 < len(encoded) <= NAME_BYTES_MAX:
        problem = f"{name[:80]!r} must have 1 to {NAME_BYTES_MAX} bytes to be used with NATS"
        raise InvalidValueError("name", problem)
    part = "".join(chr(byte) if _PLAIN.match(bytes([byte])) else f"={byte:02x}" for byte in encoded)
    return f"={encoded[0]:02x}{part[1:]}" if part == ALL else part


def name_of(part: str) -> str | None:
    """Return the name that `part_of` encoded; None for a part that it never makes."""
    if not _PART.fullmatch(part) or len(part) > 3 * NAME_BYTES_MAX:
        return None
    raw = re.sub(r"=([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), part)
    try:
        name = raw.encode("latin-1").decode("utf-8")
        return name if part_of(name) == part else None
    except (UnicodeDecodeError, InvalidValueError):
        return None


@frozen(kw_only=True)
class Nats(NatsServers):
    """NATS servers as the driver of an election; the fields are those of `NatsServers`."""

    @asynccontextmanager
    async def open(self, election: str, me: NodeId) -> AsyncGenerator[NatsLink]:
        """Hold this participant's connection for the length of the block; raises `QutrioError`."""
        prefix, mine = f"qutrio.{part_of(election)}", part_of(me)
        async with connect(self, (f"{prefix}.{mine}.*", f"{prefix}.{ALL}.*")) as connection:
            yield NatsLink(connection, prefix, me)


@define(eq=False)
class NatsLink:
    """One participant's connection."""

    _connection: NatsConnection
    _prefix: str
    _me: NodeId

    def send(self, to: NodeId, frame: bytes) -> None:
        """Publish a frame to one participant's subject."""
        self._publish(part_of(to), frame)

    def broadcast(self, frame: bytes) -> None:
        """Publish a frame to the subject of all participants."""
        self._publish(ALL, frame)

    async def receive(self) -> tuple[NodeId, bytes]:
        """Wait for the next frame; its sender is the last part of its subject."""
        while True:
            subject, frame = await self._connection.receive()
            sender = name_of(subject.rpartition(".")[2])
            if sender is None:
                self._connection.report(f"a frame came on an unknown subject: {subject[:200]!r}")
            elif len(frame) > FRAME_BYTES_MAX:
                self._connection.report(f"a frame of {sender} was dropped: {_size(frame)}")
            elif sender != self._me:
                return NodeId(sender), frame

    async def trouble(self) -> str:
        """Wait for the next sentence about the connection."""
        return await self._connection.trouble()

    def _publish(self, to: str, frame: bytes) -> None:
        if len(frame) > FRAME_BYTES_MAX:
            self._connection.report(f"a frame was not sent: {_size(frame)}")
            return
        self._connection.publish(f"{self._prefix}.{to}.{part_of(self._me)}", frame)


def _size(frame: bytes) -> str:
    return f"it has {len(frame)} bytes, and at most {FRAME_BYTES_MAX} are allowed"

"""What every driver offers: frames from seat to seat, which may be lost but are never torn."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from qutrio.model.ids import NodeId

FRAME_BYTES_MAX = 256 * 1024
"""No frame is longer; a driver refuses what is."""
FRAMES_QUEUED_MAX = 256
"""How many frames wait for one peer, or for this seat; the oldest goes when there are more."""


class Link(Protocol):
    """One seat's end of the wire.  Losing, repeating or reordering frames must be harmless.

    What was handed over when the end is closed still leaves, within a second or so: it may be
    a resignation.
    """

    def send(self, to: NodeId, frame: bytes) -> None:
        """Hand a frame over for one seat; returns at once, whether it can be reached or not."""
        ...

    def broadcast(self, frame: bytes) -> None:
        """Hand a frame over for every other seat that listens."""
        ...

    async def receive(self) -> tuple[NodeId, bytes]:
        """Wait for the next frame, and return who sent it and what it says.

        How far the sender's id can be trusted is the driver's matter; each says so.
        """
        ...

    async def trouble(self) -> str:
        """Wait for the next thing that went wrong on the wire, and return a sentence about it."""
        ...


class Driver(Protocol):
    """A way for the seats of an election to reach one another."""

    def open(self, election: str, me: NodeId) -> AbstractAsyncContextManager[Link]:
        """Return this seat's end of the wire, open for as long as the context is.

        Raises `qutrio.errors.QutrioError` when it cannot be set up; what goes wrong later goes
        to `Link.trouble`, and the driver goes on trying.
        """
        ...

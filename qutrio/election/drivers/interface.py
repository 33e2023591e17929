"""The interface of drivers, which carry frames between participants; a frame is never torn."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from qutrio.model.ids import NodeId

FRAME_BYTES_MAX = 256 * 1024
"""The longest frame; a driver refuses longer ones."""
FRAMES_QUEUED_MAX = 256
"""How many frames wait for a peer, or for this participant; then the oldest is dropped."""


class Link(Protocol):
    """One participant's end of the transport, which may lose, repeat and reorder frames.

    Frames that are queued when the link is closed are still sent, within about a second: one of
    them may be a resignation.
    """

    def send(self, to: NodeId, frame: bytes) -> None:
        """Queue a frame for one participant; returns at once, whether it can be reached or not."""
        ...

    def broadcast(self, frame: bytes) -> None:
        """Queue a frame for every other participant that listens."""
        ...

    async def receive(self) -> tuple[NodeId, bytes]:
        """Wait for the next frame, and return its sender and its content.

        Each driver documents how far the sender's id can be trusted.
        """
        ...

    async def trouble(self) -> str:
        """Wait for the next problem of the transport, and return a sentence about it."""
        ...


class Driver(Protocol):
    """A transport between the participants of an election."""

    def open(self, election: str, me: NodeId) -> AbstractAsyncContextManager[Link]:
        """Return this participant's end of the transport, open for as long as the context is.

        Raises `qutrio.errors.QutrioError` when it cannot be set up; later problems are reported
        by `Link.trouble`, and the driver keeps trying.
        """
        ...

"""A wrapper around trio-websocket: bounded opening and closing, and errors of one kind.

trio-websocket waits forever when the other side goes away in the middle of a handshake or a
close, and reports failures as groups of its own and others' exceptions.  Here an open
websocket is a block that ends in time, and every failure of the other side is a `PeerError`.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import trio
from attrs import define, field
from trio_websocket import (
    ConnectionClosed,
    HandshakeError,
    WebSocketConnection,
    wrap_client_stream,
    wrap_server_stream,
)
from wsproto.utilities import ProtocolError

from qutrio.codec.wire import WHOLE_BYTES_MAX
from qutrio.errors import PeerError
from qutrio.peers.watched import WatchedStream

OPEN_DEADLINE_S = 5.0
CLOSE_DEADLINE_S = 1.0
MEMBER_MESSAGE_BYTES_MAX = WHOLE_BYTES_MAX
STRANGER_MESSAGE_BYTES_MAX = 64 * 1024
RECEIVE_BUFFER_BYTES = 64 * 1024
UNREAD_MESSAGES_MAX = 16
_RESOURCE = "/qutrio"
_BROKEN = (
    ConnectionClosed,
    HandshakeError,
    ProtocolError,
    trio.BrokenResourceError,
    trio.ClosedResourceError,
)


@define(eq=False)
class WebSocket:
    """An open websocket that carries binary messages."""

    _connection: WebSocketConnection
    _stream: WatchedStream
    _unfinished_sends: int = field(default=0, init=False)

    @property
    def received_at(self) -> float:
        """When the last byte was received, in seconds of trio's clock."""
        return self._stream.received_at

    async def send(self, data: bytes) -> None:
        """Send one message; raises `PeerError` when the link is gone.

        A cancelled send leaves half a frame behind, so the websocket is then cut rather than
        closed in order: never send again on a websocket on which a send was cancelled.
        """
        assert not self._unfinished_sends, "a message is being sent, or one was cut off"
        self._unfinished_sends += 1
        try:
            await self._connection.send_message(data)
        except _BROKEN:
            raise PeerError(self._why_ended()) from None
        self._unfinished_sends -= 1

    async def receive(self) -> bytes:
        """Return the next message; raises `PeerError` when the connection has ended."""
        try:
            message = await self._connection.get_message()
        except ConnectionClosed:
            raise PeerError(self._why_ended()) from None
        if isinstance(message, str):
            raise PeerError("sent text where only binary messages are allowed")
        return message

    async def finish(self) -> None:
        """Send the close frame, and wait at most `CLOSE_DEADLINE_S` for the answer."""
        if self._unfinished_sends:
            return
        with trio.move_on_after(CLOSE_DEADLINE_S):
            try:
                await self._connection.aclose()
            except _BROKEN:
                return

    def _why_ended(self) -> str:
        closed = self._connection.closed
        if closed is not None and closed.reason:
            return f"closed: {closed.reason[:200]}"
        return self._stream.reason or "the other side closed the connection"


@asynccontextmanager
async def open_websocket(
    stream: trio.abc.Stream, *, client: bool, message_bytes_max: int
) -> AsyncIterator[WebSocket]:
    """Open a websocket over `stream` for the length of the block, and close it afterwards.

    Raises `PeerError` when the handshake fails or takes longer than `OPEN_DEADLINE_S`, and
    when the block fails because the other side did something wrong.
    """
    watched = WatchedStream(stream)
    try:
        async with trio.open_nursery() as nursery:
            connection = await _shake_hands(nursery, watched, client, message_bytes_max)
            socket = WebSocket(connection, watched)
            try:
                yield socket
            finally:
                await socket.finish()
                nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise _peer_error(group, watched) from None
    finally:
        await trio.aclose_forcefully(stream)


async def _shake_hands(
    nursery: trio.Nursery,
    watched: WatchedStream,
    client: bool,  # noqa: FBT001 - private, and always named by its variable
    message_bytes_max: int,
) -> WebSocketConnection:
    opened: list[WebSocketConnection] = []

    async def shake() -> None:
        limits = (UNREAD_MESSAGES_MAX, message_bytes_max, RECEIVE_BUFFER_BYTES)
        if client:
            opened.append(await _open_client(nursery, watched, *limits))
        else:
            request = await wrap_server_stream(nursery, watched, *limits)
            opened.append(await request.accept())
        racing.cancel_scope.cancel()

    async with trio.open_nursery() as racing:
        racing.cancel_scope.deadline = trio.current_time() + OPEN_DEADLINE_S
        racing.start_soon(shake)
        await watched.ended.wait()
        racing.cancel_scope.cancel()
    if not opened:
        raise PeerError(watched.reason or f"no websocket within {OPEN_DEADLINE_S:g}s")
    return opened[0]


async def _open_client(
    nursery: trio.Nursery, watched: WatchedStream, queue: int, size: int, buffer: int
) -> WebSocketConnection:
    return await wrap_client_stream(
        nursery,
        watched,  # type: ignore[arg-type] # annotated too narrowly: any stream will do
        "qutrio",
        _RESOURCE,
        message_queue_size=queue,
        max_message_size=size,
        receive_buffer_size=buffer,
    )


def _peer_error(group: BaseExceptionGroup[BaseException], watched: WatchedStream) -> BaseException:
    """Return one `PeerError` for a group that a peer caused; other errors come first."""
    _, real = group.split(trio.Cancelled)
    if real is None:
        return group
    leaves = list(_leaves(real))
    ours = [leaf for leaf in leaves if not isinstance(leaf, (PeerError, *_BROKEN))]
    if ours:
        return ours[0] if len(ours) == 1 else real
    named = [leaf for leaf in leaves if isinstance(leaf, PeerError)]
    return named[0] if named else PeerError(watched.reason or f"broke: {leaves[0]!r}")


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error

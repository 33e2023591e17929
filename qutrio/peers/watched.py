"""A stream that records when it last received data, and limits how long a send may stall."""

import trio
from attrs import define, field

from qutrio.peers.transport import broken_reason

SEND_CHUNK_BYTES = 64 * 1024
SEND_STALL_S = 20.0


@define(eq=False)
class WatchedStream(trio.abc.Stream):
    """Wraps a stream; large sends go in chunks, each of which must be sent in time.

    A limit per chunk rather than per message lets a large document through a slow line, and
    still detects a peer that has stopped reading.  `received_at` is in seconds of trio's clock.
    Once nothing more can be received, `ended` is set and `reason` says why.
    """

    _stream: trio.abc.Stream
    received_at: float = field(factory=trio.current_time, init=False)
    ended: trio.Event = field(factory=trio.Event, init=False)
    reason: str = field(default="", init=False)

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive, and record the time; raises what the stream raises."""
        try:
            data = await self._stream.receive_some(max_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self._end(broken_reason(error))
            raise
        if data:
            self.received_at = trio.current_time()
        else:
            self._end("the other side closed the connection")
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send; raises `trio.BrokenResourceError` when the other side has stopped reading."""
        view = memoryview(data)
        for start in range(0, max(len(view), 1), SEND_CHUNK_BYTES):
            with trio.move_on_after(SEND_STALL_S) as scope:
                await self._send_chunk(view[start : start + SEND_CHUNK_BYTES])
            if scope.cancelled_caught:
                self._end(f"the other side read nothing for {SEND_STALL_S:g}s")
                # Half a record may have been sent: nothing may follow it.
                await trio.aclose_forcefully(self._stream)
                raise trio.BrokenResourceError

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until a send might go through at once."""
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """Close the stream."""
        self._end("closed")
        await self._stream.aclose()

    async def _send_chunk(self, chunk: memoryview) -> None:
        try:
            await self._stream.send_all(chunk)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self._end(broken_reason(error))
            raise

    def _end(self, reason: str) -> None:
        if not self.ended.is_set():
            self.reason = reason
            self.ended.set()

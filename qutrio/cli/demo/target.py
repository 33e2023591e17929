"""The website that the demo watches: it can be taken down and brought back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import trio
from attrs import define, field

HOST = "127.0.0.1"
PAGE = b"all is well\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(PAGE), PAGE)
REQUEST_BYTES_MAX = 16 * 1024
REQUEST_WAIT_S_MAX = 5.0


@define
class Target:
    """An HTTP server on loopback.  While it is down its port refuses connections.

    The port stays the same for its whole life, so that one URL means up and down.
    """

    nursery: trio.Nursery
    port: int = 0
    _serving: trio.CancelScope | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """What a check watches."""
        return f"http://{HOST}:{self.port}/health"

    async def bring_up(self) -> None:
        """Answer from now on.  Raises `OSError` if another program took the port meanwhile."""
        (listener,) = await trio.open_tcp_listeners(self.port, host=HOST)
        self.port = listener.socket.getsockname()[1]
        self._serving = await self.nursery.start(partial(_serve, listener))

    def take_down(self) -> None:
        """Close the port and every open connection."""
        if self._serving is not None:
            self._serving.cancel()
            self._serving = None


@asynccontextmanager
async def open_target() -> AsyncIterator[Target]:
    """Yield a target that is up, and take it down at the end."""
    async with trio.open_nursery() as nursery:
        target = Target(nursery)
        await target.bring_up()
        yield target
        nursery.cancel_scope.cancel()


async def _serve(
    listener: trio.SocketListener,
    task_status: trio.TaskStatus[trio.CancelScope] = trio.TASK_STATUS_IGNORED,
) -> None:
    with trio.CancelScope() as scope:
        task_status.started(scope)
        await trio.serve_listeners(_answer, [listener])


async def _answer(stream: trio.SocketStream) -> None:
    """Answer any request once and close."""
    with trio.move_on_after(REQUEST_WAIT_S_MAX):
        try:
            if await _read_request(stream):
                head = (
                    f"HTTP/1.1 200 OK\r\nContent-Length: {len(PAGE)}\r\nConnection: close\r\n\r\n"
                )
                await stream.send_all(head.encode() + PAGE)
        except trio.BrokenResourceError:
            return
    await trio.aclose_forcefully(stream)


async def _read_request(stream: trio.SocketStream) -> bool:
    """Read until the empty line; return whether it came."""
    received = b""
    while b"\r\n\r\n" not in received and len(received) < REQUEST_BYTES_MAX:
        chunk = await stream.receive_some()
        if not chunk:
            return False
        received += chunk
    return b"\r\n\r\n" in received

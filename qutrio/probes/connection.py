"""One outgoing connection, plain or TLS, with little overhead.

Probes are many and short, so this uses a non-blocking socket with trio's readiness calls, and an
OpenSSL state machine between two memory buffers, at a third of the cost of trio's streams.
Every method that waits is a checkpoint, so that a target that never stops sending cannot keep
other tasks from running.  Failures are raised as `OSError` (`ssl.SSLError` is one).
"""

import errno
import os
import socket
import ssl
import struct
from types import TracebackType
from typing import Self

import trio

from qutrio.probes.observations import Endpoint

READ_BYTES_MAX = 16 * 1024
"""Small enough that the costliest answer of this size is parsed in a few milliseconds."""

CHANGE_CIPHER_SPEC_BYTES = 6
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of a socket that leaves no port in TIME_WAIT, as a server may need that port."""


class Connection:
    """A connected socket that belongs to one task."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Make the socket to dial `endpoint`; `begin` and `wait_connected` connect it."""
        self._endpoint = endpoint
        kind = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        self._socket = socket.socket(endpoint.family, kind)
        self._tls: ssl.SSLObject | None = None

    def __enter__(self) -> Self:
        """Return the connection."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the socket."""
        self.close()

    @property
    def address(self) -> str:
        """The literal address of the other side."""
        return self._endpoint.address

    def begin(self, port: int) -> None:
        """Begin to connect to a port there.

        An error raised here is this node's fault: no route, no free port, a firewall.
        """
        self._port = port
        _raise_for(self._socket.connect_ex(self._endpoint.at(port)))

    async def wait_connected(self) -> None:
        """Wait until connected; may be cancelled and called again.

        An error raised here came from the network.  A connection to itself counts as refused:
        the kernel makes one when it chooses the target's port as our own and no program
        listens there.
        """
        await trio.lowlevel.wait_writable(self._socket)
        _raise_for(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        near = self._socket.getsockname()
        if near[1] == self._port and near == self._socket.getpeername():
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            _raise_for(errno.ECONNREFUSED)

    def close(self) -> None:
        """Close the socket, without TLS's close_notify."""
        self._socket.close()

    async def start_tls(self, context: ssl.SSLContext, server_name: str) -> None:
        """Make the handshake; its last flight is sent with the first `send`.

        So is TLS 1.3's change_cipher_spec, a record of six bytes that no server waits for.
        """
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                if self._outgoing.pending > CHANGE_CIPHER_SPEC_BYTES:
                    await self._flush()
                await self._fill()
            else:
                self._tls = tls
                return

    def tls_details(self) -> tuple[str, list[bytes]]:
        """Return the TLS version and the server's certificates, as DER, its own first.

        A verified server's chain is complete, up to the authority.  Only after `start_tls`.
        """
        assert self._tls is not None
        version, own = self._tls.version() or "TLS", self._tls.getpeercert(binary_form=True)
        if self._tls.context.verify_mode is not ssl.CERT_NONE:
            # public from Python 3.13 on, with this meaning since 3.10
            chain = self._tls._sslobj.get_verified_chain()  # type: ignore[attr-defined]  # noqa: SLF001
            return version, [ssl.PEM_cert_to_DER_cert(c.public_bytes()) for c in chain or ()]
        return version, [own] if own else []

    async def send(self, data: bytes) -> None:
        """Send all of `data`."""
        if self._tls is None:
            await self._send_raw(data)
            return
        self._tls.write(data)
        await self._flush()

    async def receive(self) -> bytes:
        """Return the next bytes, at most `READ_BYTES_MAX`; empty at the end of the stream."""
        if self._tls is None:
            return await self._receive_raw()
        while True:
            if not (self._incoming.pending or self._tls.pending()):
                await self._fill()  # reading without data would cost an exception
            try:
                return self._tls.read(READ_BYTES_MAX)
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    async def _fill(self) -> None:
        data = await self._receive_raw()
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            await self._send_raw(data)

    async def _receive_raw(self) -> bytes:
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            try:
                return self._socket.recv(READ_BYTES_MAX)
            except BlockingIOError:
                continue

    async def _send_raw(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self._socket)


def _raise_for(code: int) -> None:
    if code not in {0, errno.EINPROGRESS}:
        raise OSError(code, os.strerror(code))

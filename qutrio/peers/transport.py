"""Dials other nodes and accepts their connections; the modules above only see streams."""

import errno
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

import trio
from attrs import define, field

from qutrio.errors import PeerError, plain_reason
from qutrio.model.ids import Fingerprint
from qutrio.model.members import Member, split_address
from qutrio.peers.connection_limits import ConnectionLimits, plain_host
from qutrio.peers.identity import PeerIdentity
from qutrio.peers.tls import MemberContexts, peer_fingerprint, stranger_context
from qutrio.plumbing.log import Log

DIAL_DEADLINE_S = 5.0
CONNECT_DEADLINE_S = 2.0
HANDSHAKE_DEADLINE_S = 5.0
RESOLVER_THREADS_MAX = 4
ADDRESSES_TRIED_MAX = 8
BACKLOG_MAX = 256
REFUSAL_LOG_EVERY_S = 10.0
ACCEPT_PAUSE_S = 0.1
_CUT_OFF = "UNEXPECTED_EOF_WHILE_READING"
"""The reason of an `SSLEOFError` in a Python that does not know this error of OpenSSL 3."""

_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS}

Handler: TypeAlias = Callable[[trio.abc.Stream, Fingerprint | None], Awaitable[None]]
"""Takes over a connection, with the proven fingerprint of the peer (None: a stranger).

It then owns the stream and closes it; it may return long before it has done so.
"""


class Transport(Protocol):
    """A way to reach nodes and to be reached."""

    async def dial(
        self, address: str, expect: frozenset[Fingerprint], *, anonymous: bool = False
    ) -> trio.abc.Stream:
        """Return a stream to `address`, whose key has one of the `expect`ed fingerprints.

        With `anonymous`, this node does not say who it is.  Raises `PeerError`.
        """
        ...

    async def serve(
        self, handler: Handler, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Accept connections until cancelled; `started` gets the bound address as host:port."""
        ...


@define(eq=False)
class StrangerTransport:
    """Dials without a certificate, as a node does that wants to join."""

    _resolver: trio.CapacityLimiter = field(
        factory=lambda: trio.CapacityLimiter(RESOLVER_THREADS_MAX), init=False
    )

    async def dial(
        self, address: str, expect: frozenset[Fingerprint], *, anonymous: bool = True
    ) -> trio.abc.Stream:
        """Return a TLS stream to `address`; raises `PeerError` when the key is not expected."""
        assert anonymous, "a stranger has nothing to show"
        return await dial_tls(address, expect, stranger_context(), self._resolver)

    async def serve(
        self, handler: Handler, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Raise `PeerError`: a node that is not set up cannot be reached."""
        del handler, task_status
        raise PeerError("a node that is not set up cannot be reached")


@define(eq=False, kw_only=True)
class TlsTransport:
    """TLS over TCP, with the members as the only authorities."""

    identity: PeerIdentity
    bind: str
    port: int
    members: Callable[[], tuple[Member, ...]]
    log: Log
    limits: ConnectionLimits = field(factory=ConnectionLimits)
    _contexts: MemberContexts = field(init=False)
    _resolver: trio.CapacityLimiter = field(
        factory=lambda: trio.CapacityLimiter(RESOLVER_THREADS_MAX), init=False
    )
    _silent_until: float = field(default=float("-inf"), init=False)

    def __attrs_post_init__(self) -> None:
        """Make contexts that follow the members."""
        self._contexts = MemberContexts(self.identity, self.members)

    async def dial(
        self, address: str, expect: frozenset[Fingerprint], *, anonymous: bool = False
    ) -> trio.abc.Stream:
        """Return a TLS stream to `address`; raises `PeerError` when the key is not expected."""
        context = stranger_context() if anonymous else self._contexts.newest().client
        return await dial_tls(address, expect, context, self._resolver)

    async def serve(
        self, handler: Handler, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Accept connections until cancelled; raises `PeerError` when the port cannot be bound."""
        self._contexts.newest()  # find a bad key of our own at start, not at the first dial
        try:
            listeners = await trio.open_tcp_listeners(
                self.port, host=self.bind, backlog=BACKLOG_MAX
            )
        except OSError as error:
            raise _cannot_listen(self.bind, self.port, error) from error
        async with trio.open_nursery() as nursery:
            for listener in listeners:
                nursery.start_soon(self._accept, listener, handler, nursery)
            task_status.started(_bound_address(listeners[0]))

    async def _accept(
        self, listener: trio.SocketListener, handler: Handler, nursery: trio.Nursery
    ) -> None:
        async with listener:
            while True:
                try:
                    stream = await listener.accept()
                    host = _remote_host(stream)
                except OSError as error:
                    if error.errno in _OUT_OF_RESOURCES:
                        self.log("cannot accept a connection", reason=plain_reason(error))
                        await trio.sleep(ACCEPT_PAUSE_S)
                    continue
                if self.limits.admits(host, self.members()):
                    nursery.start_soon(self._secure_server, stream, host, handler)
                else:
                    self._log_refusal(host, "too many connections that have not authenticated")
                    await trio.aclose_forcefully(stream)

    async def _secure_server(self, stream: trio.SocketStream, host: str, handler: Handler) -> None:
        with self.limits.slots.hold():
            try:
                context = self._contexts.newest().server
                secured = await _secure(stream, context, server_side=True)
                fingerprint = peer_fingerprint(secured)
            except PeerError as error:
                await trio.aclose_forcefully(stream)
                self._log_refusal(host, str(error))
                return
            except BaseException:
                await trio.aclose_forcefully(stream)
                raise
        if fingerprint is not None:
            self.limits.remember(host)
        await handler(secured, fingerprint)

    def _log_refusal(self, host: str, reason: str) -> None:
        # A flood of connections must not become a flood of lines.
        if trio.current_time() >= self._silent_until:
            self._silent_until = trio.current_time() + REFUSAL_LOG_EVERY_S
            self.log("connection refused", host=host, reason=reason)


def require_bindable(bind: str, port: int) -> None:
    """Raise `PeerError` unless this process can listen there now."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((bind, port))
            probe.listen()
    except OSError as error:
        raise _cannot_listen(bind, port, error) from None


def _cannot_listen(bind: str, port: int, error: OSError) -> PeerError:
    return PeerError(f"cannot listen on {bind}:{port}: {plain_reason(error)}")


async def dial_tls(
    address: str,
    expect: frozenset[Fingerprint],
    context: ssl.SSLContext,
    resolver: trio.CapacityLimiter,
) -> trio.SSLStream[trio.SocketStream]:
    """Connect, make the TLS handshake, and compare the pin, all within `DIAL_DEADLINE_S`.

    Nothing is sent over the stream before the pin was compared.  Raises `PeerError`.
    """
    with trio.move_on_after(DIAL_DEADLINE_S):
        stream = await _connect(address, resolver)
        try:
            secured = await _secure(stream, context, server_side=False)
            _compare_pin(secured, address, expect)
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return secured
    raise PeerError(f"{address} did not answer within {DIAL_DEADLINE_S:g}s")


def _compare_pin(
    secured: trio.SSLStream[trio.SocketStream], address: str, expect: frozenset[Fingerprint]
) -> None:
    if peer_fingerprint(secured) not in expect:
        raise PeerError(f"{address} is not the expected node: it has another key")


async def _connect(address: str, resolver: trio.CapacityLimiter) -> trio.SocketStream:
    host, port = split_address(address)
    problem = "has no address"
    for literal in (await _resolve(host, resolver))[:ADDRESSES_TRIED_MAX]:
        with trio.move_on_after(CONNECT_DEADLINE_S) as scope:
            try:
                return await trio.open_tcp_stream(literal, port)
            except OSError as error:
                problem = _explain_connect(error)
        if scope.cancelled_caught:
            problem = "does not answer"
    raise PeerError(f"{address}: {problem}")


def _explain_connect(error: OSError) -> str:
    # trio wraps the only attempt in a group.
    cause: BaseException = error.__cause__ or error
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    # The error's own text would repeat the address.
    number = getattr(cause, "errno", None)
    return os.strerror(number) if number else str(cause)


async def _resolve(host: str, resolver: trio.CapacityLimiter) -> list[str]:
    if plain_host(host) is not None:
        return [host]

    def look_up() -> list[str]:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    try:
        return await trio.to_thread.run_sync(look_up, limiter=resolver, abandon_on_cancel=True)
    except (OSError, UnicodeError) as error:
        reason = plain_reason(error)
        raise PeerError(f"the name {host!r} cannot be resolved: {reason}") from None


async def _secure(
    stream: trio.SocketStream, context: ssl.SSLContext, *, server_side: bool
) -> trio.SSLStream[trio.SocketStream]:
    secured = trio.SSLStream(stream, context, server_side=server_side)
    with trio.move_on_after(HANDSHAKE_DEADLINE_S):
        try:
            await secured.do_handshake()
        except trio.BrokenResourceError as error:
            raise PeerError(f"no TLS: {broken_reason(error)}") from None
        return secured
    raise PeerError(f"no TLS handshake within {HANDSHAKE_DEADLINE_S:g}s")


def broken_reason(error: BaseException) -> str:
    """Return why a stream broke, for people."""
    cause = error.__cause__
    if isinstance(cause, ssl.SSLEOFError) or getattr(cause, "reason", "") == _CUT_OFF:
        return "the other side hung up"
    if isinstance(cause, ssl.SSLError):
        return (cause.reason or str(cause)).replace("_", " ").lower()
    if isinstance(cause, OSError):
        return plain_reason(cause)
    return str(cause or error) or "the connection broke"


def _remote_host(stream: trio.SocketStream) -> str:
    host = str(stream.socket.getpeername()[0])
    return plain_host(host) or host


def _bound_address(listener: trio.SocketListener) -> str:
    host, port = listener.socket.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

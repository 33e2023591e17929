"""A connection to NATS for Trio tasks; it runs in a thread, and reconnects forever.

A connection that is lost is made again, to the next of the servers; the messages that were queued
in between are dropped, because they would come too late.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import trio
from attrs import define, field, frozen
from attrs.converters import optional

from qutrio.election.drivers.nats_thread import NatsThread
from qutrio.errors import ElectionError, InvalidValueError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from nats.aio.client import Client

    from qutrio.election.drivers.ring import Ring

NEEDS_EXTRA = (
    "the NATS driver needs the packages of qutrio[nats], which are not installed:"
    " in a checkout of qutrio, pip install '.[nats]'"
)


@frozen(kw_only=True)
class NatsServers:
    """The NATS servers to use, and how to log in to them.

    At most one way to log in is given: `user` and `password`, a `token`, the file of an nkey
    seed, or a credentials file.  With `tls`, a context, or a server's address that begins with
    `tls://`, nothing is sent before TLS has begun.
    """

    servers: Sequence[str]
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    nkey_file: Path | None = field(default=None, converter=optional(Path))
    credentials_file: Path | None = field(default=None, converter=optional(Path))
    tls: ssl.SSLContext | None = None

    def subscribe(self, subjects: Sequence[str]) -> AbstractAsyncContextManager[NatsConnection]:
        """Return a connection that is subscribed to `subjects`; see `connect`."""
        return connect(self, subjects)

    def check(self) -> None:
        """Raise `QutrioError` for a configuration that can never work."""
        if not self.servers:
            raise InvalidValueError("servers", "is empty; name at least one, as nats://host:4222")
        if isinstance(self.servers, str):
            raise InvalidValueError("servers", "is one text; give a list of addresses")
        for server in self.servers:
            if not _is_server(server):
                problem = f"{server[:80]!r} is not the address of a server, as nats://host:4222"
                raise InvalidValueError("servers", problem)
        if (self.user is None) != (self.password is None):
            raise InvalidValueError("password", "goes with a user, and a user with a password")
        ways = (self.user, self.token, self.nkey_file, self.credentials_file)
        if sum(way is not None for way in ways) > 1:
            raise InvalidValueError("user", "only one way to log in can be used")
        for path in (self.nkey_file, self.credentials_file):
            if path is not None and not path.is_file():
                raise ElectionError(f"cannot log in to NATS: {path} is not a file")

    def login(self) -> dict[str, Any]:
        """Return the options for nats-py to log in."""
        options = {
            "user": self.user,
            "password": self.password,
            "token": self.token,
            "nkeys_seed": None if self.nkey_file is None else str(self.nkey_file),
            "user_credentials": None
            if self.credentials_file is None
            else str(self.credentials_file),
            "tls": self.tls,
        }
        return {name: value for name, value in options.items() if value is not None}


@define(eq=False)
class NatsConnection:
    """The Trio side of a connection."""

    _send: Callable[[str, bytes], None]
    _incoming: Ring[tuple[str, bytes]]
    _troubles: Ring[str]

    def publish(self, subject: str, payload: bytes) -> None:
        """Queue a message; it is lost when there is no connection."""
        self._send(subject, payload)

    async def receive(self) -> tuple[str, bytes]:
        """Wait for the next message, and return its subject and payload."""
        return await self._incoming.get()

    async def trouble(self) -> str:
        """Wait for the next problem of the connection, and return a sentence about it."""
        return await self._troubles.get()

    def report(self, sentence: str) -> None:
        """Queue a sentence about a problem."""
        self._troubles.put(sentence)


@asynccontextmanager
async def connect(servers: NatsServers, subjects: Sequence[str]) -> AsyncGenerator[NatsConnection]:
    """Hold a connection that is subscribed to `subjects`, for the length of the block.

    Raises `QutrioError` for a configuration that can never work.  A server that cannot be reached
    is reported by `NatsConnection.trouble`.
    """
    servers.check()
    token = trio.lowlevel.current_trio_token()
    thread = NatsThread(
        servers.servers, servers.login(), tuple(subjects), _new_client(servers), token
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(thread.run)
        try:
            yield NatsConnection(thread.send, thread.incoming, thread.troubles)
        finally:
            thread.stop()


def _new_client(servers: NatsServers) -> Callable[[], Client]:
    """Return the class of clients; raises `ElectionError` when a package is missing."""
    try:
        from nats.aio.client import Client  # noqa: PLC0415 - an optional package
    except ImportError:
        raise ElectionError(NEEDS_EXTRA) from None
    by_key = servers.nkey_file is not None or servers.credentials_file is not None
    if by_key and find_spec("nkeys") is None:
        raise ElectionError(NEEDS_EXTRA)
    return Client


def _is_server(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in {"nats", "tls"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False

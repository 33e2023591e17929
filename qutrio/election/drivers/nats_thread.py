"""The asyncio side of a connection to NATS: a thread with an event loop of its own.

Bounded queues connect this thread to Trio's; a full queue drops its oldest item, so nothing that
the Trio side calls ever waits for the network.  Each connection gets a new client, which is
discarded when the connection is lost; a server that does not answer a ping counts as lost.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import trio
from attrs import define, field

from qutrio.election.drivers.interface import FRAMES_QUEUED_MAX
from qutrio.election.drivers.ring import Ring
from qutrio.plumbing.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from nats.aio.client import Client
    from nats.aio.msg import Msg

CONNECT_DEADLINE_S = 2
PING_EVERY_S = 1.0
PING_DEADLINE_S = 2
REDIAL_FIRST_S = 0.1
REDIAL_CAP_S = 1.0
LEAVE_S = 1
"""How long the thread goes on sending queued messages, and then how long closing may take."""
UNSENT_BYTES_MAX = 4 * 1024 * 1024
"""How many bytes a server may leave unread; then frames are dropped."""
TROUBLES_QUEUED_MAX = 64
PORT = 4222


class _Loop(asyncio.SelectorEventLoop):
    """An event loop that can cut its newest connection, and keep it from sending plain text.

    A server says in plain text whether it speaks TLS, and nats-py relies on that alone.  So an
    attacker who can change this one line could read the participant's credentials.  While
    `secret` is set, nothing is sent before TLS has begun.
    """

    secret = False
    _newest: asyncio.BaseTransport | None = None

    async def create_connection(self, *args: Any, **options: Any) -> Any:
        """Make a connection, and remember it."""
        made = await super().create_connection(*args, **options)
        self._newest = made[0]
        return (_Mute(made[0]), made[1]) if self.secret else made

    async def start_tls(self, transport: Any, *args: Any, **options: Any) -> Any:
        """Begin TLS on a connection that was made here."""
        bare = transport.bare if isinstance(transport, _Mute) else transport
        return await super().start_tls(bare, *args, **options)

    def cut(self) -> None:
        """Drop the newest connection, and what it has not sent yet."""
        if isinstance(self._newest, asyncio.WriteTransport):
            self._newest.abort()
        self._newest = None


class _Mute(asyncio.Transport):
    """A connection on which TLS has not begun, so that nothing may be sent."""

    def __init__(self, bare: asyncio.Transport) -> None:
        super().__init__()
        self.bare = bare

    def write(self, data: object) -> None:
        """Refuse; `writelines` calls this too."""
        raise ConnectionError("it does not speak TLS")

    def is_closing(self) -> bool:
        """Return whether it is closed, or about to be."""
        return self.bare.is_closing()

    def close(self) -> None:
        """Close it."""
        self.bare.close()


@define(eq=False)
class NatsThread:
    """A thread that keeps one connection; `login` holds options of nats-py."""

    _servers: Sequence[str]
    _login: Mapping[str, Any]
    _subjects: Sequence[str]
    _new_client: Callable[[], Client]
    _token: trio.lowlevel.TrioToken
    incoming: Ring[tuple[str, bytes]] = field(init=False, factory=lambda: Ring(FRAMES_QUEUED_MAX))
    troubles: Ring[str] = field(init=False, factory=lambda: Ring(TROUBLES_QUEUED_MAX))
    _loop: _Loop = field(init=False, factory=_Loop)
    # Each deque is filled by one thread and emptied by the other; that needs no lock.
    _outgoing: deque[tuple[str, bytes]] = field(
        init=False, factory=lambda: deque(maxlen=FRAMES_QUEUED_MAX)
    )
    _received: deque[tuple[str, bytes]] = field(
        init=False, factory=lambda: deque(maxlen=FRAMES_QUEUED_MAX)
    )
    _reports: deque[str] = field(init=False, factory=lambda: deque(maxlen=TROUBLES_QUEUED_MAX))
    _wakeup: asyncio.Event = field(init=False, factory=asyncio.Event)
    _stop: asyncio.Event = field(init=False, factory=asyncio.Event)
    _up: bool = field(init=False, default=False)
    _reported: set[str] = field(init=False, factory=set)
    """The sentences that were reported since the last connection: each is reported once."""

    # Called by Trio tasks

    async def run(self) -> None:
        """Run the event loop in a thread until `stop`; cancellation alone does not end it."""
        try:
            await trio.to_thread.run_sync(self._run_loop, limiter=trio.CapacityLimiter(1))
        finally:
            self._loop.close()

    def send(self, subject: str, payload: bytes) -> None:
        """Queue a message."""
        self._outgoing.append((subject, payload))
        self._call(self._wakeup.set)

    def stop(self) -> None:
        """Have the thread send what is queued, and end."""
        self._call(self._stop.set)
        self._call(self._wakeup.set)

    def _call(self, what: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: the thread has ended already
            self._loop.call_soon_threadsafe(what)

    def _hand_over(self) -> None:
        while self._received:
            self.incoming.put(self._received.popleft())
        while self._reports:
            self.troubles.put(self._reports.popleft())

    # Called by the event loop

    def _run_loop(self) -> None:
        # Not asyncio.Runner, which waits for threads that may not end, as those that look up names.
        self._loop.run_until_complete(self._run_until_stopped())

    async def _run_until_stopped(self) -> None:
        connecting = asyncio.create_task(self._keep_connected())
        await self._stop.wait()
        if self._up:
            await asyncio.wait({connecting}, timeout=LEAVE_S)
        connecting.cancel()
        await asyncio.wait({connecting}, timeout=LEAVE_S)
        if left := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=LEAVE_S)

    async def _keep_connected(self) -> None:
        """Connect to one server after the other, and hold each connection until it ends."""
        turn = 0
        backoff = Backoff(random.Random(), REDIAL_FIRST_S, REDIAL_CAP_S)  # noqa: S311 - a spread
        while not self._stop.is_set():
            server = self._servers[turn % len(self._servers)]
            turn += 1
            try:
                await self._hold_connection(server)
            except Exception as error:  # noqa: BLE001 - nats-py raises any exception
                if not self._up:
                    self._report(f"cannot reach NATS at {shown(server)}: {_reason(error)}")
            if self._up:
                self._up = False
                backoff.reset()
                self._report(f"lost the connection to NATS at {shown(server)}")
            if not self._stop.is_set():
                await asyncio.sleep(backoff.next())

    async def _hold_connection(self, server: str) -> None:
        """Hold one connection; raises nats-py's exception when it cannot be made, or is lost."""
        client, ended = self._new_client(), asyncio.Event()
        connected = asyncio.Event()

        async def on_closed() -> None:
            ended.set()
            self._wakeup.set()

        async def on_error(error: Exception) -> None:
            if not connected.is_set():
                raise error  # otherwise connect would try forever
            self._report(f"NATS says: {_reason(error)}")

        self._loop.secret = "tls" in self._login or urlsplit(server).scheme == "tls"
        try:
            async with asyncio.timeout(2 * CONNECT_DEADLINE_S):
                await client.connect(
                    servers=[server],
                    allow_reconnect=False,
                    connect_timeout=CONNECT_DEADLINE_S,
                    no_echo=True,
                    pending_size=0,  # otherwise a publish may wait, and cannot be cancelled
                    closed_cb=on_closed,
                    error_cb=on_error,
                    **self._login,
                )
                connected.set()
                await self._subscribe(client)
            self._on_connected(server)
            await _first_of(self._pump(client, ended), self._watch(client))
        finally:
            await self._close(client)

    async def _subscribe(self, client: Client) -> None:
        async def on_message(message: Msg) -> None:
            self._received.append((message.subject, message.data))
            self._wake_trio()

        for subject in self._subjects:
            await client.subscribe(subject, cb=on_message)
        await client.flush(timeout=CONNECT_DEADLINE_S)

    def _on_connected(self, server: str) -> None:
        self._outgoing.clear()  # messages that waited for a connection come too late
        self._up = True
        if self._reported:
            self._report(f"connected to NATS at {shown(server)}")
        self._reported.clear()

    async def _pump(self, client: Client, ended: asyncio.Event) -> None:
        """Publish what is queued until the connection ends, or until `stop`."""
        while not ended.is_set():
            while self._outgoing:
                subject, payload = self._outgoing.popleft()
                if client.pending_data_size <= UNSENT_BYTES_MAX:
                    await client.publish(subject, payload)
            if self._stop.is_set():
                await client.flush(timeout=LEAVE_S)
                self._up = False
                return
            self._wakeup.clear()
            if not self._outgoing and not self._stop.is_set() and not ended.is_set():
                await self._wakeup.wait()

    async def _watch(self, client: Client) -> None:
        """Ping the server until it does not answer; nats-py's own pings can hang."""
        while True:
            await asyncio.sleep(PING_EVERY_S)
            await client.flush(timeout=PING_DEADLINE_S)

    async def _close(self, client: Client) -> None:
        """Close a client, without waiting for a server that reads nothing."""
        with suppress(TimeoutError):
            await asyncio.wait_for(client.close(), LEAVE_S / 2)
        self._loop.cut()
        await asyncio.sleep(0)

    def _report(self, sentence: str) -> None:
        if sentence not in self._reported:
            if len(self._reported) == TROUBLES_QUEUED_MAX:
                self._reported.clear()
            self._reported.add(sentence)
            self._reports.append(sentence)
            self._wake_trio()

    def _wake_trio(self) -> None:
        self._token.run_sync_soon(self._hand_over, idempotent=True)


async def _first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Return when the first of several coroutines has ended, or raise what it raised."""
    tasks = {asyncio.create_task(work) for work in works}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=LEAVE_S)
    for task in done:
        task.result()


def shown(server: str) -> str:
    """Return a server's address without credentials."""
    parts = urlsplit(server)
    return f"{parts.hostname}:{parts.port or PORT}"


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__

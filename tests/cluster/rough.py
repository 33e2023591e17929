"""Servers that misbehave: silent name servers and mail servers, targets that hang."""

import shlex
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import define, field

from tests.workers import own_address

DNS_ADDRESS, DNS_PORT = own_address(53), 53
BACKLOG = 64
LOOK_S = 0.1
HEAD_BYTES_MAX = 4096


@contextmanager
def silent_name_server(home: Path) -> Iterator[list[str]]:
    """Yield a launcher of programs whose only name server never answers.

    Raises `PermissionError` where this user may not have its port.
    """
    configuration = home / "resolv.conf"
    configuration.write_text(f"nameserver {DNS_ADDRESS}\noptions timeout:30 attempts:5\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((DNS_ADDRESS, DNS_PORT))
        yield with_file(configuration, "/etc/resolv.conf")


def with_file(file: Path, place: str) -> list[str]:
    """Return a launcher of programs that see `file` at `place`."""
    script = f'mount --bind {shlex.quote(str(file))} {shlex.quote(place)} && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, "sh"]


@define(eq=False)
class Waiter:
    """A server on loopback that accepts connections and holds them."""

    port: int
    taken: int = 0
    _held: list[socket.socket] = field(factory=list)

    def let_go(self) -> None:
        """Close every connection without an answer."""
        held, self._held = self._held, []
        for connection in held:
            connection.close()

    def hold(self, connection: socket.socket) -> None:
        """Keep a connection, and say nothing."""
        self.taken += 1
        self._held.append(connection)


@contextmanager
def waiter() -> Iterator[Waiter]:
    """Serve a port that accepts connections and never sends a byte."""
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as server:
        made = Waiter(server.getsockname()[1])
        with _serving(server, made.hold):
            yield made
        made.let_go()


@contextmanager
def failing_site(address: str) -> Iterator["FailingSite"]:
    """Serve HTTP without errors, until told to fail each client once."""
    with socket.create_server((address, 0), backlog=BACKLOG) as server:
        site = FailingSite(f"http://{address}:{server.getsockname()[1]}/")
        with _serving(server, site.answer):
            yield site


@define(eq=False)
class FailingSite:
    """A web site; `failed` are the clients that got the failure they were to get."""

    url: str
    failed: list[str] = field(factory=list)
    _owed: set[str] = field(factory=set)

    def fail_once(self, visitors: set[str]) -> None:
        """Answer the next request of each of these addresses with 500."""
        self._owed |= visitors

    def answer(self, connection: socket.socket) -> None:
        """Answer one request, and close."""
        with connection, suppress(OSError):
            connection.settimeout(1.0)
            connection.recv(HEAD_BYTES_MAX)
            visitor = str(connection.getpeername()[0])
            bad = visitor in self._owed
            if bad:
                self._owed.remove(visitor)
                self.failed.append(visitor)
            status = "500 Oops" if bad else "200 OK"
            said = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            connection.sendall(said.encode())


@contextmanager
def _serving(server: socket.socket, take: Callable[[socket.socket], None]) -> Iterator[None]:
    """Hand every connection to `take`, in a thread, until the block ends."""
    ended = threading.Event()
    server.settimeout(LOOK_S)

    def serve() -> None:
        while not ended.is_set():
            with suppress(TimeoutError):
                take(server.accept()[0])

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()

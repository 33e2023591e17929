"""Name servers for tests: real ones (nsd, unbound), and peers that misbehave on purpose."""

import socket
import struct
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeAlias

import trio
from attrs import define, field

from qutrio.plumbing.clock import BootClock
from qutrio.probes.dns.exchange import Server
from qutrio.probes.observations import Addresses, Endpoint
from qutrio.probes.resolver import HostResolver
from tests import needs
from tests.patience import HANG_S
from tests.workers import free_port

NSD, UNBOUND = needs.where("nsd"), needs.where("unbound")
LOOPBACK = Endpoint(socket.AF_INET, "127.0.0.1")

NSD_CONFIG = """
server:
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  zonesdir: "{root}"
  database: ""
  pidfile: "{root}/nsd.pid"
  xfrdfile: "{root}/xfrd.state"
  zonelistfile: "{root}/zone.list"
  cookie-secret-file: ""
  server-count: 1
  reuseport: no
remote-control:
  control-enable: no
zone:
  name: example.test
  zonefile: example.test.zone
"""

UNBOUND_CONFIG = """
server:
  interface: 127.0.0.1@{port}
  username: ""
  chroot: ""
  directory: "{root}"
  pidfile: "{root}/unbound.pid"
  use-syslog: no
  logfile: "{root}/unbound.log"
  do-not-query-localhost: no
  module-config: "iterator"
  local-zone: "test." nodefault
{stubs}
remote-control:
  control-enable: no
"""


def server_at(port: int) -> Server:
    """Return the name server on a loopback port."""
    return Server(LOOPBACK, port)


@contextmanager
def running_nsd(root: Path, zone: str, port: int) -> Iterator[None]:
    """Run nsd with the zone `example.test` until the block ends."""
    needs.require(needs.lacking("nsd"))
    assert NSD is not None
    (root / "example.test.zone").write_text(zone)
    config = root / "nsd.conf"
    config.write_text(NSD_CONFIG.format(root=root, port=port))
    with _running([NSD, "-d", "-c", str(config)], root / "nsd.out"):
        yield


@contextmanager
def running_unbound(root: Path, stubs: dict[str, int], port: int) -> Iterator[None]:
    """Run unbound, which asks the server on a port for each of these zones."""
    needs.require(needs.lacking("unbound"))
    assert UNBOUND is not None
    lines = [
        f'stub-zone:\n  name: "{name}"\n  stub-addr: 127.0.0.1@{at}' for name, at in stubs.items()
    ]
    config = root / "unbound.conf"
    config.write_text(UNBOUND_CONFIG.format(root=root, port=port, stubs="\n".join(lines)))
    with _running([UNBOUND, "-d", "-c", str(config)], root / "unbound.out"):
        yield


@contextmanager
def _running(command: list[str], output: Path) -> Iterator[None]:
    with output.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=HANG_S)


Address: TypeAlias = tuple[str, int]

Reaction: TypeAlias = Callable[[bytes], list[bytes]]
"""What a hand-made server sends back for a query, one datagram each."""


@define
class HandMade:
    """A name server on a loopback port whose reactions the test defines.

    `over_tcp` gives the whole byte stream that follows a query over TCP.  `heard` is awaited
    with each query and its sender, before the reaction.
    """

    udp: trio.socket.SocketType
    endpoint: Endpoint
    port: int
    react: Reaction
    over_tcp: Callable[[bytes], bytes] | None = None
    hold: bool = False
    heard: Callable[[bytes, Address], Awaitable[None]] | None = None
    asked: list[bytes] = field(factory=list)
    askers: list[Address] = field(factory=list)

    @property
    def server(self) -> Server:
        """The address of the server."""
        return Server(self.endpoint, self.port)

    async def say(self, message: bytes, who: Address) -> None:
        """Send a datagram, possibly without a query."""
        await self.udp.sendto(message, who)

    async def serve_udp(self) -> None:
        """React to queries until cancelled."""
        while True:
            query, who = await self.udp.recvfrom(4096)
            self.asked.append(query)
            self.askers.append(who)
            if self.heard is not None:
                await self.heard(query, who)
            for message in self.react(query):
                await self.say(message, who)

    async def serve_stream(self, stream: trio.SocketStream) -> None:
        """Answer one query over TCP, and hang up unless the test holds on."""
        query = bytes(await stream.receive_some(4096))
        assert self.over_tcp is not None  # otherwise nothing listens
        await stream.send_all(self.over_tcp(query[2:]))
        if self.hold:
            await trio.sleep_forever()
        await stream.aclose()


@asynccontextmanager
async def hand_made(
    react: Reaction,
    over_tcp: Callable[[bytes], bytes] | None = None,
    *,
    address: str = "127.0.0.1",
    port: int = 0,
    hold: bool = False,
) -> AsyncIterator[HandMade]:
    """Serve UDP and, where a test wants it, TCP on one port until the block ends."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with trio.socket.socket(family, socket.SOCK_DGRAM) as udp:
        await udp.bind((address, port or (free_port() if over_tcp else 0)))
        bound = udp.getsockname()[1]
        made = HandMade(udp, Endpoint(family, address), bound, react, over_tcp, hold)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(made.serve_udp)
            if over_tcp is not None:
                listeners = await trio.open_tcp_listeners(made.port, host=address)
                nursery.start_soon(trio.serve_listeners, made.serve_stream, listeners)
            yield made
            nursery.cancel_scope.cancel()


def question_of(query: bytes) -> bytes:
    """Return the question of a query without EDNS, as it is on the wire."""
    return query[12:]


def asked_type(query: bytes) -> int:
    """Return the number of the type that a query without EDNS asks for."""
    return int.from_bytes(query[-4:-2], "big")


def asked_name(query: bytes) -> str:
    """Return the name that a query without EDNS asks for."""
    labels, place = [], 12
    while query[place]:
        labels.append(query[place + 1 : place + 1 + query[place]].decode())
        place += 1 + query[place]
    return ".".join(labels).lower()


def answer(
    query: bytes, *records: bytes, flags: int = 0x8180, rcode: int = 0, authority: bytes = b""
) -> bytes:
    """Return an answer to a query; the records are whole, in wire form."""
    head = struct.pack(
        ">HHHHHH", *struct.unpack(">H", query[:2]), flags | rcode, 1, len(records),
        1 if authority else 0, 0,
    )  # fmt: skip
    return head + question_of(query) + b"".join(records) + authority


def record(kind: int, data: bytes, ttl_s: int = 60, owner: bytes = b"\xc0\x0c") -> bytes:
    """Return a record in wire form; its owner is the name that was asked for."""
    return owner + struct.pack(">HHIH", kind, 1, ttl_s, len(data)) + data


def address_record(address: str, ttl_s: int = 60, owner: bytes = b"\xc0\x0c") -> bytes:
    """Return an A or AAAA record in wire form."""
    if ":" in address:
        return record(28, socket.inet_pton(socket.AF_INET6, address), ttl_s, owner)
    return record(1, socket.inet_aton(address), ttl_s, owner)


def soa_record(owner: bytes, minimum_s: int = 60) -> bytes:
    """Return the SOA record of a zone, as it comes with an answer that something is missing."""
    return record(6, b"\0\0" + struct.pack(">IIIII", 1, 2, 3, 4, minimum_s), 60, owner)


@define
class Zone:
    """A name server's content: addresses by name, or an error; what is missing does not exist.

    `domains` are errors for all names that end so.
    """

    names: dict[str, list[str] | int]
    ttl_s: int = 60
    domains: dict[str, int] = field(factory=dict)

    def __call__(self, query: bytes) -> list[bytes]:
        """Answer as a resolver does."""
        name = asked_name(query)
        found = self.names.get(name, 3)
        for domain, rcode in self.domains.items():
            if f".{name}".endswith(f".{domain}"):
                found = rcode
        if isinstance(found, int):
            return [answer(query, rcode=found)]
        wanted = [a for a in found if (":" in a) == (asked_type(query) == 28)]
        return [answer(query, *[address_record(a, self.ttl_s) for a in wanted])]


class Host:
    """The settings of a machine, in a directory of its own."""

    def __init__(self, etc: Path) -> None:
        """Ask a name server on this machine; know no names."""
        self.etc = etc
        self.write("hosts: files dns", "", "")

    def write(self, nsswitch: str, hosts: str, resolv: str) -> None:
        """Write the files anew; the lines of `resolv` follow those that name the server."""
        (self.etc / "nsswitch.conf").write_text(nsswitch + "\n")
        (self.etc / "hosts").write_text(hosts)
        (self.etc / "host.conf").write_text("multi on\n")
        (self.etc / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1\n" + resolv)

    def resolver(self, port: int, canary_zones: tuple[str, ...] = ()) -> HostResolver:
        """Return a resolver of this machine that knows nothing yet."""
        return HostResolver(BootClock(), canary_zones, etc=self.etc, dns_port=port)


def at(*addresses: str) -> Addresses:
    """Return what a look-up that found these addresses is expected to say."""
    return Addresses(
        tuple(Endpoint(socket.AF_INET6 if ":" in a else socket.AF_INET, a) for a in addresses)
    )

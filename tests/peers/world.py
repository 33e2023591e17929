"""People with real keys, and nodes that link them over TLS or over memory."""

import random
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trio
import trio.testing
from attrs import define, evolve, field, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from qutrio.codec.wire import WIRE_VERSION, encode
from qutrio.core.api.effects import Reply
from qutrio.core.api.events import Event, Proposed, Received
from qutrio.core.api.messages import Heartbeat, Message, Ruling
from qutrio.core.api.mutations import Mutation, Refusal
from qutrio.core.api.view import View
from qutrio.core.consensus.applying import apply
from qutrio.errors import PeerError
from qutrio.model.document import ClusterDocument
from qutrio.model.edits import ENROLLMENT
from qutrio.model.ids import Fingerprint, Revision, Term, UnixTime
from qutrio.model.members import Member
from qutrio.model.stable import Position
from qutrio.peers.enrollment_server import EnrollmentServer
from qutrio.peers.frames import Hello, receive_expected, send_frame
from qutrio.peers.identity import PeerIdentity, fingerprint_of, node_id_of
from qutrio.peers.mesh import Mesh
from qutrio.peers.transport import TlsTransport, Transport
from qutrio.peers.websocket import MEMBER_MESSAGE_BYTES_MAX, WebSocket, open_websocket
from qutrio.plumbing.clock import TrioClock
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from qutrio.plumbing.outbox import Outboxes
from tests.memory_network import MemoryNetwork, MemoryTransport
from tests.patience import HANG_S

CLUSTER = "c0ffee"
WAIT_S = HANG_S
NOWHERE = "127.0.0.1:1"
BASE_UNIX = 1_700_000_000.0


@frozen
class Person:
    """A node's keys, and how the document names it."""

    identity: PeerIdentity
    member: Member

    @property
    def pin(self) -> frozenset[Fingerprint]:
        return frozenset({self.identity.fingerprint})

    def at(self, address: str) -> "Person":
        return evolve(self, member=evolve(self.member, address=address))


def make_person(
    folder: Path, name: str, address: str = NOWHERE, *, ca: bool = False, expired: bool = False
) -> Person:
    """Make a key and a self-signed certificate, and write both into `folder`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    born = datetime.now(UTC) - timedelta(days=20)
    until = born + timedelta(days=10 if expired else 10_000)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(born)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    der = certificate.public_bytes(Encoding.DER)
    key_file, certificate_file = folder / f"{name}.key", folder / f"{name}.crt"
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    certificate_file.write_bytes(certificate.public_bytes(Encoding.PEM))
    fingerprint = fingerprint_of(der)
    identity = PeerIdentity(
        node_id=node_id_of(fingerprint),
        fingerprint=fingerprint,
        certificate_der=der,
        certificate_file=certificate_file,
        key_file=key_file,
    )
    member = Member(
        id=identity.node_id,
        name=name,
        address=address,
        fingerprint=fingerprint,
        certificate=b64encode(der).decode(),
    )
    return Person(identity, member)


def make_people(folder: Path, *names: str) -> list[Person]:
    """Make people whose ids are in the order of their names, each at an address of its own."""
    people = sorted((make_person(folder, n) for n in names), key=lambda p: p.member.id)
    return [
        evolve(p, member=evolve(p.member, name=name, address=f"127.0.0.{k}:1"))
        for k, (name, p) in enumerate(zip(names, people, strict=True), 1)
    ]


def document_of(*people: Person, revision: int = 1) -> ClusterDocument:
    members = tuple(sorted((p.member for p in people), key=lambda m: m.id))
    return ClusterDocument(cluster_id=CLUSTER, revision=Revision(revision), members=members)


def view_of(person: Person, document: ClusterDocument, *, removed: bool = False) -> View:
    return View(
        node=person.member.id,
        document=document,
        position=Position(Term(1), document.revision),
        term=Term(1),
        master=None,
        acting_until=None,
        live=frozenset(),
        removed=removed,
    )


def heartbeat(number: int = 1) -> Heartbeat:
    return Heartbeat(
        number=number,
        heard_term=Term(0),
        claim=None,
        acting=False,
        able=True,
        committed=Position(),
        wall=UnixTime(0.0),
    )


def wire(net: MemoryNetwork, person: Person) -> MemoryTransport:
    """Return a person's access to a network in memory."""
    return MemoryTransport(net, person.member.address, person.identity.fingerprint)


@define(eq=False)
class Station:
    """A node without its core: the mesh, and the queues it reads and writes."""

    person: Person
    view: Latest[View]
    make_transport: Callable[["Station"], Transport]
    inbox: Inbox = field(factory=lambda: Inbox("boot"))
    outboxes: Outboxes = field(factory=Outboxes)
    lines: list[tuple[str, dict[str, object]]] = field(factory=list)
    mesh: Mesh = field(init=False)
    enrollment_server: EnrollmentServer = field(init=False)
    transport: Transport = field(init=False)
    address: str = field(default="", init=False)
    listening: trio.CancelScope = field(factory=trio.CancelScope, init=False)
    ended: trio.Event = field(factory=trio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        self.transport = self.make_transport(self)
        self.enrollment_server = EnrollmentServer(
            identity=self.person.identity,
            view=self.view,
            inbox=self.inbox,
            clock=TrioClock(BASE_UNIX),
        )
        self.mesh = Mesh(
            identity=self.person.identity,
            transport=self.transport,
            view=self.view,
            inbox=self.inbox,
            outboxes=self.outboxes,
            enrollment_server=self.enrollment_server,
            log=self.log,
            rng=random.Random(7),
        )

    def log(self, what: str, /, **details: object) -> None:
        self.lines.append((what, details))

    def know(self, document: ClusterDocument, *, removed: bool = False) -> None:
        """Replace the node's document."""
        self.view.publish(view_of(self.person, document, removed=removed))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(self.mesh.keep_links)
            async with trio.open_nursery() as inward:
                self.address = await inward.start(self._listen)
                task_status.started()
        self.ended.set()

    async def _listen(self, *, task_status: trio.TaskStatus[str]) -> None:
        with self.listening:
            await self.mesh.listen(task_status=task_status)

    async def event(self, kind: type[Event] | tuple[type[Event], ...] = Received) -> Event:
        """Return the next event of a kind; skip others."""
        with trio.fail_after(WAIT_S):
            while True:
                event = await self.inbox.next(WAIT_S)
                if isinstance(event, kind):
                    return event

    async def received(self) -> Received:
        event = await self.event(Received)
        assert isinstance(event, Received)
        return event

    async def linked(self, other: Person) -> None:
        with trio.fail_after(WAIT_S):
            assert await self.mesh.links.wait_up(other.member.id, WAIT_S)

    async def unlinked(self, other: Person) -> None:
        with trio.fail_after(WAIT_S):
            await self.mesh.links.wait_down(other.member.id)


def in_memory(net: MemoryNetwork, person: Person, document: ClusterDocument) -> Station:
    return Station(person, Latest(view_of(person, document)), lambda _: wire(net, person))


def over_tls(person: Person, document: ClusterDocument) -> Station:
    def transport(station: Station) -> TlsTransport:
        return TlsTransport(
            identity=person.identity,
            bind="127.0.0.1",
            port=0,
            members=lambda: station.view.value.document.members,
            log=station.log,
        )

    return Station(person, Latest(view_of(person, document)), transport)


@asynccontextmanager
async def running(*stations: Station) -> AsyncIterator[trio.Nursery]:
    """Run stations for the length of the block."""
    async with trio.open_nursery() as nursery:
        for station in stations:
            await nursery.start(station.run)
        yield nursery
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def tls_cluster(*people: Person) -> AsyncIterator[list[Station]]:
    """Run people over TLS, as members of one document that names their true addresses."""
    stations = [over_tls(p, document_of(p)) for p in people]
    async with running(*stations):
        document = document_of(*(p.at(s.address) for p, s in zip(people, stations, strict=True)))
        for station in stations:
            station.know(document)
        yield stations


@asynccontextmanager
async def as_member(
    transport: Transport, person: Person, to: Person, address: str | None = None, **wrong: Any
) -> AsyncIterator[WebSocket]:
    """Dial `to` as `person` and say hello by hand; fields of the hello may be `wrong`."""
    stream = await transport.dial(address or to.member.address, to.pin)
    limit = MEMBER_MESSAGE_BYTES_MAX
    async with open_websocket(stream, client=True, message_bytes_max=limit) as socket:
        hello = Hello(protocol=WIRE_VERSION, node=person.member.id, cluster=CLUSTER, program="t")
        await send_frame(socket, evolve(hello, **wrong))
        await receive_expected(socket, Hello, WAIT_S)
        yield socket


async def ends(socket: WebSocket) -> str:
    """Wait until the other side ends a websocket, and return how that looks."""
    try:
        while True:
            await socket.receive()
    except PeerError as error:
        return str(error)


async def speak(socket: WebSocket, message: Message) -> None:
    await socket.send(encode(message))


@define(eq=False)
class Cluster:
    """Decides as a master would, at once: applies proposals to the document of a station."""

    station: Station
    proposals: list[Mutation] = field(factory=list)
    undecided: int = 0
    """So many proposals are answered with `unknown` first."""

    async def decide(self) -> None:
        while True:
            event = await self.station.inbox.next(3600.0)
            if isinstance(event, Proposed):
                assert event.door == ENROLLMENT
                self.proposals.append(event.mutation)
                self.station.inbox.answer(self._ruling(event))

    def propose(self, mutation: Mutation) -> None:
        """Change the document as an operator would; the mutation must be accepted."""
        after = apply(mutation, self.document, self.wall)
        assert not isinstance(after, Refusal), after
        self._take(after)

    @property
    def document(self) -> ClusterDocument:
        return self.station.view.value.document

    @property
    def wall(self) -> UnixTime:
        return self.station.enrollment_server.clock.wall()

    def _take(self, after: ClusterDocument) -> None:
        self.station.know(evolve(after, revision=Revision(self.document.revision + 1)))

    def _ruling(self, event: Proposed) -> Reply:
        if self.undecided:
            self.undecided -= 1
            return Reply(event.request, Ruling.UNKNOWN, "", Revision(0))
        after = apply(event.mutation, self.document, self.wall)
        if isinstance(after, Refusal):
            return Reply(event.request, Ruling.REFUSED, after.reason, Revision(0))
        self._take(after)
        return Reply(event.request, Ruling.COMMITTED, "", self.document.revision)

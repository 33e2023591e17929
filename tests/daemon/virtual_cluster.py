"""Whole daemons in virtual time: real websockets over memory streams, a disk in memory.

A `World` holds a small cluster.  Its daemons are the real ones, assembled from the real parts
but for four parts: the transport (no sockets, no TLS), the store (no disk), the resolver (it
knows the one target, and says at once how it is) and the sender (a mailbox).  A crash cuts a
daemon off from everything at once and keeps only what its store made durable.
"""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import trio
from attrs import Factory, define, evolve, field, frozen
from trio.testing import MockClock

from qutrio.alerts.envelope import Envelope
from qutrio.alerts.send_result import SendResult
from qutrio.alerts.senders import Senders
from qutrio.core.api.effects import Reply
from qutrio.core.api.events import Proposed
from qutrio.core.api.messages import Ruling
from qutrio.core.api.mutations import Mutation
from qutrio.core.api.view import View
from qutrio.daemon.components import Components, build
from qutrio.daemon.run import run
from qutrio.model.channels import WebhookChannel
from qutrio.model.checks import TcpCheck
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import (
    ChannelId,
    CheckId,
    Fingerprint,
    NodeId,
    Revision,
    Term,
)
from qutrio.model.incidents import Ledger
from qutrio.model.levels import LEVEL
from qutrio.model.members import Member
from qutrio.model.stable import Position, Promise, Record, Stable
from qutrio.peers.identity import PeerIdentity
from qutrio.plumbing.clock import TrioClock
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from qutrio.probes.interface import Tools
from qutrio.storage.journal import MemoryJournal
from qutrio.storage.store import MemoryStore
from tests.daemon.fakes import (
    NO_TLS,
    NoPatterns,
    NoWatchdog,
    RecordingHandler,
    Target,
)
from tests.memory_network import MemoryNetwork, MemoryTransport

BASE_WALL = 1_700_000_000.0
SEND_S = 0.05
MASTER_S_MAX = 300.0
SETTLE_S = 20.0

T = TypeVar("T")


@frozen
class Mail:
    """A notice that arrived."""

    at: float
    by: NodeId
    kind: str
    notice: str
    check: str
    cause: str = ""
    """The causes, of an UNSEEN or SEEN notice only."""


@frozen
class Line:
    """One line of the trace: time, daemon and event."""

    at: float
    node: NodeId
    what: str
    details: tuple[tuple[str, str], ...] = ()


@frozen
class DaemonEffect:
    """One effect of one daemon, and whether the daemon still took connections then."""

    at: float
    node: NodeId
    what: str
    listening: bool


@define
class Daemon:
    """One daemon of the world, running or not."""

    member: Member
    store: MemoryStore
    journal: MemoryJournal = Factory(MemoryJournal)
    inbox: Inbox | None = None
    view: Latest[View] | None = None
    _life: trio.CancelScope | None = None
    _stop: trio.Event | None = None
    _ended: trio.Event | None = None
    starts: int = 0


@define
class World:
    """A cluster of whole daemons, the target of their checks, and the mailbox they send to.

    `acting` is checked at every change of any daemon's view: at most one daemon may act.
    """

    nursery: trio.Nursery
    seed: int
    network: MemoryNetwork = Factory(MemoryNetwork)
    target: Target = Factory(Target)
    mailbox: list[Mail] = Factory(list)
    hung: set[ChannelId] = Factory(set)
    """Channels whose server takes a connection and never answers."""
    trace: list[Line] = Factory(list)
    performed: list[DaemonEffect] = Factory(list)
    daemons: dict[NodeId, Daemon] = Factory(dict)
    masters: list[tuple[float, NodeId]] = Factory(list)
    _stirred: trio.Event = Factory(trio.Event)
    _told: trio.Event = Factory(trio.Event)
    _clock: TrioClock = field(default=TrioClock(BASE_WALL))

    # What a test does

    def populate(self, count: int) -> list[NodeId]:
        """Make a cluster of `count` daemons with a check of the target, and start none."""
        members = tuple(_member(number) for number in range(1, count + 1))
        stable = _stable(members)
        for member in members:
            self.daemons[member.id] = Daemon(member, MemoryStore(stable))
        return [member.id for member in members]

    async def begin(self, count: int) -> list[NodeId]:
        """Make a cluster whose lowest id acts, and return its ids, the lowest first.

        The last daemon starts late: were all to start in one moment, whoever happens to link
        to a majority first would be elected.
        """
        nodes = self.populate(count)
        self.start(*nodes[:-1])
        assert await self.master() == nodes[0]
        self.start(nodes[-1])
        await trio.sleep(SETTLE_S)
        return nodes

    def start(self, *nodes: NodeId) -> None:
        """Start daemons."""
        for node in nodes:
            self.nursery.start_soon(self._live, self.daemons[node])

    async def crash(self, node: NodeId) -> None:
        """End a daemon without a farewell; its durable state stays."""
        daemon = self.daemons[node]
        assert daemon._life is not None
        assert daemon._ended is not None
        daemon._life.cancel()
        await daemon._ended.wait()

    async def shut_down(self, node: NodeId) -> None:
        """Ask a daemon to stop, and wait until it has."""
        daemon = self.daemons[node]
        assert daemon._stop is not None
        assert daemon._ended is not None
        daemon._stop.set()
        await daemon._ended.wait()

    def acting(self) -> list[NodeId]:
        """Return the daemons that hold a lease now."""
        now = self._clock.now()
        return [
            node
            for node, daemon in self.daemons.items()
            if daemon.view is not None
            and (until := daemon.view.value.acting_until) is not None
            and now < until
        ]

    async def master(self, *, but: NodeId | None = None) -> NodeId:
        """Wait until a daemon other than `but` is master, and return it."""
        with trio.fail_after(MASTER_S_MAX):
            while not (found := [node for node in self.acting() if node != but]):
                await self._stirred.wait()
        return found[0]

    async def told(self, what: str) -> Line:
        """Wait until some daemon logs `what`."""
        seen = len(self.trace)
        while not (found := [line for line in self.trace[seen:] if line.what == what]):
            await self._told.wait()
        return found[0]

    async def propose(self, node: NodeId, mutation: Mutation) -> Ruling:
        """Propose a change at a daemon, and return the ruling."""
        inbox = self.daemons[node].inbox
        assert inbox is not None
        reply = await inbox.ask(partial(Proposed, mutation=mutation))
        assert isinstance(reply, Reply)
        return reply.ruling

    def view(self, node: NodeId) -> View:
        """Return the view of a running daemon."""
        view = self.daemons[node].view
        assert view is not None
        return view.value

    # What makes a daemon

    async def _live(self, daemon: Daemon) -> None:
        daemon.starts += 1
        daemon._stop, daemon._ended = trio.Event(), trio.Event()
        driver_args, edges = build(self._parts(daemon))
        driver_args = evolve(
            driver_args,
            handler=RecordingHandler(driver_args.handler, partial(self._did, daemon.member)),
        )
        daemon.view, daemon.inbox = driver_args.view, driver_args.inbox
        try:
            with trio.CancelScope() as daemon._life:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._watch, daemon.member.id, driver_args.view)
                    await run(driver_args, edges, partial(_asked, daemon._stop))
                    nursery.cancel_scope.cancel()
        finally:
            daemon.view = daemon.inbox = None
            daemon._ended.set()

    def _parts(self, daemon: Daemon) -> Components:
        member = daemon.member
        number = list(self.daemons).index(member.id)
        log = self._log_of(member.id)
        return Components(
            identity=PeerIdentity(
                node_id=member.id,
                fingerprint=member.fingerprint,
                certificate_der=b"",
                certificate_file=Path("nowhere"),
                key_file=Path("nowhere"),
            ),
            store=daemon.store,
            journal=daemon.journal,
            transport=lambda _: MemoryTransport(self.network, member.address, member.fingerprint),
            clock=self._clock,
            senders=Senders({WebhookChannel: self._send}),
            tools=Tools(
                resolver=self.target,
                tls=NO_TLS,
                clock=self._clock,
                patterns=NoPatterns(),
            ),
            log=log,
            rng=random.Random(f"{self.seed} {number} {daemon.starts}"),
            boot=f"{member.id}.{daemon.starts}",
            watchdog=NoWatchdog(),
        )

    async def _watch(self, node: NodeId, view: Latest[View]) -> None:
        while True:
            seen = view.value
            acting = self.acting()
            assert len(acting) <= 1, f"two act at once: {acting}"
            if acting and (not self.masters or self.masters[-1][1] != acting[0]):
                self.masters.append((trio.current_time(), acting[0]))
            self._stirred.set()
            self._stirred = trio.Event()
            await view.other_than(seen)

    def _log_of(self, node: NodeId) -> Callable[..., None]:
        def log(what: str, /, **details: object) -> None:
            self._note(node, what, **details)

        return log

    def _did(self, member: Member, what: str) -> None:
        listening = member.address in self.network.listeners
        self.performed.append(DaemonEffect(trio.current_time(), member.id, what, listening))

    def _note(self, node: NodeId, what: str, **details: object) -> None:
        pairs = tuple((key, str(value)) for key, value in details.items())
        self.trace.append(Line(trio.current_time(), node, what, pairs))
        self._told.set()
        self._told = trio.Event()

    async def _send(self, channel: Any, letter: Envelope) -> SendResult:
        notice = letter.notice
        self._note(letter.node, "sending", kind=notice.kind.value)
        if channel.id in self.hung:
            await trio.sleep_forever()
        await trio.sleep(SEND_S)
        self.mailbox.append(
            Mail(
                at=trio.current_time(),
                by=letter.node,
                kind=notice.kind.value,
                notice=notice.id,
                check=notice.check_name,
                cause="" if notice.unseen is None else notice.unseen.cause,
            )
        )
        return SendResult(delivered=True, detail="accepted")


@asynccontextmanager
async def open_world(seed: int = 0) -> AsyncIterator[World]:
    """Make an empty world, and end all its daemons with the block."""
    async with trio.open_nursery() as nursery:
        yield World(nursery, seed)
        nursery.cancel_scope.cancel()


@contextmanager
def seeded_scheduler(seed: int) -> Iterator[None]:
    """Make trio shuffle the runnable tasks by `seed` instead of at random."""
    scheduler: Any = trio._core._run
    was = scheduler._ALLOW_DETERMINISTIC_SCHEDULING
    scheduler._ALLOW_DETERMINISTIC_SCHEDULING = True
    scheduler._r.seed(seed)
    try:
        yield
    finally:
        scheduler._ALLOW_DETERMINISTIC_SCHEDULING = was


def replay(scenario: Callable[[int], Awaitable[T]], seed: int) -> T:
    """Run a scenario in virtual time so that the same seed gives the same run."""
    with seeded_scheduler(seed):
        return trio.run(scenario, seed, clock=MockClock(autojump_threshold=0))


async def _asked(stop: trio.Event, *, task_status: trio.TaskStatus[None]) -> None:
    task_status.started()
    await stop.wait()


def _member(number: int) -> Member:
    return Member(
        id=NodeId(f"n{number:012x}"),
        name=f"node{number}",
        address=f"192.0.2.{number}:9901",
        fingerprint=Fingerprint(f"{number:064x}"),
        certificate="",
    )


def _stable(members: tuple[Member, ...]) -> Stable:
    document = ClusterDocument(
        cluster_id="c0ffee",
        revision=Revision(1),
        members=members,
        level=LEVEL,
        checks=(
            TcpCheck(
                id=CheckId("k1"),
                name="web",
                interval_s=10.0,
                timeout_s=2.0,
                address="web.example.org:80",
                changed=Revision(1),
            ),
        ),
        channels=(
            WebhookChannel(id=ChannelId("c1"), name="pager", url="https://example.org/hook"),
        ),
    )
    record = Record(Position(Term(0), 0), document, Ledger())
    return Stable(Promise(), record, record)

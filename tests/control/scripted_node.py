"""A cluster of one in the loop: it rules on proposals at once, as a real master would."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio
from attrs import Factory, define, evolve, field

from qutrio.control.context import ControlContext
from qutrio.control.server import serve_control
from qutrio.control.services import ControlServices
from qutrio.control.tenants import Tenants
from qutrio.core.api.effects import Reply, StatusReply
from qutrio.core.api.engine_timers import TIMERS
from qutrio.core.api.events import (
    Event,
    Inspected,
    ProbeRequested,
    Proposed,
    Tenancy,
    YieldRequested,
)
from qutrio.core.api.facts import NodeStarted
from qutrio.core.api.messages import Ruling
from qutrio.core.api.mutations import Refusal
from qutrio.core.api.view import ChannelStatus, CheckStatus, MemberStatus, Status, View
from qutrio.core.consensus.applying import apply
from qutrio.core.consensus.authorship import Author, authored
from qutrio.model.document import ClusterDocument
from qutrio.model.hooks import NO_HOOKS, HookReport
from qutrio.model.ids import (
    ChannelId,
    CheckId,
    Fingerprint,
    NodeId,
    Revision,
    Seconds,
    Term,
    TokenId,
    UnixTime,
)
from qutrio.model.incidents import Ledger
from qutrio.model.levels import LEVEL
from qutrio.model.members import Member, Token
from qutrio.model.parts import RefusedRecipient
from qutrio.model.results import Evidence, Outcome, State
from qutrio.model.stable import Position
from qutrio.plumbing.clock import TrioClock
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from qutrio.storage.journal import MemoryJournal

ME, PEER = NodeId("n111111111111"), NodeId("n222222222222")
PROBE_S = 0.05
LEASE_S = 3.6
WALL = UnixTime(1_700_000_000.0)


def member(node: NodeId, name: str) -> Member:
    """Return a member whose keys nobody will look at."""
    return Member(
        id=node,
        name=name,
        address="127.0.0.1:9901",
        fingerprint=Fingerprint(node[1] * 64),
        certificate="",
    )


def two_nodes() -> ClusterDocument:
    """Return the document of a cluster of `a` (this node) and `b`."""
    members = (member(ME, "a"), member(PEER, "b"))
    return ClusterDocument(cluster_id="c0", revision=Revision(1), members=members)


@define
class ScriptedNode:
    """What stands behind the inbox.

    `votes` are the outcomes that nodes report once a probe was asked for; `ruling` overrides
    how proposals end; `deaf` leaves questions unanswered.
    """

    view: Latest[View]
    inbox: Inbox = Factory(lambda: Inbox("test"))
    master: NodeId | None = ME
    votes: dict[NodeId, Outcome] = Factory(dict)
    ruling: tuple[Ruling, str] | None = None
    deaf: bool = False
    disk: str = ""
    leads_minority: bool = False
    refusals: tuple[RefusedRecipient, ...] = ()
    skews: dict[NodeId, Seconds] = Factory(dict)
    role: str = "leader"
    engines: dict[NodeId, str] = Factory(dict)
    levels: dict[NodeId, int | None] = Factory(dict)
    heirs: list[NodeId | None] = Factory(list)
    """Who acts next, each time that somebody wants the role moved; else nobody moves it."""
    yields: list[YieldRequested] = Factory(list)
    probed: list[CheckId] = Factory(list)
    probed_by: list[frozenset[NodeId] | None] = Factory(list)
    late: dict[NodeId, Outcome] = Factory(dict)
    """Votes of those who only answer when they are asked once more."""
    voted_at: float = float("inf")
    journal: MemoryJournal = Factory(MemoryJournal)
    delivered: Callable[[ChannelId], tuple[bool, str]] = lambda _: (True, "250 queued")
    counted: list[int] = Factory(list)
    """How many tenants the node was told of, each time."""
    hooks: HookReport = Factory(lambda: HookReport(hooks=NO_HOOKS, running=None, runs=()))
    tenants: Tenants = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.tenants = Tenants(self.inbox, self.view, TrioClock(), lambda _: LEASE_S)

    @property
    def document(self) -> ClusterDocument:
        """What is committed."""
        return self.view.value.document

    def services(self) -> ControlServices:
        """Return what the daemon would hand in."""
        return ControlServices(
            version="0.0-test",
            wall=lambda: WALL,
            try_channel=self._try_channel,
            make_token=self._make_token,
            read_journal=self.journal.read,
            tenants=self.tenants,
            hooks=lambda: self.hooks,
        )

    def context(self) -> ControlContext:
        """Return a desk for operations that need no socket."""
        return ControlContext(self.inbox, self.view, self.services())

    async def think(self) -> None:
        """Answer events until cancelled."""
        while True:
            event = await self.inbox.next(3600)
            if event is not None:
                self._step(event)

    def publish(self, document: ClusterDocument) -> None:
        """Make a document the committed one."""
        self.view.publish(view_of(document, self.master))

    def status(self) -> Status:
        """Return this node's status, as of now."""
        document = self.document
        return Status(
            node=ME,
            name="a",
            engine=document.settings.engine,
            role=self.role,
            knows_engine=document.settings.engine in TIMERS,
            term=Term(3),
            master=self.master,
            acting=self.master == ME,
            holds_quorum=self.master is not None,
            have=2,
            need=2,
            revision=document.revision,
            position=Position(Term(3), 1),
            document=document,
            ledger=Ledger(refusals=self.refusals),
            stale=self.master is None,
            removed=self.view.value.removed,
            hopeless="" if self.master else "no quorum: 1 of 2 needed nodes heard",
            last=NodeStarted(),
            disk=self.disk,
            held_back=tuple(n for n, level in self.levels.items() if (level or 0) < LEVEL),
            leads_minority=self.leads_minority,
            members=tuple(
                MemberStatus(
                    member=m,
                    live=True,
                    last_heard_s=0.2,
                    skew_s=self.skews.get(m.id),
                    engine=self.engines.get(m.id),
                    level=self.levels.get(m.id, LEVEL),
                )
                for m in document.members
            ),
            channels=tuple(
                ChannelStatus(channel=c.id, waiting=2, next_try_s=12.3456, refusals=self.refusals)
                for c in document.channels
            ),
            checks=tuple(
                CheckStatus(
                    check=c,
                    state=State.UP,
                    since_unix=UnixTime(WALL - 125),
                    for_s=125.0,
                    ok=1,
                    fail=0,
                    abstain=0,
                    evidence=self._evidence(),
                    incident=None,
                )
                for c in document.checks
            ),
        )

    def _step(self, event: Event) -> None:
        match event:
            case Inspected(request) if not self.deaf:
                self.inbox.answer(StatusReply(request, self.status()))
            case Proposed() if not self.deaf:
                self.inbox.answer(self._rule(event))
            case Tenancy(tenants):
                self.counted.append(tenants)
            case YieldRequested():
                self.yields.append(event)
                if self.heirs:
                    self._move(self.heirs.pop(0))
            case ProbeRequested(checks, of):
                self.probed.extend(checks)
                self.probed_by.append(of)
                if of is not None:
                    self.votes = {**self.votes, **self.late}
                self.voted_at = trio.current_time() + PROBE_S
            case _:
                pass

    def _move(self, heir: NodeId | None) -> None:
        was = self.view.value
        self.master = heir
        self.view.publish(evolve(was, master=heir, master_term=Term(was.master_term + 1)))

    def _rule(self, event: Proposed) -> Reply:
        was = self.document
        if self.ruling is not None:
            return Reply(event.request, *self.ruling, was.revision)
        outcome = apply(event.mutation, was, WALL)
        if isinstance(outcome, Refusal):
            return Reply(event.request, Ruling.REFUSED, outcome.reason, was.revision)
        revision = Revision(was.revision + (outcome != was))
        author = Author(ME, event.door, event.uid)
        signed = authored(was, outcome, revision, author, WALL) if outcome != was else {}
        self.publish(evolve(outcome, revision=revision, **signed))
        return Reply(event.request, Ruling.COMMITTED, "", revision)

    def _evidence(self) -> tuple[Evidence, ...]:
        age_s = trio.current_time() - self.voted_at
        return tuple(
            Evidence(
                node=node,
                name={ME: "a", PEER: "b"}[node],
                outcome=outcome,
                latency_ms=12.0,
                detail="HTTP 200" if outcome is Outcome.OK else "connection refused",
                age_s=max(0.0, age_s),
                counted=True,
            )
            for node, outcome in self.votes.items()
            if age_s >= 0
        )

    async def _try_channel(self, channel: ChannelId) -> tuple[bool, str]:
        await trio.lowlevel.checkpoint()
        return self.delivered(channel)

    def _make_token(self, name: str | None, ttl_s: Seconds, auto: bool) -> tuple[str, Token]:
        token = Token(
            id=TokenId("t1"),
            secret_hash="0" * 64,
            name=name,
            created_unix=WALL,
            expires_unix=UnixTime(WALL + ttl_s),
            auto_approve=auto,
        )
        return "qt1_secret", token


def view_of(document: ClusterDocument, master: NodeId | None) -> View:
    """Return this node's view of a document."""
    return View(
        node=ME,
        document=document,
        position=Position(Term(3), document.revision),
        term=Term(3),
        master=master,
        acting_until=None,
        live=frozenset({ME, PEER}),
        removed=False,
        master_term=Term(3),
    )


def new_scripted_node(document: ClusterDocument | None = None) -> ScriptedNode:
    """Return a scripted that holds a document."""
    return ScriptedNode(Latest(view_of(document or two_nodes(), ME)))


@asynccontextmanager
async def thinking(scripted: ScriptedNode) -> AsyncIterator[ControlContext]:
    """Let a scripted think while the context lasts."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(scripted.think)
        yield scripted.context()
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def served(
    path: Path, scripted: ScriptedNode
) -> AsyncIterator[list[tuple[str, dict[str, object]]]]:
    """Serve a scripted at a socket; gives the log."""
    lines: list[tuple[str, dict[str, object]]] = []

    def log(what: str, /, **details: object) -> None:
        lines.append((what, details))

    async def serve(*, task_status: trio.TaskStatus[None]) -> None:
        await serve_control(
            path, scripted.inbox, scripted.view, scripted.services(), log, task_status=task_status
        )

    async with trio.open_nursery() as nursery:
        nursery.start_soon(scripted.think)
        await nursery.start(serve)
        yield lines
        nursery.cancel_scope.cancel()

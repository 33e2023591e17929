"""A whole cluster in one thread: seeded, single-stepped, replayable.

A world has two phases: faults, then healing, after which all must be well.  Every message
goes through the real codec.  Nodes see their own clocks only; the world keeps true time.
"""

from collections.abc import Callable, Iterator
from hashlib import sha256
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any

from attrs import define, field

from qutrio.codec.wire import decode, encode
from qutrio.core.effects import Effect, Note, Notify, Persist, Probe, Reply, Send, Show
from qutrio.core.events import (
    Attempted,
    Event,
    Linked,
    Observed,
    PersistFailed,
    Proposed,
    Received,
    Tick,
)
from qutrio.core.messages import Ruling
from qutrio.core.mutations import AddToken, ClaimToken, Mutation, PutCheck, RemoveMember
from qutrio.model.channels import WebhookChannel
from qutrio.model.checks import TcpCheck
from qutrio.model.document import ClusterDocument, Settings
from qutrio.model.ids import (
    ChannelId,
    CheckId,
    Fingerprint,
    NodeId,
    RequestId,
    Revision,
    Seconds,
    TokenId,
    UnixTime,
)
from qutrio.model.incidents import Ledger
from qutrio.model.members import Member, Token
from qutrio.model.results import Outcome, Result
from qutrio.model.stable import Position, Promise, Record, Stable
from qutrio.sim.host import Clock, Host
from qutrio.sim.invariants import Invariants
from qutrio.sim.options import Faults

EPOCH = UnixTime(1_700_000_000.0)
PROBE_S: Seconds = 0.02
DELIVERY_S: Seconds = 0.1
LINK_DELAY_S_MIN: Seconds = 0.0005
Action = Callable[[], None]


def member(ident: NodeId, number: int) -> Member:
    """Return a voter; `number` tells its key and its address from others'."""
    return Member(
        id=ident,
        name=f"node{number}",
        address=f"127.0.0.1:{9900 + number}",
        fingerprint=Fingerprint(f"{number:064x}"),
        certificate="",
    )


def first_document(size: int, settings: Settings) -> ClusterDocument:
    """Return a document with `size` voters n0, n1 ..., one check and one channel."""
    members = tuple(member(NodeId(f"n{i:02d}"), i) for i in range(size))
    channel = WebhookChannel(id=ChannelId("hook"), name="hook", url="http://127.0.0.1/hook")
    check = TcpCheck(id=CheckId("web"), name="web", address="127.0.0.1:80", interval_s=10.0)
    return ClusterDocument(
        cluster_id="sim",
        revision=Revision(1),
        settings=settings,
        members=members,
        checks=(check,),
        channels=(channel,),
    )


@define
class World:
    """Nodes, a lossy network, targets, a channel and an operator, all drawn from one seed."""

    seed: int
    size: int
    faults: Faults = Faults()
    settings: Settings = Settings()
    true: Seconds = 0.0
    hosts: dict[NodeId, Host] = field(factory=dict)
    invariants: Invariants = field(factory=Invariants)
    rng: Random = field(init=False)
    down_targets: set[CheckId] = field(factory=set)
    lonely: set[tuple[NodeId, CheckId]] = field(factory=set)
    channel_down_until: Seconds = 0.0
    cut: dict[tuple[NodeId, NodeId], Seconds] = field(factory=dict)
    notes: list[str] = field(factory=list)
    events: int = 0
    _trace: Any = field(init=False, factory=sha256)
    _order: Iterator[int] = field(factory=count)
    _agenda: list[tuple[Seconds, int, NodeId, Action]] = field(factory=list)
    _requests: dict[RequestId, str] = field(factory=dict)
    _afterwards: dict[RequestId, Action] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.rng = Random(self.seed)  # noqa: S311 - replayable on purpose
        document = first_document(self.size, self.settings)
        record = Record(Position(), document, Ledger())
        for voter in document.members:
            self._set_up(voter.id, record)

    @property
    def trace(self) -> str:
        """A digest of everything that happened so far."""
        return str(self._trace.hexdigest())

    # --- time -------------------------------------------------------------------------------

    def at(self, true: Seconds, name: NodeId, action: Action) -> None:
        """Do something to a host at a true time."""
        heappush(self._agenda, (true, next(self._order), name, action))

    def run(self, until: Seconds) -> None:
        """Advance true time to `until`, checking the invariants after every event."""
        while self._agenda and self._agenda[0][0] <= until:
            self.true, _, name, action = heappop(self._agenda)
            action()
            self.events += 1
            self.invariants.check(self.hosts, self.true, name)
        self.true = until

    # --- machines ---------------------------------------------------------------------------

    def boot(self, name: NodeId) -> None:
        """Start a machine, and its probes."""
        host = self.hosts[name]
        host.boot(self.true)
        self._log(name, "boot")
        life = host.life
        self._plan_tick(host)
        self.at(self.true + self.rng.uniform(0, 10), name, lambda: self._probe_round(host, life))
        for peer in self.hosts:
            if peer != name and self.hosts[peer].node is not None:
                self._give(host, Linked(peer))
                self._give(self.hosts[peer], Linked(name))

    def _set_up(self, name: NodeId, record: Record) -> None:
        drift = self.faults.clock_drift
        clock = Clock(offset=self.rng.uniform(0, 1e6), rate=self.rng.uniform(1 - drift, 1 + drift))
        disk = Stable(Promise(), record, record)
        dice = Random(self.rng.random())  # noqa: S311 - replayable on purpose
        self.hosts[name] = Host(name=name, clock=clock, disk=disk, rng=dice)
        self.boot(name)

    def crash(self, name: NodeId, down_s: Seconds) -> None:
        """Kill a machine, and start it again after `down_s` seconds."""
        if self.hosts[name].node is None:
            return
        self.hosts[name].crash()
        self._log(name, "crash")
        self.at(self.true + down_s, name, lambda: self.boot(name))

    def suspend(self, name: NodeId, for_s: Seconds) -> None:
        """Stop a machine in its tracks; its clock goes on."""
        host = self.hosts[name]
        host.suspended_until = max(host.suspended_until, self.true + for_s)
        self.at(host.suspended_until, name, lambda: self._drain(host))

    def _give(self, host: Host, event: Event) -> None:
        if host.node is not None:
            host.backlog.append(event)
            self._drain(host)

    def _drain(self, host: Host) -> None:
        while host.node is not None and not host.busy and self.true >= host.suspended_until:
            if host.batch:
                self._perform(host, host.batch.popleft())
            elif host.backlog:
                self._step(host, host.backlog.popleft())
            else:
                break
        self._plan_tick(host)

    def _step(self, host: Host, event: Event) -> None:
        assert host.node is not None
        now = host.clock.at(self.true)
        self._log(host.name, type(event).__name__)
        host.batch.extend(host.node.step(event, now, UnixTime(EPOCH + self.true)))

    def _plan_tick(self, host: Host) -> None:
        if host.node is None or host.busy or host.backlog:
            return  # whatever comes next plans the tick after it
        due = max(host.clock.true(host.node.deadline), self.true, host.suspended_until)
        if due < host.next_tick:
            host.next_tick = due
            life = host.life
            self.at(due, host.name, lambda: self._tick(host, life))

    def _tick(self, host: Host, life: int) -> None:
        if host.life != life or host.node is None:
            return
        host.next_tick = float("inf")
        if host.clock.at(self.true) + 1e-9 >= host.node.deadline:
            self._give(host, Tick())
        else:
            self._plan_tick(host)

    # --- effects ----------------------------------------------------------------------------

    def _perform(self, host: Host, effect: Effect) -> None:
        if self.faults.crash_in_batch and self.rng.random() < self.faults.crash_in_batch:
            self.crash(host.name, self.rng.uniform(0.1, 20))
            return
        match effect:
            case Persist(stable):
                self._persist(host, stable)
            case Send(to, message):
                self._send(host.name, to, encode(message))
            case Probe(checks):
                for check in checks:
                    self._probe(host, check)
            case Notify():
                self._notify(host, effect)
            case Reply():
                self._reply(effect)
            case Note(what, details):
                self.notes.append(f"{self.true:.3f} {host.name} {what} {dict(details)}")
            case Show():
                raise AssertionError("nobody inspects a simulated node")

    def _persist(self, host: Host, stable: Stable) -> None:
        assert host.node is not None
        if self.true < host.disk_fails_until:
            host.batch.clear()
            host.backlog.appendleft(PersistFailed("simulated", host.disk))
            return
        stall, host.disk_stalls_s = host.disk_stalls_s, 0.0
        if not stall:
            host.disk = stable
            return
        host.busy, life = True, host.life

        def done() -> None:
            if host.life == life:
                host.busy, host.disk = False, stable
                self._drain(host)

        self.at(self.true + stall, host.name, done)

    def _send(self, source: NodeId, to: NodeId, data: bytes) -> None:
        faults = self.faults
        copies = 1 + (self.rng.random() < faults.duplication)
        for _ in range(copies):
            if self.rng.random() < faults.loss:
                continue
            delay = self.rng.uniform(LINK_DELAY_S_MIN, faults.delay_s_max)
            if self.rng.random() < faults.slow_share:
                delay = self.rng.uniform(0, faults.slow_s_max)
            self.at(self.true + delay, to, lambda: self._arrive(source, to, data))

    def _arrive(self, source: NodeId, to: NodeId, data: bytes) -> None:
        if self.cut.get((source, to), 0.0) > self.true or to not in self.hosts:
            return
        message = decode(data)
        assert message is not None
        self._give(self.hosts[to], Received(source, message))

    def _notify(self, host: Host, effect: Notify) -> None:
        if not effect.errand and not host.acting(self.true):
            return
        ok = self.true >= self.channel_down_until
        delivery = effect.delivery
        life = host.life

        def ended() -> None:
            if ok:
                self.invariants.delivered(delivery)
                self._log(host.name, f"delivered {delivery.notice.id}")
            if host.life == life:
                self._give(host, Attempted(delivery.notice.id, delivery.channel, ok, "simulated"))

        self.at(self.true + self.rng.uniform(0.01, DELIVERY_S), host.name, ended)

    # --- targets ----------------------------------------------------------------------------

    def _probe_round(self, host: Host, life: int) -> None:
        if host.life != life or host.node is None:
            return
        for check in host.node.register.committed.document.checks[:3]:
            self._probe(host, check.id)
        self.at(self.true + 10.0, host.name, lambda: self._probe_round(host, life))

    def _probe(self, host: Host, ident: CheckId) -> None:
        node, life = host.node, host.life
        assert node is not None
        found = [c for c in node.register.committed.document.checks if c.id == ident]
        if not found:
            return
        failing = ident in self.down_targets or (host.name, ident) in self.lonely
        outcome = Outcome.FAIL if failing else Outcome.OK
        result = Result(check=ident, changed=found[0].changed, outcome=outcome)

        def ended() -> None:
            if host.life == life:
                self._give(host, Observed(result))

        self.at(self.true + self.rng.uniform(0.001, PROBE_S), host.name, ended)

    # --- the operator -----------------------------------------------------------------------

    def propose(
        self, name: NodeId, mutation: Mutation, label: str = "", then: Action | None = None
    ) -> None:
        """Ask a node for a change; `label` is the name of the check it adds.

        `then` is done once the node says that the change is committed.
        """
        host = self.hosts[name]
        if host.node is None:
            return
        request = RequestId(f"{name}-{host.life}-{next(self._order)}")
        self._requests[request] = label
        if then is not None:
            self._afterwards[request] = then
        self._give(host, Proposed(request, mutation))

    def add_check(self, name: NodeId, label: str) -> None:
        """Ask a node to add a check named `label`."""
        check = TcpCheck(id=CheckId(f"z-{label}"), name=label, address="127.0.0.1:81")
        self.propose(name, PutCheck(check=check), label)

    def admit(self, via: NodeId, ident: NodeId) -> None:
        """Let a new machine join through a node: by token, as a learner."""
        number = 1000 + next(self._order)
        token = Token(
            id=TokenId(f"t{number}"),
            secret_hash="",
            created_unix=EPOCH,
            expires_unix=UnixTime(EPOCH + 1e9),
            auto_approve=True,
        )
        newcomer = member(ident, number)
        claim = ClaimToken(token=token.id, secret_hash="", claimant=newcomer)

        def claimed() -> None:
            node = self.hosts[via].node
            if node is not None:  # else the newcomer never hears, and never comes up
                self._set_up(ident, node.register.committed)

        def invited() -> None:
            self.propose(via, claim, then=claimed)

        self.propose(via, AddToken(token=token), then=invited)

    def remove(self, via: NodeId, ident: NodeId) -> None:
        """Ask a node to remove a member."""
        self.propose(via, RemoveMember(node=ident))

    def _reply(self, reply: Reply) -> None:
        label = self._requests.pop(reply.request)
        then = self._afterwards.pop(reply.request, None)
        if then is not None and reply.ruling is Ruling.COMMITTED:
            self.at(self.true, min(self.hosts), then)
        self._log(NodeId("operator"), f"{label} {reply.ruling.value}")
        if label and reply.ruling is Ruling.COMMITTED:
            self.invariants.acknowledged.add(label)
        elif label and reply.ruling is Ruling.REFUSED:
            self.invariants.refused.add(label)

    def _log(self, name: NodeId, what: str) -> None:
        self._trace.update(f"{self.true:.6f} {name} {what}\n".encode())

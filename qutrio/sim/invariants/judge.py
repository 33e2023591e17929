"""Checks a world, and raises `InvariantError` at the first broken invariant.

The judge sees every step of every node, every real probe, every real delivery to a channel, and
the requests and answers of operators.  After each event it checks only what that event may have
affected, so that it costs little compared with the nodes themselves.
"""

from collections.abc import Mapping

from attrs import define, field

from qutrio.core.api.effects import Effect, Reply
from qutrio.core.api.events import Event, Observed
from qutrio.core.api.mutations import Mutation
from qutrio.model.ids import ChannelId, NodeId, RequestId, Seconds
from qutrio.model.incidents import Delivery
from qutrio.model.results import Result
from qutrio.model.stable import Record, Stable
from qutrio.sim.host import Host
from qutrio.sim.invariants.error import broken
from qutrio.sim.invariants.growth import check_sizes
from qutrio.sim.invariants.hard_states import HardStates
from qutrio.sim.invariants.health import check_health
from qutrio.sim.invariants.history import History
from qutrio.sim.invariants.levels import Levels
from qutrio.sim.invariants.membership import Membership
from qutrio.sim.invariants.minorities import Minorities
from qutrio.sim.invariants.paging import Paging
from qutrio.sim.invariants.roles import Roles
from qutrio.sim.invariants.rounds import Rounds
from qutrio.sim.invariants.unseen import UnseenChecks

TERM_MAX = 2**39
"""Higher than any term that elections, or a hostile member within its bounds, can reach."""


@define
class Invariants:
    """All twelve invariants of one world.

    `acknowledged` and `refused` hold the labels of the operators' requests.
    """

    acknowledged: set[str] = field(factory=set)
    refused: set[str] = field(factory=set)
    roles: Roles = field(factory=Roles)
    hard_states: HardStates = field(factory=HardStates)
    history: History = field(factory=History)
    membership: Membership = field(factory=Membership)
    rounds: Rounds = field(factory=Rounds)
    paging: Paging = field(factory=Paging)
    minorities: Minorities = field(factory=Minorities)
    levels: Levels = field(factory=Levels)
    unseen: UnseenChecks = field(factory=UnseenChecks)
    _touched: set[NodeId] = field(factory=set)
    _stepped: dict[NodeId, Record] = field(factory=dict)
    _committed: dict[NodeId, Record] = field(factory=dict)
    _disks: dict[NodeId, Stable] = field(factory=dict)

    @property
    def acted(self) -> set[NodeId]:
        """Every node that ever acted."""
        return self.roles.acted

    @property
    def announced(self) -> dict[tuple[str, ChannelId], int]:
        """How often each notice reached each channel."""
        return self.paging.announced

    # --- what the world tells ---------------------------------------------------------------

    def trouble(self, until: Seconds) -> None:
        """Record that something is wrong until a time: a crash, a lost message, a stalled disk."""
        self.roles.troubled_until = max(self.roles.troubled_until, until)
        self.paging.troubled_until = self.roles.troubled_until

    def lied(self, true: Seconds) -> None:
        """Record that a member lied, which excuses only that an election takes longer."""
        self.roles.lied_at = true

    def forget(self, name: NodeId) -> None:
        """Record that a machine starts or stops, and so lost its memory."""
        self.roles.forget(name)
        self.rounds.probes.forget(name)
        self.minorities.forget(name)

    def stepped(self, host: Host, event: Event, effects: list[Effect], true: Seconds) -> None:
        """Process a step of a node, before its effects are performed."""
        self._touched.add(host.name)
        self.roles.stepped(host, event, effects, true)
        self.membership.stepped(host, event, true)
        self.hard_states.stepped(host, effects, true)
        self.levels.stepped(host, true)
        if isinstance(event, Observed):
            self.rounds.probes.on_numbered(host)
        assert host.node is not None
        record = host.node.register.committed
        if self._stepped.get(host.name) is not record:
            self._stepped[host.name] = record
            self.paging.stepped(record)
        self.rounds.stepped(
            host,
            true,
            troubled_until=self.roles.troubled_until,
            changed_at=self.membership.changed_at,
        )
        self.minorities.stepped(
            host,
            effects,
            true,
            probes=self.rounds.probes,
            troubled_until=self.roles.troubled_until,
        )

    def probed(self, node: NodeId, result: Result, true: Seconds) -> None:
        """Record a real probe that ended."""
        self.rounds.probes.ended(node, result, true)
        self.unseen.probed(result, true)

    def asked(self, request: RequestId, mutation: Mutation) -> None:
        """Record an operator's request."""
        self.history.asked(request, mutation)

    def answered(self, reply: Reply) -> None:
        """Record the answer to an operator."""
        self.history.answered(reply)

    def delivered(
        self, hosts: Mapping[NodeId, Host], delivery: Delivery, begun: Seconds, true: Seconds
    ) -> None:
        """Process a notice that reached its channel."""
        roles = self.roles
        amiss = max(roles.troubled_until, roles.moved_at, self.membership.changed_at)
        self.minorities.delivered(delivery.notice, true)
        self.paging.delivered(hosts, delivery, begun, true, amiss)

    # --- what is checked --------------------------------------------------------------------

    def check(self, hosts: Mapping[NodeId, Host], true: Seconds, touched: NodeId) -> None:
        """Check everything that the last event, at host `touched`, may have affected."""
        self._touched.add(touched)
        names = sorted(self._touched) if len(self._touched) > 1 else (touched,)
        self._touched.clear()
        for name in names:
            host = hosts.get(name)
            if host is None:
                continue
            node = host.node if not host.busy else None
            self.roles.check(hosts, host, true, written=node is not None)
            if self._disks.get(name) is not host.disk:
                self._disks[name] = host.disk
                self.hard_states.check_disk(host, true)
            if host.node is not None and host.node.leadership.lease.heard_term >= TERM_MAX:
                term = host.node.leadership.lease.heard_term
                raise broken(11, true, f"{name} took {term} for the highest term")
            if node is not None:  # only then what it decided is on its disk
                record = node.register.committed
                if self._committed.get(name) is not record:
                    self._committed[name] = record
                    self.history.follow(hosts, record, true)
                    self.paging.follow(record, true)
                    self.levels.follow(record.document, true)
        if self.unseen.due(true):
            self._check_unseen(hosts, true)
        if self.history.rulings_wait:
            self.history.judge_rulings(true)

    def _check_unseen(self, hosts: Mapping[NodeId, Host], true: Seconds) -> None:
        if not any(host.acting(true) for host in hosts.values()):
            return
        roles, paging = self.roles, self.paging
        undisturbed_since = max(
            roles.troubled_until, roles.begun_at, self.membership.changed_at, self.rounds.tuned_at
        )
        self.unseen.check_reported(paging.document, paging.ledger, true, undisturbed_since)

    def quiet(self, hosts: Mapping[NodeId, Host], true: Seconds) -> None:
        """Check that all is well some time after the last fault."""
        documents = check_health(hosts, true, self.roles, self.rounds.probes)
        self.history.agree(documents, true)
        self.paging.check_ended(self.paging.ledger, true)
        self.sizes(hosts, true)

    def sizes(self, hosts: Mapping[NodeId, Host], true: Seconds) -> int:
        """Check that nothing outgrew its bound; return the total size."""
        return check_sizes(hosts, true)

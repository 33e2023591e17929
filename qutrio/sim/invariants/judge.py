"""The judge: watches a world, and raises `InvariantError` at the first broken promise.

It is told of every step of every node, of every real probe, of what really reached a channel,
and of what the operators asked and heard.  After each event it checks what that event may have
touched, and nothing else, so that it costs little beside the nodes themselves.
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
from qutrio.sim.invariants.sights import Sights

TERM_MAX = 2**39
"""Beyond this is no term that elections, or a liar within the bounds, can lead to."""


@define
class Invariants:
    """All twelve invariants of one world.

    `acknowledged` and `refused` are the labels of what the operators asked.
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
    sights: Sights = field(factory=Sights)
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
        """Note that something is amiss up to a moment: a crash, a lost message, a stuck disk."""
        self.roles.troubled_until = max(self.roles.troubled_until, until)
        self.paging.troubled_until = self.roles.troubled_until

    def lied(self, true: Seconds) -> None:
        """Note that a member lied: that excuses nothing but an election that takes longer."""
        self.roles.lied_at = true

    def forget(self, name: NodeId) -> None:
        """Note that a machine starts, or ends: nothing of its memory is left."""
        self.roles.forget(name)
        self.rounds.probes.forget(name)
        self.minorities.forget(name)

    def stepped(self, host: Host, event: Event, effects: list[Effect], true: Seconds) -> None:
        """Take in one step of a node, before its effects are performed."""
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
        """Take in a probe that really ended."""
        self.rounds.probes.ended(node, result, true)
        self.sights.probed(result, true)

    def asked(self, request: RequestId, mutation: Mutation) -> None:
        """Take in what an operator asks for."""
        self.history.asked(request, mutation)

    def answered(self, reply: Reply) -> None:
        """Take in what an operator hears."""
        self.history.answered(reply)

    def delivered(
        self, hosts: Mapping[NodeId, Host], delivery: Delivery, begun: Seconds, true: Seconds
    ) -> None:
        """Take in a notice that reached its channel."""
        roles = self.roles
        amiss = max(roles.troubled_until, roles.moved_at, self.membership.changed_at)
        self.minorities.delivered(delivery.notice, true)
        self.paging.delivered(hosts, delivery, begun, true, amiss)

    # --- what is checked --------------------------------------------------------------------

    def check(self, hosts: Mapping[NodeId, Host], true: Seconds, touched: NodeId) -> None:
        """Check everything that the last event, at host `touched`, may have changed."""
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
            if node is not None:  # else what it decided may not be on its disk yet
                record = node.register.committed
                if self._committed.get(name) is not record:
                    self._committed[name] = record
                    self.history.follow(hosts, record, true)
                    self.paging.follow(record, true)
                    self.levels.follow(record.document, true)
        if self.sights.due(true):
            self._check_unseen(hosts, true)
        if self.history.rulings_wait:
            self.history.judge_rulings(true)

    def _check_unseen(self, hosts: Mapping[NodeId, Host], true: Seconds) -> None:
        if not any(host.acting(true) for host in hosts.values()):
            return
        roles, paging = self.roles, self.paging
        calm_since = max(
            roles.troubled_until, roles.begun_at, self.membership.changed_at, self.rounds.tuned_at
        )
        self.sights.check_told(paging.document, paging.ledger, true, calm_since)

    def quiet(self, hosts: Mapping[NodeId, Host], true: Seconds) -> None:
        """Check that all is well some time after the last fault."""
        documents = check_health(hosts, true, self.roles, self.rounds.probes)
        self.history.agree(documents, true)
        self.paging.check_ended(self.paging.ledger, true)
        self.sizes(hosts, true)

    def sizes(self, hosts: Mapping[NodeId, Host], true: Seconds) -> int:
        """Check that nothing outgrew its bound; return how much there is in all."""
        return check_sizes(hosts, true)

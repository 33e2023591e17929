"""One node: a deterministic function of the events that it has seen.

All decisions are made in the modules that this one composes.  None of them uses trio, files,
sockets, clocks or randomness: time arrives as `now`, random numbers as `rng`.

A step routes one event, lets every state machine advance, and returns effects in this order:
first `Persist`, if anything durable changed; then the effects that depend on it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, assert_never

from attrs import define

from qutrio.core.alerting.alert_manager import AlertManager
from qutrio.core.alerting.scheduler import DeliveryScheduler
from qutrio.core.alerting.unseen import UnseenTracker
from qutrio.core.api.effects import Consequences, Effect, LogFact, Send, StatusReply
from qutrio.core.api.events import (
    Announced,
    Attempted,
    Event,
    Inspected,
    Linked,
    Observed,
    PersistFailed,
    ProbeRequested,
    Proposed,
    Received,
    RemovalReported,
    Stop,
    Tenancy,
    Tick,
    YieldRequested,
)
from qutrio.core.api.facts import DiskRefused, NodeFact, NodeStarted, RemovedFromCluster
from qutrio.core.api.messages import Farewell, Message, Removed
from qutrio.core.checks.result_exchange import ResultExchange, new_life
from qutrio.core.consensus.disk import Disk
from qutrio.core.consensus.register import Register
from qutrio.core.journal.writer import JournalWriter
from qutrio.core.leadership.leadership import Leadership
from qutrio.core.leadership.membership import RemovalConfirmation, reply_when_removed
from qutrio.core.leadership.transfer import LeadershipTransfer
from qutrio.core.limits import Limits
from qutrio.core.proposals import PendingProposals, commit_write, proposal_inputs
from qutrio.core.quiescence import STEP_S_MIN, quiescent_until
from qutrio.core.router import MessageRouter
from qutrio.core.status import describe, view_of
from qutrio.model.ids import NEVER, Instant, NodeId, Revision, UnixTime
from qutrio.model.levels import LEVEL
from qutrio.model.stable import Stable

if TYPE_CHECKING:
    from qutrio.core.api.view import Status, View
    from qutrio.core.checks.verdicts import Evaluation
    from qutrio.model.dice import Rng


@define(init=False)
class Node:
    """The state machines of one member, and the order in which an event reaches them."""

    identity: NodeId
    deadline: Instant
    quiescent_until: Instant
    """Until then a step without news may skip the full evaluation (`core.quiescence`)."""
    leadership: Leadership
    register: Register
    exchange: ResultExchange
    alerts: AlertManager
    journal: JournalWriter
    router: MessageRouter
    proposals: PendingProposals
    transfer: LeadershipTransfer
    removed: bool
    _stopped: bool
    _removal: RemovalConfirmation
    _disk: Disk
    _last: NodeFact

    def __init__(
        self,
        identity: NodeId,
        stable: Stable,
        *,
        now: Instant,
        rng: Rng,
        limits: Limits = Limits(),
        level: int = LEVEL,
    ) -> None:
        """Start at `now` with the state that the disk holds.

        `level` is the feature level that this program may use and announces.
        """
        self.identity = identity
        self.register = Register(
            me=identity,
            accepted=stable.accepted,
            committed=stable.committed,
            queued_max=limits.proposals_queued,
            per_write_max=limits.proposals_per_write,
            level=level,
        )
        self.leadership = Leadership.restored(identity, stable, self.register, now, rng)
        self.exchange = ResultExchange(identity, new_life(rng), limits.results_per_report)
        self.alerts = AlertManager(
            identity,
            self.leadership,
            self.register,
            self.exchange,
            DeliveryScheduler(rng),
            limits.delegated,
        )
        self.alerts.scheduler.gathering.singles_max = limits.singles
        self.alerts.unseen_tracker = UnseenTracker(limits.unseen_after_s, limits.unseen_intervals)
        self.journal = JournalWriter(
            identity, self.leadership, self.register, self.exchange.verdicts, self.alerts.ages
        )
        self.proposals = PendingProposals(limits.pending_proposals)
        self.register.on_own_ruling = self.proposals.on_own_ruling
        self.transfer = LeadershipTransfer(self.leadership)
        self.router = MessageRouter(
            leadership=self.leadership,
            register=self.register,
            exchange=self.exchange,
            proposals=self.proposals,
            alerts=self.alerts,
            transfer=self.transfer,
        )
        self.proposals.propose_here = partial(self.router.propose, identity)
        self.deadline = now
        self.quiescent_until = NEVER
        self.removed = False
        self._stopped = False
        self._removal = RemovalConfirmation(identity)
        self._disk = Disk(stable)
        self._last = NodeStarted()

    def step(self, event: Event, now: Instant, wall: UnixTime) -> list[Effect]:
        """Process one event and return its effects, to be performed in order.

        Args:
            event: what happened.
            now: the time on the node's boot-time clock, in seconds; never falls.
            wall: the time in seconds since 1970 UTC, for people and for the expiry of tokens.
        """
        if self._stopped:
            return []  # any message would make this node look alive
        if now >= self.quiescent_until:
            self.exchange.verdicts.set_document(self.register.committed.document, wall)
        effects = self.leadership.clocks.check_own_clock(now, wall)
        outcome = self._route(event, now, wall)
        quiet = outcome.renews and not effects and not self._needs_evaluation(now, wall)
        effects += outcome.effects
        if now >= self.quiescent_until or not quiet:
            before, heard_term = len(effects), self.leadership.lease.heard_term
            effects = self._evaluate(event, effects, now, wall)
            self.quiescent_until = NEVER
            # Effects may have consequences in the next step.
            quiet &= len(effects) == before and self.leadership.lease.heard_term == heard_term
            quiet &= not self.transfer.wanted
        elif now >= self.leadership.heartbeats.next_beat:
            effects += self._send_heartbeats(now, wall)
        elif now <= self.deadline - STEP_S_MIN and not isinstance(event, Tick):
            return effects
        persist = self._save(eager=isinstance(event, Tick | Stop))
        self.deadline = self._next_deadline(now)
        if self.quiescent_until <= self.deadline and quiet and not self.removed:
            self.quiescent_until = quiescent_until(self.alerts, self.proposals, self.deadline, now)
        self._last = next((e.fact for e in effects if isinstance(e, LogFact)), self._last)
        return persist + effects

    def view(self, now: Instant) -> View:
        """Return a value that is safe to hand to any other task."""
        removed, vacating, minority = self.removed, self.transfer.vacating, self.alerts.partition
        return view_of(self.leadership, now, removed=removed, vacating=vacating, minority=minority)

    # --- events -----------------------------------------------------------------------------

    def _route(  # noqa: C901, PLR0911, PLR0912 - one branch for each kind of event
        self, event: Event, now: Instant, wall: UnixTime
    ) -> Consequences:
        match event:
            case Received(sender, message):
                return self._on_received(sender, message, now, wall)
            case Tick():
                return Consequences([], renews=True)
            case Linked(peer):
                return Consequences(self._on_linked(peer, now, wall))
            case Announced(peer, level):
                self.leadership.announcements.record(peer, level)
                return Consequences([])
            case Observed(result):
                if not self.removed:
                    self.alerts.on_first_votes(self.exchange.on_result(result, now))
                return Consequences([], renews=True)
            case Proposed():
                document = self.register.committed.document
                return Consequences(self.proposals.open(event, document, now))
            case ProbeRequested(checks, of):
                peers = self._live_peers(now)
                return Consequences(self.exchange.probe_everywhere(checks, peers, of))
            case Attempted():
                return Consequences(self.alerts.on_attempted(event, now))
            case Inspected(request):
                return Consequences([StatusReply(request, self._describe(now))])
            case PersistFailed(reason, durable):
                return Consequences(self._on_persist_failed(reason, durable, now))
            case RemovalReported(sender, revision):
                return Consequences(self._on_removed(sender, revision, now))
            case YieldRequested(to):
                return Consequences(self.transfer.request(to, now))
            case Tenancy(tenants):
                self.leadership.tenants = tenants
                return Consequences([])
            case Stop():
                self._stopped = True
                peers = self.leadership.membership.peers()
                farewells: list[Effect] = [Send(peer, Farewell()) for peer in peers]
                return Consequences(self.transfer.resign_and_close(now) + farewells)
            case _:
                assert_never(event)

    def _on_received(
        self, sender: NodeId, message: Message, now: Instant, wall: UnixTime
    ) -> Consequences:
        committed, heard_term = self.register.committed, self.leadership.lease.heard_term
        if self.removed:
            return Consequences(reply_when_removed(committed, sender, message))
        stranger = sender == self.identity or sender not in committed.document.ids
        if stranger or not self.router.within_bounds(sender, message, now):
            return Consequences([], renews=self.leadership.lease.heard_term == heard_term)
        if isinstance(message, Removed):
            return Consequences(self._on_removed(sender, message.revision, now))
        return self.router.route(sender, message, now, wall)

    def _on_removed(self, sender: NodeId, revision: Revision, now: Instant) -> list[Effect]:
        document, holder = self.register.committed.document, self.leadership.lease.promise.holder
        believed = self._removal.believed(sender, revision, document, holder)
        return self._mark_removed("the other members say so", now) if believed else []

    def _on_linked(self, peer: NodeId, now: Instant, wall: UnixTime) -> list[Effect]:
        document = self.register.committed.document
        if self.removed:
            return reply_when_removed(self.register.committed, peer, None)
        if document.member(peer) is None:
            return [Send(peer, Removed(revision=document.revision))]
        effects: list[Effect] = [Send(peer, self.leadership.next_heartbeat(now, wall))]
        effects += self.exchange.reports_for_new_peer(peer, now)
        return effects + self.alerts.report_ages(peer, now)

    def _on_persist_failed(self, reason: str, durable: Stable, now: Instant) -> list[Effect]:
        effects = self.leadership.resign(None, "cannot write its disk", now)
        self.leadership.fit = False
        self.leadership.lease.promise = durable.promise
        self.leadership.engine_host.restore(durable.hard_state)
        self.register.roll_back(durable.accepted, durable.committed)
        self.journal.roll_back(durable.committed.ledger)
        self._disk.record_refusal(reason, durable, now)
        effects.append(LogFact(DiskRefused(reason)))
        return effects

    def _mark_removed(self, reason: str, now: Instant) -> list[Effect]:
        if self.removed:
            return []
        self.removed = True
        effects = self.leadership.resign(None, "is no longer a member", now)
        return [*effects, LogFact(RemovedFromCluster(reason))]

    # --- after every event ------------------------------------------------------------------

    def _needs_evaluation(self, now: Instant, wall: UnixTime) -> bool:
        """Count new votes while quiescent; return whether a full evaluation is needed."""
        if now >= self.quiescent_until:
            return False
        verdicts, soon = self.exchange.verdicts, max(self.deadline, self.quiescent_until)
        if not verdicts.has_uncounted:
            return self.exchange.urgent
        was_due = verdicts.deadline()
        found = self._count(now, wall)
        pressing = self.exchange.urgent or self.alerts.is_urgent or bool(found.facts)
        return pressing or min(was_due, verdicts.deadline()) <= soon

    def _evaluate(
        self, event: Event, effects: list[Effect], now: Instant, wall: UnixTime
    ) -> list[Effect]:
        """Let every state machine advance; return `effects` and those that follow."""
        if not self.removed:
            effects += self._advance(now, wall)
        effects += self._follow_membership(now)
        effects += self._advance_proposals(now)
        self.alerts.ages.update(self.register.committed.ledger, now, wall)
        return effects + self.journal.entries(event, effects, now, wall)

    def _live_peers(self, now: Instant) -> tuple[NodeId, ...]:
        return self.leadership.membership.live_peers(now)

    def _send_heartbeats(self, now: Instant, wall: UnixTime) -> list[Effect]:
        beats = self.leadership.broadcast_heartbeat(now, wall)
        return beats + self.exchange.reports_due(self._live_peers(now), now, all_of_it=True)

    def _advance(self, now: Instant, wall: UnixTime) -> list[Effect]:
        effects: list[Effect] = []
        if not self._stopped and self.leadership.heartbeat_due(now):
            if self._disk.begin_retry(now):
                self.leadership.fit = True  # `Persist` comes before the heartbeats that say so
            effects += self._send_heartbeats(now, wall)
        if not self._stopped:
            effects += self.leadership.advance(now, wall) + self.leadership.engine_host.drain_news()
        self._count(now, wall)
        effects += self.exchange.reports_due(self._live_peers(now), now, all_of_it=False)
        effects += self.alerts.request_probes(now, wall)
        effects += self._advance_proposals(now)
        effects += self._write(now, wall)
        if not self.alerts.scheduler.is_busy(now) and self.register.flight is None:
            effects += self.transfer.advance(now)
        return effects + self.alerts.report_delivered(now)

    def _count(self, now: Instant, wall: UnixTime) -> Evaluation:
        """Evaluate the votes, and pass the outcome on."""
        verdicts, ledger = self.exchange.verdicts, self.register.committed.ledger
        verdicts.set_document(self.register.committed.document, wall)
        verdicts.set_live(self.leadership.membership.live(now))
        confirm_after_s = self.leadership.settings.confirm_after_s
        found = verdicts.evaluate(now, wall, confirm_after_s, ledger.incidents)
        self.alerts.on_verdicts_changed(found.changed)
        self.journal.record_votes(found.facts)
        return found

    def _write(self, now: Instant, wall: UnixTime) -> list[Effect]:
        """Commit and write, until a write must wait for a majority of the voters."""
        effects: list[Effect] = []
        while True:
            if self.register.write_has_majority():
                effects += commit_write(self.leadership)
                self._count(now, wall)  # the voters may have changed
            effects += self._write_next(now, wall)
            if not self.register.write_has_majority():
                return effects

    def _write_next(self, now: Instant, wall: UnixTime) -> list[Effect]:
        if not self.alerts.may_write(now):
            return []
        for change in self.router.own_changes(now):
            self.register.propose(change)
        effects, before = list[Effect](), self.register.accepted.ledger
        if self.register.waiting or self.transfer.wanted or not self.alerts.gathers(now):
            effects += self.register.write_next(self.alerts.next_ledger(now, wall), now, wall)
        if self.register.accepted.ledger is not before:
            self.alerts.on_written(self.register.accepted.ledger, now)
        return effects + self.alerts.start_attempts(self._live_peers(now), now)

    def _advance_proposals(self, now: Instant) -> list[Effect]:
        if self.proposals.idle:
            return []
        inputs = proposal_inputs(self.leadership, now, removed=self.removed)
        return self.proposals.advance(inputs, now)

    def _follow_membership(self, now: Instant) -> list[Effect]:
        members = self.register.committed.document.ids
        self.leadership.follow_document(now)
        self.register.forget_strangers(members)
        self.router.forget_strangers(members)
        gone = self.identity not in members
        return self._mark_removed("the cluster's document no longer names it", now) if gone else []

    def _save(self, *, eager: bool) -> list[Effect]:
        """Persist what changed; a commit alone can wait, because it can be learned again."""
        leadership, register = self.leadership, self.register
        stable = Stable(
            leadership.lease.promise,
            register.accepted,
            register.committed,
            leadership.engine_host.hard_state,
        )
        return self._disk.save(stable, eager=eager and self.leadership.fit)

    def _next_deadline(self, now: Instant) -> Instant:
        if self.register.waiting and self.alerts.may_write(now):
            return Instant(now + STEP_S_MIN)
        times = [
            self.leadership.deadline(now),
            self.exchange.verdicts.deadline(),
            self.alerts.deadline(),
            self.proposals.deadline(),
        ]
        soonest = min((m for m in times if m > now), default=self.leadership.heartbeats.next_beat)
        return max(soonest, Instant(now + STEP_S_MIN))

    def _describe(self, now: Instant) -> Status:
        disk, last = self._disk.trouble, self._last
        return describe(self.alerts, now, removed=self.removed, last=last, disk=disk)

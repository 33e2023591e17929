"""From changed verdicts to a ledger that a majority holds, and from there to deliveries.

`core.checks.verdicts` finds the changed verdicts, and `on_verdicts_changed` collects them.  Only
the master goes on (`may_write`): `next_ledger` has `core.alerting.notices` open and close
incidents, `core.node` has the register write that ledger, and once a majority holds it,
`start_attempts` orders the attempts that `core.alerting.scheduler` finds due.  Every other node
makes the attempts that the master delegates, and reports what it delivered while it was master.
Without a majority, `core.alerting.partition` may send notices.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from attrs import define, field

from qutrio.core.alerting.ages import IncidentAges
from qutrio.core.alerting.notices import NoticeInputs, reconcile
from qutrio.core.alerting.outbox import OUTBOX_MAX, drop_unreachable
from qutrio.core.alerting.pace import WritePace
from qutrio.core.alerting.partition import PartitionAlerting
from qutrio.core.alerting.recipients import Recipients
from qutrio.core.alerting.scheduler import DeliveryScheduler
from qutrio.core.alerting.unseen import UnseenTracker
from qutrio.core.api.effects import Effect, LogFact, Notify, Send
from qutrio.core.api.events import Attempted
from qutrio.core.api.facts import NoticeUndelivered
from qutrio.core.api.messages import AgesReport, Deliver, Delivered
from qutrio.core.checks.result_exchange import ResultExchange
from qutrio.core.consensus.applying import keep_former
from qutrio.core.consensus.lease import DRIFT_MARGIN
from qutrio.core.consensus.register import Register
from qutrio.core.leadership.leadership import Leadership
from qutrio.model.channels import recipients_of
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import (
    FOREVER,
    ChannelId,
    CheckId,
    Instant,
    NodeId,
    NoticeId,
    Term,
    UnixTime,
)
from qutrio.model.incidents import DeliveryKey, Ledger, UnknownKind
from qutrio.model.levels import DELIVERY_PARTS, MEASURED_DURATIONS, may_use
from qutrio.model.parts import Part
from qutrio.model.results import clip

DELEGATED_MAX = 256
"""Attempts that a node makes for the master at one time."""


@define
class AlertManager:
    """One node's part in sending notices."""

    me: NodeId
    leadership: Leadership
    register: Register
    exchange: ResultExchange
    scheduler: DeliveryScheduler
    delegated_max: int = DELEGATED_MAX
    partition: PartitionAlerting = field(init=False)
    ages: IncidentAges = field(factory=IncidentAges)
    unseen_tracker: UnseenTracker = field(factory=UnseenTracker)
    pace: WritePace = field(factory=WritePace)
    _write_at: Instant = FOREVER
    """Until when changes of the ledger wait for others; `FOREVER` if they need not wait."""
    _hold_ends: Instant = FOREVER
    """When notices that are held in a storm may be sent."""
    _announced_in: Term | None = None
    _examined: ClusterDocument | None = None
    """The document for which this master examined the whole ledger."""
    _alarms: set[CheckId] = field(factory=set)
    """Checks with a first vote against their verdict since `request_probes`."""
    _changed: set[CheckId] = field(factory=set)
    """Checks whose verdict changed since `next_ledger`."""
    _delegated: dict[DeliveryKey, NodeId] = field(factory=dict)
    _last_delegated: dict[DeliveryKey, int] = field(factory=dict)
    """The newest request for each delivery, by the number of this node's heartbeat in it."""

    def __attrs_post_init__(self) -> None:
        """Create the partition alerting of this node."""
        scheduler = DeliveryScheduler(self.scheduler.rng)
        self.partition = PartitionAlerting(self.leadership, self.register, self.exchange, scheduler)

    def deadline(self) -> Instant:
        """Return when an attempt is due or overdue, or a notice may be due."""
        return min(
            self.scheduler.deadline(),
            self.partition.deadline(),
            self.unseen_tracker.deadline(),
            self._write_at,
            self._hold_ends,
        )

    def on_first_votes(self, checks: AbstractSet[CheckId]) -> None:
        """Record the checks on which a first vote against the verdict was cast."""
        self._alarms |= checks

    def on_verdicts_changed(self, changed: AbstractSet[CheckId]) -> None:
        """Record the checks for which a notice may be due."""
        self._changed |= changed

    @property
    def is_urgent(self) -> bool:
        """Whether what was recorded has consequences now."""
        changes = self._changed and self.leadership.lease.claim is not None
        return bool(self._alarms or (changes and self._write_at == FOREVER))

    def request_probes(self, now: Instant, wall: UnixTime) -> list[Effect]:
        """Have all nodes probe what a round waits for; send notices as leader of a minority."""
        alarms, self._alarms = self._alarms, set()
        effects = self.partition.advance(alarms, now, wall)
        if self.leadership.acting_until(now) is not None:
            pause = self.leadership.settings.confirm_after_s
            asked = self.exchange.verdicts.take_due_probes(now, alarms, pause)
            effects += self.exchange.probe_everywhere(
                asked, self.leadership.membership.live_peers(now)
            )
        return effects

    def report_ages(self, peer: NodeId, now: Instant) -> list[Effect]:
        """Send a peer the ages of the open incidents that this node measured."""
        ages = self.ages.measured(now)
        allowed = may_use(MEASURED_DURATIONS, self.register.committed.document)
        return [Send(peer, AgesReport(incidents=ages))] if ages and allowed else []

    def _delegations_over(self, now: Instant) -> Instant:
        """Return until when a delivery that was delegated by now may begin, by the faster clock.

        A member allows `dead_after` for it with every engine, even if grants are shorter.
        """
        records = (self.register.committed, self.register.accepted)
        lasts_s = max(record.document.settings.dead_after_s for record in records)
        return Instant(now + lasts_s * (1 + 2 * DRIFT_MARGIN))

    def may_write(self, now: Instant) -> bool:
        """Return True if this node is master and no write is in flight; start a new term."""
        register, term = self.register, self.register.established
        if term is None or self.leadership.acting_until(now) is None:
            self._announced_in, self._write_at, self._hold_ends = None, FOREVER, FOREVER
            self.unseen_tracker.stop()
            return False
        before, self._announced_in = self._announced_in, term
        if before is None:  # else it claimed again while it was master: no other master between
            committed = register.committed
            self.scheduler.take_over(now, inherited=bool(committed.ledger.outbox))
            self.scheduler.hold_recoveries(self._delegations_over(now))
            self.scheduler.successors.hold(committed.ledger.outbox, self._delegations_over(now))
            self.scheduler.inherit(committed.ledger.waiting)
            self.unseen_tracker.take_over(now)
            self._examined = None
            self._changed |= {c.id for c in committed.document.checks}
        return register.flight is None and self.leadership.lease.claim == term

    def gathers(self, now: Instant) -> bool:
        """Return True if changes of the ledger are to wait for others.  Only if it may write."""
        same = self.register.committed.document is self._examined
        if same and now < self.pace.next_at:
            return True
        self._write_at = FOREVER
        return False

    def on_written(self, ledger: Ledger, now: Instant) -> None:
        """Record that a changed ledger is written."""
        self.pace.on_write(ledger, now)
        self._write_at = self.pace.next_at if self.pace.next_at > now else FOREVER

    def next_ledger(self, now: Instant, wall: UnixTime) -> Ledger:
        """Return the ledger as it should be now.  Only for a node that may write."""
        committed, term = self.register.committed, self.register.established
        assert term is not None
        inputs = NoticeInputs(
            document=committed.document,
            verdicts=self.exchange.verdicts,
            term=term,
            now=now,
            wall=wall,
            ages=self.ages,
            tried=self.scheduler.tried,
            live=self.leadership.membership.live(now),
        )
        changed, self._changed = self._changed, set()
        edited, self._examined = committed.document is not self._examined, committed.document
        self.scheduler.on_committed(committed.ledger)
        ledger = self.scheduler.set_channels(committed.document, committed.ledger, now)
        ledger = self.scheduler.gather(ledger, term, now, wall)
        sequence = ledger.last_sequence
        ledger = reconcile(ledger, inputs, changed, all_open=edited)
        ledger = self.unseen_tracker.update(ledger, inputs, changed)
        self.scheduler.gathering.on_new(ledger.after(sequence), now)
        self._hold_ends = self.scheduler.gathering.storms.deadline(now)
        parts = may_use(DELIVERY_PARTS, committed.document)
        # What concerns removed channels changes only with the document, and while they are kept.
        if edited:
            ledger = drop_unreachable(ledger, committed.document, self.scheduler.tried)
        full = not self.scheduler.gathering.allowed and len(ledger.outbox) > OUTBOX_MAX
        full = full and self.scheduler.lanes.may_drop(ledger.outbox)
        if edited or ledger.former or full:
            ledger = self.scheduler.prune(ledger, committed.document, parts=parts)
        else:
            ledger = self.scheduler.prune_ended(ledger, parts=parts)
        if edited or ledger.former:
            ledger = keep_former(ledger, committed.document, committed.document)
        return self.scheduler.record_waits(ledger, now, wall) if parts else ledger

    def start_attempts(self, live_peers: Sequence[NodeId], now: Instant) -> list[Effect]:
        """Return the effects that start the attempts due now, for notices that a majority holds."""
        ledger, term = self.register.committed.ledger, self.register.established
        assert term is not None
        effects: list[Effect] = []
        accepted = self.register.accepted.ledger
        kept = None if accepted is ledger else accepted
        for attempt in self.scheduler.due(ledger, tuple(live_peers), now, kept):
            if attempt.via is None:
                effects.append(Notify(attempt.delivery, term, delegated=False))
            else:
                heard = self.leadership.heartbeats.last_heard(attempt.via)
                message = Deliver(term=term, delivery=attempt.delivery, heard=heard)
                effects.append(Send(attempt.via, message))
                self.scheduler.successors.hold((attempt.delivery,), self._delegations_over(now))
        return effects

    def on_deliver(self, sender: NodeId, message: Deliver, now: Instant) -> list[Effect]:
        """Attempt a delivery for the master, unless the request was under way for too long.

        There may be another master by now, which has announced the recovery.
        """
        if self.leadership.master(now) != sender or len(self._delegated) >= self.delegated_max:
            return []
        delivery = message.delivery
        key = (delivery.notice.id, delivery.channel)
        left = self.leadership.heartbeats.sent_at(message.heard)
        until = Instant(left + self.leadership.settings.dead_after_s) if left is not None else None
        if until is None or now >= until:
            return [Send(sender, _failed(*key, "the request came too late"))]
        if isinstance(delivery.notice.kind, UnknownKind):
            problem = f"this version knows no notice of the kind {delivery.notice.kind.value!r}"
            return [Send(sender, _failed(*key, problem))]
        if self._last_delegated.get(key) == message.heard:
            return []  # the same message once more
        self._last_delegated = {
            k: n
            for k, n in self._last_delegated.items()
            if self.leadership.heartbeats.sent_at(n) is not None
        }
        self._last_delegated[key] = message.heard
        self._delegated[key] = sender
        return [Notify(delivery, message.term, delegated=True, until=until)]

    def on_delivered(self, sender: NodeId, message: Delivered, now: Instant) -> list[Effect]:
        """Record how a peer's attempt ended: a delegated one, or one that it began as master.

        A report from a peer that cannot have made the attempt is ignored.
        """
        ended = Attempted(
            message.notice,
            message.channel,
            message.delivered,
            message.detail,
            parts=message.parts,
            wait_s=message.wait_s,
        )
        counts = self.scheduler.on_report(sender, ended, self._recipients(ended.channel), now)
        return _note_failure(ended) if counts and not ended.delivered else []

    def on_attempted(self, event: Attempted, now: Instant) -> list[Effect]:
        """Record how an attempt of this node ended, or report it to the node that asked for it."""
        asker = None if event.minority else self._delegated.pop(event.key, None)
        recipients = self._recipients(event.channel)
        effects = [] if event.delivered else _note_failure(event)
        if event.minority:
            self.partition.on_attempted(event, recipients, now)
        elif self.leadership.master(now) == self.me:
            self.scheduler.on_attempted(event, recipients, now)
        elif event.delivered or asker is None:
            self.scheduler.record(event, recipients)  # `report_delivered` sends it to the master
        else:
            effects.append(Send(asker, _report_of(event)))
        return effects

    def report_delivered(self, now: Instant) -> list[Effect]:
        """Report to the master which deliveries this node made."""
        master = self.leadership.master(now)
        if master is None or master == self.me:
            return []
        marks, self.scheduler.delivered = self.scheduler.delivered, set()
        found, self.scheduler.recipients = self.scheduler.recipients, Recipients()
        return [
            Send(master, _parts_report(key, found.parts_of(key), delivered=key in marks))
            for key in sorted(marks | found.keys())
        ]

    def _recipients(self, channel: ChannelId) -> tuple[str, ...]:
        channels = self.register.committed.document.channels
        return recipients_of(next((c for c in channels if c.id == channel), None))


def _note_failure(event: Attempted) -> list[Effect]:
    return [LogFact(NoticeUndelivered(event.channel, event.detail))]


def _failed(notice: NoticeId, channel: ChannelId, detail: str) -> Delivered:
    return Delivered(notice=notice, channel=channel, delivered=False, detail=detail)


def _report_of(event: Attempted) -> Delivered:
    return Delivered(
        notice=event.notice,
        channel=event.channel,
        delivered=event.delivered,
        detail=event.detail,
        parts=event.parts,
        wait_s=event.wait_s,
    )


def _parts_report(key: DeliveryKey, parts: tuple[Part, ...], *, delivered: bool) -> Delivered:
    notice, channel = key
    detail = "" if delivered else "; ".join(f"{p.recipient}: {p.fate.value}" for p in parts)
    return Delivered(
        notice=notice, channel=channel, delivered=delivered, detail=clip(detail), parts=parts
    )

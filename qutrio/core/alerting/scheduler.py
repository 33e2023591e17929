"""When the notices in the outbox are attempted, and by which member.

Theory of operation.  `core.alerting.notices` puts notices into the outbox of the ledger.  A notice
is sent only when a majority holds that ledger, and a delivered one leaves the outbox by another
write.  So delivery is at least once, and a notice keeps its id at each attempt.

A channel receives the notices of one check in order, whichever members deliver them, also across
a change of master.  A notice is sent only while it is the oldest of its check and channel in the
committed outbox: so a majority knows that the one before it was delivered or dropped, and no later
master repeats it.  A notice also waits until no delegated delivery of an older one can begin.  A
failed attempt is repeated after a growing pause, every second time by another member, in case only
the master cannot reach the channel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from attrs import define, evolve, field, frozen

from qutrio.core.alerting.holds import Holds
from qutrio.core.alerting.outbox import OUTBOX_MAX, within_bound
from qutrio.core.alerting.recipients import Recipients
from qutrio.model.channels import Channel, recipients_of
from qutrio.model.ids import ChannelId, CheckId, Instant, NodeId, Seconds, UnixTime
from qutrio.model.incidents import ENDS, Delivery, DeliveryKey, Ledger, UnknownKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from qutrio.core.api.events import Attempted
    from qutrio.model.dice import Rng
    from qutrio.model.document import ClusterDocument

ATTEMPT_S_MAX: Seconds = 60.0
"""After this long without an answer an attempt counts as failed."""
RETRY_FIRST_S: Seconds = 5.0
RETRY_CAP_S: Seconds = 300.0
OTHERS_WAIT_S_MAX: Seconds = RETRY_CAP_S
"""The longest wait on a channel that another member may report; then this node tries it."""
FORMER_TRIES_MAX = 8
"""The attempts to send an end to a removed channel, after which it is dropped."""
INHERITED_PAUSE_S: Seconds = 2.0
"""How long a new master waits for reports of the last one before it repeats an attempt."""


Lane: TypeAlias = tuple[ChannelId, CheckId]
"""The notices of one check for one channel, which are sent in order."""


@define
class Attempt:
    """The state of one delivery on this master."""

    lane: Lane
    failures: int = 0
    next_at: Instant = Instant(0.0)
    busy_until: Instant | None = None
    via: NodeId | None = None
    """The member that makes the last attempt; None for this node."""


@frozen
class DueAttempt:
    """An attempt to make now; `via` is the member to ask, or None for this node."""

    delivery: Delivery
    via: NodeId | None


@define
class DeliveryScheduler:
    """Decides on the master when to attempt each delivery, and records which succeeded."""

    rng: Rng
    delivered: set[DeliveryKey] = field(factory=set)
    recipients: Recipients = field(factory=Recipients)
    holds: Holds = field(factory=Holds)
    errors: dict[ChannelId, str] = field(factory=dict)
    """Why the last attempt failed, by channel."""
    _document_channels: tuple[Channel, ...] = ()
    _channels: dict[ChannelId, Channel] = field(factory=dict)
    _attempts: dict[DeliveryKey, Attempt] = field(factory=dict)
    _resume_at: Instant = Instant(0.0)
    _recoveries_at: Instant = Instant(0.0)
    _held: dict[Lane, tuple[DeliveryKey, Instant]] = field(factory=dict)
    """For each lane, the last notice with a delegated delivery under way, and until when."""
    _attempted: set[DeliveryKey] = field(factory=set)
    """Deliveries that were attempted, or may have been."""
    _orphaned: dict[DeliveryKey, tuple[Lane, Instant]] = field(factory=dict)
    """Attempts under way whose notice was dropped.  Their successors wait until they end."""
    _inherited: set[DeliveryKey] = field(factory=set)
    """Deliveries that waited when this node became master: any member may have made them."""
    _delegated_to: dict[DeliveryKey, set[NodeId]] = field(factory=dict)
    """The members that this node asked to make a delivery."""

    def hold_recoveries(self, until: Instant) -> None:
        """Send no recovery before `until`: a delegated delivery may still announce the outage."""
        self._recoveries_at = max(self._recoveries_at, until)

    def hold_successors(self, deliveries: Iterable[Delivery], until: Instant) -> None:
        """Send nothing before `until` that follows the first of these in its lane."""
        lanes = dict[Lane, DeliveryKey]()
        for delivery in deliveries:
            lanes.setdefault(delivery.lane, delivery.key)
        self._held |= {lane: (key, until) for lane, key in lanes.items()}

    def inherit(self, keys: Iterable[DeliveryKey]) -> None:
        """Record that these may have been attempted by an earlier master, or for it."""
        self._inherited = set(keys)
        self._attempted |= self._inherited

    def tried(self, key: DeliveryKey) -> bool:
        """Return True if a delivery was attempted, or may have been."""
        return key in self._attempted or key in self.delivered

    def take_over(self, now: Instant, *, inherited: bool) -> None:
        """Begin as a new master; with `inherited` deliveries, wait for the last one's reports."""
        self._attempts.clear()
        self._resume_at = Instant(now + INHERITED_PAUSE_S) if inherited else now

    def is_busy(self, now: Instant) -> bool:
        """Return True if an attempt is under way."""
        busy = (a.busy_until for a in self._attempts.values() if a.busy_until is not None)
        return any(now < until for until in busy) or any(
            now < until for _, until in self._orphaned.values()
        )

    def set_channels(self, document: ClusterDocument, ledger: Ledger, now: Instant) -> Ledger:
        """Use the channels of a document; return the ledger without what their edits made obsolete.

        An edited channel is tried at once, also for recipients that refused.
        """
        if document.channels is self._document_channels:
            return ledger
        was = self._channels
        self._channels = {c.id: c for c in (*ledger.former, *document.channels)}
        self._document_channels = document.channels
        edited = {i for i, c in self._channels.items() if i in was and was[i] != c}
        for channel in sorted(edited):
            self.recipients.forget_refusals(channel)
            self.holds.release(channel)
            self.errors.pop(channel, None)
        for key in [k for k in self._attempts if k[1] in edited]:
            attempt = self._attempts[key]
            if attempt.failures:
                attempt.next_at = min(attempt.next_at, now)
            elif attempt.busy_until is None:
                del self._attempts[key]  # other reasons to wait may remain
        return _asking_again(ledger, edited) if edited else ledger

    def may_prune(self, ledger: Ledger) -> bool:
        """Return whether deliveries to existing channels are done, or too many."""
        marks = self.delivered or self.recipients.keys()
        return bool(marks) or len(ledger.outbox) > OUTBOX_MAX

    def prune(self, ledger: Ledger, document: ClusterDocument, *, parts: bool = False) -> Ledger:
        """Return the ledger without deliveries that are done, have no channel, or are too many.

        With `parts`, the others record which recipients were reached.
        """
        channels = {c.id: c for c in document.channels if c.enabled}
        known = {c.id for c in document.channels}
        former = {c.id: c for c in ledger.former if c.id not in known}
        kept = list[Delivery]()
        for delivery in within_bound(ledger.outbox, self.tried):
            channel = channels.get(delivery.channel)
            if channel is None and self._worth_a_try(delivery):
                channel = former.get(delivery.channel)
            if delivery.key not in self.delivered and channel is not None:
                marked = self.recipients.marked(delivery)
                if not marked.is_complete(recipients_of(channel)):
                    kept.append(marked if parts else delivery)
        return ledger if tuple(kept) == ledger.outbox else evolve(ledger, outbox=tuple(kept))

    def record_waits(self, ledger: Ledger, now: Instant, wall: UnixTime) -> Ledger:
        """Return the ledger with the waits and refusals of receivers."""
        waits = self.holds.ledger_waits(ledger.waits, self._channels, now, wall)
        refusals = self.recipients.refusals(ledger.refusals, self._channels, wall)
        if (waits, refusals) == (ledger.waits, ledger.refusals):
            return ledger
        return evolve(ledger, waits=waits, refusals=refusals)

    def _worth_a_try(self, delivery: Delivery) -> bool:
        """Return True if a delivery to a removed channel is still to be attempted."""
        attempt = self._attempts.get(delivery.key)
        tries = 0 if attempt is None else attempt.failures
        return delivery.notice.kind in ENDS and tries < FORMER_TRIES_MAX

    def on_committed(self, committed: Ledger) -> None:
        """Forget the deliveries and attempts that are not in the committed outbox."""
        self.delivered &= committed.waiting
        self._attempted &= committed.waiting
        self.recipients.retain(committed.waiting)
        for key in [k for k in self._attempts if k not in committed.waiting]:
            attempt = self._attempts.pop(key)
            if attempt.busy_until is not None:
                self._orphaned[key] = (attempt.lane, attempt.busy_until)
        self._inherited &= committed.waiting
        for key in self._delegated_to.keys() - committed.waiting - self._orphaned.keys():
            del self._delegated_to[key]

    def due(
        self,
        committed: Ledger,
        others: tuple[NodeId, ...],
        now: Instant,
        kept: AbstractSet[DeliveryKey] | None = None,
    ) -> list[DueAttempt]:
        """Return the attempts to make now, and record them as under way.

        `others` are the other live members, in order.  If `kept` is given, first attempts are
        made only for the deliveries in it: a write under way drops the others, because nobody
        received them.
        """
        attempts: list[DueAttempt] = []
        self._held = {lane: held for lane, held in self._held.items() if now < held[1]}
        self._orphaned = {key: flight for key, flight in self._orphaned.items() if now < flight[1]}
        for delivery in self._heads(committed):
            recipients = recipients_of(self._channels.get(delivery.channel))
            if delivery.is_complete(recipients):
                continue  # the next write removes it
            attempt = self._attempts.get(delivery.key)
            if attempt is None:
                if kept is not None and delivery.key not in kept:
                    continue
                attempt = Attempt(delivery.lane, next_at=self._earliest(delivery))
                self._attempts[delivery.key] = attempt
            if attempt.busy_until is not None and now >= attempt.busy_until:
                self._failed(attempt, now)
            if attempt.busy_until is None and now >= attempt.next_at:
                attempt.busy_until = Instant(now + ATTEMPT_S_MAX)
                attempt.via = self._via(attempt, others)
                self._attempted.add(delivery.key)
                if attempt.via is not None:
                    self._delegated_to.setdefault(delivery.key, set()).add(attempt.via)
                attempts.append(DueAttempt(delivery, attempt.via))
        return attempts

    def on_attempted(self, event: Attempted, recipients: tuple[str, ...], now: Instant) -> None:
        """Record how an attempt of any member ended; `recipients` are those of its channel."""
        self._orphaned.pop(event.key, None)
        self.record(event, recipients)
        attempt = self._attempts.get(event.key)
        if event.key in self.delivered:
            self._attempts.pop(event.key, None)
        elif attempt is not None:
            self._failed(attempt, now)
            self._hold(event, now)
        if event.delivered:
            self.errors.pop(event.channel, None)
            self.holds.on_accepted(event.channel)
        elif attempt is not None:
            self.errors[event.channel] = event.detail

    def on_report(
        self, sender: NodeId, event: Attempted, recipients: tuple[str, ...], now: Instant
    ) -> bool:
        """Record a member's report on its attempt; return True if the report is accepted.

        It is accepted from members that this node asked.  For deliveries that waited when this
        node became master it is accepted from any member: an earlier master may have asked it.
        Only the member that was asked last can end the attempt under way.
        """
        asked = sender in self._delegated_to.get(event.key, ())
        if not asked and event.key not in self._inherited:
            return False
        attempt = self._attempts.get(event.key)
        its_turn = attempt is not None and attempt.busy_until is not None and attempt.via == sender
        if its_turn or (asked and event.key in self._orphaned):
            wait_s = min(event.wait_s, OTHERS_WAIT_S_MAX)
            self.on_attempted(evolve(event, wait_s=wait_s), recipients, now)
        else:
            self.record(event, recipients)
        return True

    def record(self, event: Attempted, recipients: tuple[str, ...]) -> None:
        """Record which recipients were reached.

        For a channel with several recipients, a report without parts is not enough: older
        versions report a delivery when they reached one.
        """
        self.recipients.record(event.key, event.parts)
        if event.delivered and (event.parts or len(recipients) <= 1):
            self.delivered.add(event.key)

    def attempt_status(self, channel: ChannelId) -> tuple[bool, Instant | None]:
        """Return whether an attempt is under way for a channel, and when the next one is due."""
        mine = [a for (_, c), a in self._attempts.items() if c == channel]
        waiting = [a.next_at for a in mine if a.busy_until is None]
        return len(waiting) < len(mine), min(waiting, default=None)

    def deadline(self) -> Instant:
        """Return when the next attempt is due or overdue."""
        moments = (
            a.busy_until if a.busy_until is not None else a.next_at for a in self._attempts.values()
        )
        flying = (until for _, until in self._orphaned.values())
        return min((*moments, *flying), default=Instant(float("inf")))

    def _heads(self, committed: Ledger) -> list[Delivery]:
        """Return the first delivery of each lane, unless it was made and is not yet removed."""
        heads: dict[Lane, Delivery] = {}
        for delivery in committed.outbox:
            if not isinstance(delivery.notice.kind, UnknownKind):  # kept for newer versions
                heads.setdefault(delivery.lane, delivery)
        for lane, _ in self._orphaned.values():
            heads.pop(lane, None)
        left = [d for d in heads.values() if d.key not in self.delivered]
        return [self.recipients.marked(d) for d in left]

    def _earliest(self, delivery: Delivery) -> Instant:
        begin = max(self._resume_at, self.holds.until(delivery.channel))
        if delivery.notice.kind in ENDS:
            begin = max(begin, self._recoveries_at)
        key, until = self._held.get(delivery.lane, (delivery.key, begin))
        return begin if key == delivery.key else max(begin, until)

    def _via(self, attempt: Attempt, others: tuple[NodeId, ...]) -> NodeId | None:
        turn, odd = divmod(attempt.failures, 2)
        return others[turn % len(others)] if odd and others else None

    def _hold(self, event: Attempted, now: Instant) -> None:
        """Wait if the receiver asked for it; the longer of two pauses counts."""
        if event.wait_s > 0:
            self.holds.extend(event.channel, event.wait_s, now)
            for (_, channel), attempt in self._attempts.items():
                if channel == event.channel:
                    attempt.next_at = max(attempt.next_at, self.holds.until(channel))

    def _failed(self, attempt: Attempt, now: Instant) -> None:
        attempt.failures += 1
        attempt.busy_until = None
        pause = min(RETRY_CAP_S, RETRY_FIRST_S * 2.0 ** min(attempt.failures - 1, 16))
        attempt.next_at = Instant(now + pause * self.rng.uniform(0.5, 1.0))


def _asking_again(ledger: Ledger, edited: set[ChannelId]) -> Ledger:
    """Return the ledger without the waits and refusals of these channels' receivers."""
    return evolve(
        ledger,
        outbox=tuple(
            evolve(d, refused=()) if d.refused and d.channel in edited else d for d in ledger.outbox
        ),
        waits=tuple(w for w in ledger.waits if w.channel not in edited),
        refusals=tuple(r for r in ledger.refusals if r.channel not in edited),
    )

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

from typing import TYPE_CHECKING

from attrs import define, evolve, field

from qutrio.core.alerting.attempts import ATTEMPT_S_MAX, RETRY_CAP_S, Attempt, DueAttempt
from qutrio.core.alerting.gathering import Gathering
from qutrio.core.alerting.holds import Holds
from qutrio.core.alerting.lanes import Lane, Lanes, is_single
from qutrio.core.alerting.outbox import asking_again, within_bound
from qutrio.core.alerting.recipients import Recipients
from qutrio.core.alerting.successors import Successors
from qutrio.core.checks.time_queue import TimeQueue
from qutrio.model.channels import Channel, recipients_of
from qutrio.model.ids import ChannelId, Instant, NodeId, Seconds, Term, UnixTime
from qutrio.model.incidents import ENDS, Delivery, DeliveryKey, Ledger
from qutrio.model.levels import DIGESTS, may_use

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qutrio.core.api.events import Attempted
    from qutrio.model.dice import Rng
    from qutrio.model.document import ClusterDocument

OTHERS_WAIT_S_MAX: Seconds = RETRY_CAP_S
"""The longest wait on a channel that another member may report; then this node tries it."""
FORMER_TRIES_MAX = 8
"""The attempts to send an end to a removed channel, after which it is dropped."""
INHERITED_PAUSE_S: Seconds = 2.0
"""How long a new master waits for reports of the last one before it repeats an attempt."""


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
    lanes: Lanes = field(factory=Lanes)
    gathering: Gathering = field(init=False)
    _attempts: dict[DeliveryKey, Attempt] = field(factory=dict)
    _times: TimeQueue[DeliveryKey] = field(factory=TimeQueue)
    """When each attempt is due or overdue."""
    _under_way: set[DeliveryKey] = field(factory=set)
    """The attempts without an answer yet."""
    _unplanned: set[Lane] = field(factory=set)
    """Lanes that changed, or whose head could not be attempted: `due` examines them."""
    _resume_at: Instant = Instant(0.0)
    _recoveries_at: Instant = Instant(0.0)
    successors: Successors = field(factory=Successors)
    _attempted: set[DeliveryKey] = field(factory=set)
    """Deliveries that were attempted, or may have been."""
    _inherited: set[DeliveryKey] = field(factory=set)
    """Deliveries that waited when this node became master: any member may have made them."""
    _delegated_to: dict[DeliveryKey, set[NodeId]] = field(factory=dict)
    """The members that this node asked to make a delivery."""
    _inherited_unchecked: bool = False
    """Whether deliveries were inherited since the last committed outbox."""
    _has_news: bool = False
    """Whether deliveries ended or left the outbox since `_forget_strangers`."""

    def __attrs_post_init__(self) -> None:
        """Let digests follow the same lanes."""
        self.gathering = Gathering(self.lanes, self.successors)

    def hold_recoveries(self, until: Instant) -> None:
        """Send no recovery before `until`: a delegated delivery may still announce the outage."""
        self._recoveries_at = max(self._recoveries_at, until)

    def inherit(self, keys: Iterable[DeliveryKey]) -> None:
        """Record that these may have been attempted by an earlier master, or for it."""
        self._inherited = set(keys)
        self._attempted |= self._inherited
        self._inherited_unchecked = True

    def tried(self, key: DeliveryKey) -> bool:
        """Return True if a delivery was attempted, or may have been."""
        return key in self._attempted or key in self.delivered

    def take_over(self, now: Instant, *, inherited: bool) -> None:
        """Begin as a new master; with `inherited` deliveries, wait for the last one's reports."""
        self._attempts.clear()
        self._times.clear()
        self._under_way.clear()
        self.gathering.take_over()
        self._unplanned = set(self.lanes.all())
        self._resume_at = Instant(now + INHERITED_PAUSE_S) if inherited else now

    def is_busy(self, now: Instant) -> bool:
        """Return True if an attempt is under way."""
        busy = any(now < self._attempts[key].ends_at for key in self._under_way)
        return busy or self.successors.is_busy(now)

    def set_channels(self, document: ClusterDocument, ledger: Ledger, now: Instant) -> Ledger:
        """Use the channels of a document; return the ledger without what their edits made obsolete.

        An edited channel is tried at once, also for recipients that refused.
        """
        self.gathering.allowed = may_use(DIGESTS, document)
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
                self._times.put(key, attempt.ends_at)
            elif attempt.busy_until is None:
                self._forget(key)  # other reasons to wait may remain
                self._unplanned.add(attempt.lane)
        return asking_again(ledger, edited) if edited else ledger

    def prune(self, ledger: Ledger, document: ClusterDocument, *, parts: bool = False) -> Ledger:
        """Return the ledger without deliveries that are done, have no channel, or are too many.

        With `parts`, the others record which recipients were reached.
        """
        channels = {c.id: c for c in document.channels if c.enabled}
        known = {c.id for c in document.channels}
        former = {c.id: c for c in ledger.former if c.id not in known}
        kept = list[Delivery]()
        bounded, gathered = self.gathering.allowed, self.gathering.gathered
        for delivery in ledger.outbox if bounded else within_bound(ledger.outbox, self.tried):
            channel = channels.get(delivery.channel)
            if channel is None and self._worth_a_try(delivery):
                channel = former.get(delivery.channel)
            if channel is not None:
                marked = self.recipients.marked(delivery)
                complete = marked.is_complete(recipients_of(channel))
                if not (delivery.key in self.delivered or complete) or channel.id in gathered:
                    kept.append(marked if parts else delivery)
        return ledger if tuple(kept) == ledger.outbox else evolve(ledger, outbox=tuple(kept))

    def prune_ended(self, ledger: Ledger, *, parts: bool) -> Ledger:
        """Return the ledger as `prune` does, if only the ends of attempts can have changed it."""
        outbox: list[Delivery] | None = None
        for key in sorted(self.delivered | self.recipients.keys()):
            if key[1] in self.gathering.gathered:
                continue  # what leaves beside a digest is in it
            place = self.lanes.place(key, ledger.outbox if outbox is None else outbox)
            if place is None:
                continue
            outbox = list(ledger.outbox) if outbox is None else outbox
            marked = self.recipients.marked(outbox[place])
            complete = marked.is_complete(recipients_of(self._channels.get(marked.channel)))
            if key in self.delivered or complete:
                del outbox[place]
            elif parts:
                outbox[place] = marked
        if outbox is None or tuple(outbox) == ledger.outbox:
            return ledger
        return evolve(ledger, outbox=tuple(outbox))

    def gather(self, ledger: Ledger, term: Term, now: Instant, wall: UnixTime) -> Ledger:
        """Return the committed ledger with digests for the channels where many notices wait."""
        return self.gathering.gather(ledger, self._may_join, term=term, now=now, wall=wall)

    def _may_join(self, lane: Lane) -> bool:
        keys = self.lanes.keys_of(lane)
        return self._under_way.isdisjoint(keys) and self.delivered.isdisjoint(keys)

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
        """Use a committed outbox; forget the deliveries and attempts that are not in it."""
        if committed.outbox is not self.lanes.outbox:
            gone, changed = self.lanes.follow(committed.outbox)
            self._unplanned |= changed
            for delivery in gone:
                self._attempted.discard(delivery.key)
                self._inherited.discard(delivery.key)
                attempt = self._forget(delivery.key)
                if attempt is not None and attempt.busy_until is not None:
                    self.successors.orphans[delivery.key] = (attempt.lane, attempt.busy_until)
            self._has_news = self._has_news or bool(gone)
            self._unplanned |= self.gathering.released()
        if self._inherited_unchecked:
            self._inherited_unchecked, waiting = False, self.lanes.keys()
            self._attempted &= waiting
            self._inherited &= waiting
        if self._has_news:
            self._forget_strangers()

    def _forget_strangers(self) -> None:
        """Forget what is known of deliveries that are not in the committed outbox."""
        self._has_news, waiting = False, self.lanes.keys()
        self.delivered = {key for key in self.delivered if key in waiting}
        self.recipients.retain(waiting)
        orphans, asked = self.successors.orphans, self._delegated_to
        self._delegated_to = {k: asked[k] for k in asked if k in waiting or k in orphans}

    def _forget(self, key: DeliveryKey) -> Attempt | None:
        """Forget an attempt, if there is one, and return it."""
        self._times.drop(key)
        self._stop(key)
        return self._attempts.pop(key, None)

    def _stop(self, key: DeliveryKey) -> None:
        """Record that no attempt at a delivery is under way."""
        self._under_way.discard(key)
        self.gathering.on_attempt_ended(key)

    def _must_wait(self, head: Delivery) -> bool:
        """Return True if a delivery waits for a digest, and forget the plan for it."""
        attempt = self._attempts.get(head.key)
        busy = attempt is not None and attempt.busy_until is not None
        if busy or not self.gathering.must_wait(head):
            return False
        self._unplanned.discard(head.lane)
        self._forget(head.key)
        return True

    def due(
        self,
        committed: Ledger,
        others: tuple[NodeId, ...],
        now: Instant,
        kept: Ledger | None = None,
    ) -> list[DueAttempt]:
        """Return the attempts to make now, and record them as under way.

        `others` are the other live members, in order.  If `kept` is given, first attempts are
        made only for the deliveries in its outbox: a write under way drops the others, because
        nobody received them.
        """
        self.on_committed(committed)
        if freed := self.successors.advance(now):
            self._unplanned.update(freed)
            self._has_news = True
            self._unplanned |= self.gathering.released()
        attempts: list[DueAttempt] = []
        for delivery in self._examined(now):
            recipients = recipients_of(self._channels.get(delivery.channel))
            if delivery.is_complete(recipients):
                continue  # the next write removes it
            attempt = self._attempts.get(delivery.key)
            if attempt is None:
                if kept is not None and delivery.key not in kept.waiting:
                    continue
                attempt = Attempt(delivery.lane, next_at=self._earliest(delivery))
                self._attempts[delivery.key] = attempt
            self._unplanned.discard(delivery.lane)
            if attempt.busy_until is not None and now >= attempt.busy_until:
                self._failed(delivery.key, attempt, now)
            if attempt.busy_until is None and is_single(delivery):
                attempt.next_at = max(
                    attempt.next_at, self.gathering.storms.until(delivery.channel)
                )
            if attempt.busy_until is None and now >= attempt.next_at:
                attempt.busy_until = Instant(now + ATTEMPT_S_MAX)
                attempt.via = self._via(attempt, others)
                self._attempted.add(delivery.key)
                self._under_way.add(delivery.key)
                self.gathering.on_attempt_begun(delivery)
                if attempt.via is not None:
                    self._delegated_to.setdefault(delivery.key, set()).add(attempt.via)
                attempts.append(DueAttempt(delivery, attempt.via))
            self._times.put(delivery.key, attempt.ends_at)
        return attempts

    def _examined(self, now: Instant) -> list[Delivery]:
        """Return the heads of the lanes in which an attempt may be due, in the outbox's order.

        A head that was made and is not removed yet, or that waits for an orphan, is left out.
        """
        due = self._times.take_due(now)
        for key in due:
            self._times.put(key, self._attempts[key].ends_at)
        lanes = self._unplanned.union(self._attempts[key].lane for key in due)
        lanes -= self.successors.blocked()
        found = {lane: self.lanes.head(lane) for lane in lanes}
        self._unplanned.difference_update([lane for lane, head in found.items() if head is None])
        heads = [h for h in found.values() if h is not None and not self._must_wait(h)]
        heads.sort(key=lambda head: (head.notice.sequence, head.channel))
        return [self.recipients.marked(d) for d in heads if d.key not in self.delivered]

    def on_attempted(self, event: Attempted, recipients: tuple[str, ...], now: Instant) -> None:
        """Record how an attempt of any member ended; `recipients` are those of its channel."""
        if (freed := self.successors.end_orphan(event.key)) is not None:
            self._unplanned.add(freed)
            self._unplanned |= self.gathering.released()
        self.record(event, recipients)
        attempt = self._attempts.get(event.key)
        if event.key in self.delivered:
            self._forget(event.key)
        elif attempt is not None:
            self._failed(event.key, attempt, now)
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
        if its_turn or (asked and event.key in self.successors.orphans):
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
        self._has_news = True
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
        return min(self._times.first(), self.successors.deadline())

    def _earliest(self, delivery: Delivery) -> Instant:
        begin = max(self._resume_at, self.holds.until(delivery.channel))
        if delivery.notice.kind in ENDS:
            begin = max(begin, self._recoveries_at)
        return self.successors.begin(delivery, begin)

    def _via(self, attempt: Attempt, others: tuple[NodeId, ...]) -> NodeId | None:
        turn, odd = divmod(attempt.failures, 2)
        return others[turn % len(others)] if odd and others else None

    def _hold(self, event: Attempted, now: Instant) -> None:
        """Wait if the receiver asked for it; the longer of two pauses counts."""
        if event.wait_s > 0:
            self.holds.extend(event.channel, event.wait_s, now)
            for key, attempt in self._attempts.items():
                if key[1] == event.channel:
                    attempt.next_at = max(attempt.next_at, self.holds.until(event.channel))
                    self._times.put(key, attempt.ends_at)

    def _failed(self, key: DeliveryKey, attempt: Attempt, now: Instant) -> None:
        self._stop(key)
        attempt.fail(self.rng, now)
        self._times.put(key, attempt.ends_at)

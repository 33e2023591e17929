"""The pager: from verdicts to a ledger that a majority holds, and from there to people.

The acting master brings the ledger up to date, has the register write it, and hands out the
attempts to deliver.  Every other node runs errands for the master, and passes on what it
delivered itself while it was master.  Without a majority, `core.minority` may page.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from attrs import define, field

from qutrio.core.ages import Ages
from qutrio.core.alerting import Courier, reconcile
from qutrio.core.applying import keep_former
from qutrio.core.closing import drop_unreachable
from qutrio.core.effects import Effect, Note, Notify, Send
from qutrio.core.events import Attempted
from qutrio.core.facts import NoticeUndelivered
from qutrio.core.mandate import DRIFT_MARGIN
from qutrio.core.messages import Deliver, Delivered, Lasted
from qutrio.core.minority import Minority
from qutrio.core.notices import Scene
from qutrio.core.recipients import Recipients
from qutrio.core.replication import Replication
from qutrio.core.seat import Seat
from qutrio.core.unseen import Lookout
from qutrio.core.watch import Watch
from qutrio.model.channels import recipients_of
from qutrio.model.ids import ChannelId, CheckId, Instant, NodeId, NoticeId, Term, UnixTime
from qutrio.model.incidents import DeliveryKey, Ledger, UnknownKind
from qutrio.model.levels import DELIVERY_PARTS, MEASURED_DURATIONS, may_use
from qutrio.model.parts import Part
from qutrio.model.results import clip

ERRANDS_MAX = 256
"""Attempts that a node makes for the master at one time."""


@define
class Pager:
    """One node's part in telling people."""

    me: NodeId
    seat: Seat
    register: Replication
    watch: Watch
    courier: Courier
    errands_max: int = ERRANDS_MAX
    minority: Minority = field(init=False)
    ages: Ages = field(factory=Ages)
    lookout: Lookout = field(factory=Lookout)
    _announced_in: Term | None = None
    _alarms: set[CheckId] = field(factory=set)
    """Checks with a first vote against their state since the last look."""
    _changed: set[CheckId] = field(factory=set)
    """Checks that changed since the last ledger."""
    _errands: dict[DeliveryKey, NodeId] = field(factory=dict)
    _ran: dict[DeliveryKey, int] = field(factory=dict)
    """The last errand for each delivery, by the number of our heartbeat that it names."""

    def __attrs_post_init__(self) -> None:
        """Be ready to page without a majority."""
        courier = Courier(self.courier.rng)
        self.minority = Minority(self.seat, self.register, self.watch, courier)

    def deadline(self) -> Instant:
        """Return when an attempt is due or overdue, or there may be something to tell."""
        return min(self.courier.deadline(), self.minority.deadline(), self.lookout.deadline())

    def alarmed(self, checks: AbstractSet[CheckId]) -> None:
        """Take in on which checks a first vote against their state was cast."""
        self._alarms |= checks

    def counted(self, changed: AbstractSet[CheckId]) -> None:
        """Take in of which checks there may be something to announce."""
        self._changed |= changed

    @property
    def pressing(self) -> bool:
        """Tell whether what was taken in has consequences now."""
        return bool(self._alarms or (self._changed and self.seat.mandate.claim is not None))

    def look_again(self, now: Instant, wall: UnixTime) -> list[Effect]:
        """Have everybody probe what a round waits for; page as the leader of a minority."""
        alarms, self._alarms = self._alarms, set()
        effects = self.minority.advance(alarms, now, wall)
        if self.seat.acting_until(now) is not None:
            pause = self.seat.settings.confirm_after_s
            asked = self.watch.verdicts.to_probe(now, alarms, pause)
            effects += self.watch.demand_of_all(asked, self.seat.roll.live_peers(now))
        return effects

    def tell_ages(self, peer: NodeId, now: Instant) -> list[Effect]:
        """Tell a peer for how long incidents have been open, as far as this node measured it."""
        ages = self.ages.tell(now)
        allowed = may_use(MEASURED_DURATIONS, self.register.committed.document)
        return [Send(peer, Lasted(incidents=ages))] if ages and allowed else []

    def _errands_over(self, now: Instant) -> Instant:
        """Return up to when an errand that was sent by now may begin, by the faster clock.

        A member counts `dead_after` for it under each engine, however short the bonds are.
        """
        records = (self.register.committed, self.register.accepted)
        lasts_s = max(record.document.settings.dead_after_s for record in records)
        return Instant(now + lasts_s * (1 + 2 * DRIFT_MARGIN))

    def may_write(self, now: Instant) -> bool:
        """Tell whether this node acts and no write is in flight; notice a new term of ours."""
        register, term = self.register, self.register.established
        if term is None or self.seat.acting_until(now) is None:
            self._announced_in = None
            self.lookout.rest()
            return False
        before, self._announced_in = self._announced_in, term
        if before is None:  # else this node claimed again while it acted: nobody came between
            committed = register.committed
            self.courier.take_over(now, inherited=bool(committed.ledger.outbox))
            self.courier.hold_recoveries(self._errands_over(now))
            self.courier.hold_successors(committed.ledger.outbox, self._errands_over(now))
            self.courier.inherit(committed.ledger.waiting)
            self.lookout.take_over(now)
            self._changed |= {c.id for c in committed.document.checks}
        return register.flight is None and self.seat.mandate.claim == term

    def ledger(self, now: Instant, wall: UnixTime) -> Ledger:
        """Return the ledger as it should be now; only for a node that may write."""
        committed, term = self.register.committed, self.register.established
        assert term is not None
        scene = Scene(
            document=committed.document,
            verdicts=self.watch.verdicts,
            term=term,
            now=now,
            wall=wall,
            ages=self.ages,
            tried=self.courier.tried,
            live=self.seat.roll.live(now),
        )
        changed, self._changed = self._changed, set()
        ledger = self.courier.follow(committed.document, committed.ledger, now)
        ledger = reconcile(ledger, scene, changed)
        ledger = self.lookout.follow(ledger, scene, changed)
        ledger = drop_unreachable(ledger, committed.document, self.courier.tried)
        parts = may_use(DELIVERY_PARTS, committed.document)
        ledger = self.courier.prune(ledger, committed.document, parts=parts)
        ledger = keep_former(ledger, committed.document, committed.document)
        return self.courier.write_down(ledger, now, wall) if parts else ledger

    def send_out(self, live_peers: Sequence[NodeId], now: Instant) -> list[Effect]:
        """Return the attempts to make now, for notices that a majority holds."""
        ledger, term = self.register.committed.ledger, self.register.established
        assert term is not None
        self.courier.settle(ledger)
        effects: list[Effect] = []
        kept = self.register.accepted.ledger.waiting
        for errand in self.courier.due(ledger, tuple(live_peers), now, kept):
            if errand.via is None:
                effects.append(Notify(errand.delivery, term, errand=False))
            else:
                heard = self.seat.cadence.last_heard(errand.via)
                message = Deliver(term=term, delivery=errand.delivery, heard=heard)
                effects.append(Send(errand.via, message))
                self.courier.hold_successors((errand.delivery,), self._errands_over(now))
        return effects

    def on_deliver(self, sender: NodeId, message: Deliver, now: Instant) -> list[Effect]:
        """Run an errand for the acting master, unless it was under way for too long.

        Its master may be another by now, and have told people that the outage is over.
        """
        if self.seat.incumbent(now) != sender or len(self._errands) >= self.errands_max:
            return []
        delivery = message.delivery
        key = (delivery.notice.id, delivery.channel)
        left = self.seat.cadence.sent_at(message.heard)
        until = Instant(left + self.seat.settings.dead_after_s) if left is not None else None
        if until is None or now >= until:
            return [Send(sender, _failed(*key, "the errand came too late"))]
        if isinstance(delivery.notice.kind, UnknownKind):
            problem = f"this version knows no notice of the kind {delivery.notice.kind.value!r}"
            return [Send(sender, _failed(*key, problem))]
        if self._ran.get(key) == message.heard:
            return []  # the same message once more
        self._ran = {k: n for k, n in self._ran.items() if self.seat.cadence.sent_at(n) is not None}
        self._ran[key] = message.heard
        self._errands[key] = sender
        return [Notify(delivery, message.term, errand=True, until=until)]

    def on_delivered(self, sender: NodeId, message: Delivered, now: Instant) -> list[Effect]:
        """Take in how a peer's attempt ended: an errand, or one it began as master.

        Whoever cannot have made it is not heard: a notice is not crossed off on its word.
        """
        ended = Attempted(
            message.notice,
            message.channel,
            message.delivered,
            message.detail,
            parts=message.parts,
            wait_s=message.wait_s,
        )
        counts = self.courier.told(sender, ended, self._recipients(ended.channel), now)
        return _complain(ended) if counts and not ended.delivered else []

    def on_attempted(self, event: Attempted, now: Instant) -> list[Effect]:
        """Note how an attempt ended, or tell whoever must know."""
        asker = None if event.minority else self._errands.pop(event.key, None)
        recipients = self._recipients(event.channel)
        effects = [] if event.delivered else _complain(event)
        if event.minority:
            self.minority.ended(event, recipients, now)
        elif self.seat.incumbent(now) == self.me:
            self.courier.ended(event, recipients, now)
        elif event.delivered or asker is None:
            self.courier.note(event, recipients)  # told to whoever acts, as soon as it is heard
        else:
            effects.append(Send(asker, _told(event)))
        return effects

    def pass_on(self, now: Instant) -> list[Effect]:
        """Tell the acting master whom this node reached."""
        master = self.seat.incumbent(now)
        if master is None or master == self.me:
            return []
        marks, self.courier.delivered = self.courier.delivered, set()
        found, self.courier.recipients = self.courier.recipients, Recipients()
        return [
            Send(master, _mark(key, found.of(key), delivered=key in marks))
            for key in sorted(marks | found.keys())
        ]

    def _recipients(self, channel: ChannelId) -> tuple[str, ...]:
        channels = self.register.committed.document.channels
        return recipients_of(next((c for c in channels if c.id == channel), None))


def _complain(event: Attempted) -> list[Effect]:
    return [Note(NoticeUndelivered(event.channel, event.detail))]


def _failed(notice: NoticeId, channel: ChannelId, detail: str) -> Delivered:
    return Delivered(notice=notice, channel=channel, delivered=False, detail=detail)


def _told(event: Attempted) -> Delivered:
    return Delivered(
        notice=event.notice,
        channel=event.channel,
        delivered=event.delivered,
        detail=event.detail,
        parts=event.parts,
        wait_s=event.wait_s,
    )


def _mark(key: DeliveryKey, parts: tuple[Part, ...], *, delivered: bool) -> Delivered:
    notice, channel = key
    detail = "" if delivered else "; ".join(f"{p.recipient}: {p.fate.value}" for p in parts)
    return Delivered(
        notice=notice, channel=channel, delivered=delivered, detail=clip(detail), parts=parts
    )

"""The pager: from verdicts to a ledger that a majority holds, and from there to people.

The acting master brings the ledger up to date, has the register write it, and hands out the
attempts to deliver.  Every other node runs errands for the master, and passes on what it
delivered itself while it was master.
"""

from attrs import define, field

from qutrio.core.alerting import Courier, DeliveryKey, Scene, reconcile
from qutrio.core.effects import Effect, Note, Notify, Send
from qutrio.core.events import Attempted
from qutrio.core.messages import Deliver, Delivered
from qutrio.core.replication import Replication
from qutrio.core.seat import Seat
from qutrio.core.watch import Watch
from qutrio.model.ids import Instant, NodeId, Term, UnixTime
from qutrio.model.incidents import Ledger

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
    _announced_in: Term | None = None
    _errands: dict[DeliveryKey, NodeId] = field(factory=dict)

    def may_write(self, now: Instant) -> bool:
        """Tell whether this node acts and no write is in flight; notice a new term of ours."""
        register, term = self.register, self.register.established
        if term is None or self.seat.acting_until(now) is None:
            self._announced_in = None
            return False
        if self._announced_in != term:
            self._announced_in = term
            committed = register.committed
            self.courier.take_over(now, inherited=bool(committed.ledger.outbox))
            self.watch.verdicts.changed |= {c.id for c in committed.document.checks}
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
        )
        changed = self.watch.verdicts.changed
        ledger = reconcile(committed.ledger, scene, changed)
        changed.clear()
        return self.courier.prune(ledger, committed.document)

    def send_out(self, live_peers: list[NodeId], now: Instant) -> list[Effect]:
        """Return the attempts to make now, for notices that a majority holds."""
        ledger, term = self.register.committed.ledger, self.register.established
        assert term is not None
        self.courier.settle(ledger)
        effects: list[Effect] = []
        for errand in self.courier.due(ledger, tuple(live_peers), now):
            if errand.via is None:
                effects.append(Notify(errand.delivery, term, errand=False))
            else:
                effects.append(Send(errand.via, Deliver(term=term, delivery=errand.delivery)))
        return effects

    def on_deliver(self, sender: NodeId, message: Deliver, now: Instant) -> list[Effect]:
        """Run an errand for the acting master."""
        if self.seat.incumbent(now) != sender or len(self._errands) >= ERRANDS_MAX:
            return []
        delivery = message.delivery
        self._errands[delivery.notice.id, delivery.channel] = sender
        return [Notify(delivery, message.term, errand=True)]

    def on_delivered(self, message: Delivered, now: Instant) -> list[Effect]:
        """Take in how a peer's attempt ended: an errand, or one it began as master."""
        ended = Attempted(message.notice, message.channel, message.delivered, message.detail)
        return self.on_attempted(ended, now)

    def on_attempted(self, event: Attempted, now: Instant) -> list[Effect]:
        """Note how an attempt ended, or tell whoever must know."""
        key = (event.notice, event.channel)
        asker = self._errands.pop(key, None)
        effects: list[Effect] = []
        if not event.delivered:
            details = (("channel", event.channel), ("detail", event.detail))
            effects.append(Note("a notice was not delivered", details))
        if self.seat.incumbent(now) == self.me:
            self.courier.ended(*key, delivered=event.delivered, now=now)
        elif event.delivered:
            self.courier.delivered.add(key)  # told to whoever acts, as soon as it is heard
        elif asker is not None:
            failed = Delivered(
                notice=event.notice,
                channel=event.channel,
                delivered=False,
                detail=event.detail,
            )
            effects.append(Send(asker, failed))
        return effects

    def pass_on(self, now: Instant) -> list[Effect]:
        """Tell the acting master what this node delivered."""
        master = self.seat.incumbent(now)
        if master is None or master == self.me:
            return []
        marks, self.courier.delivered = sorted(self.courier.delivered), set()
        return [
            Send(master, Delivered(notice=n, channel=c, delivered=True, detail=""))
            for n, c in marks
        ]

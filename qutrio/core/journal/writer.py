"""Makes the journal entries of a node, from which incidents and masters are explained later.

Theory of operation.  The writer decides nothing.  At the end of every step it examines the event
(attempts that ended), the effects (attempts that begin), the facts from the verdicts, and the
difference between the committed ledger and the last one it saw.  Each difference is a fact, which
is written once.  The writer starts with an empty ledger, so incidents that are open at a start are
written again; a reader uses the first of equal facts.

Facts that can repeat forever are written a bounded number of times: attempts at one delivery,
rounds without a change of verdict, and masters (`journal.leadership_history`).  `Led` is written
only while an incident is open or a notice waits.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

from attrs import define, evolve, field

from qutrio.core.alerting.outbox import OUTBOX_MAX
from qutrio.core.api.effects import Effect, Journal, Notify, Send
from qutrio.core.api.events import Attempted, Event, Received, Stop
from qutrio.core.api.messages import Deliver, Delivered
from qutrio.core.checks.verdicts import FACTS_MAX
from qutrio.core.journal.leadership_history import LeadershipHistory
from qutrio.model.differences import differing
from qutrio.model.ids import ChannelId, CheckId, Instant, NodeId, NoticeId, Seconds, Term, UnixTime
from qutrio.model.incidents import ENDS, OF_OUTAGES, Delivery, DeliveryKey, Ledger, NoticeKind
from qutrio.model.journal import (
    Began,
    ClockSet,
    Closed,
    Closing,
    Crossed,
    Doubted,
    Ended,
    Entry,
    Fact,
    Judged,
    Leaving,
    Led,
    Named,
    Noticed,
    Opened,
    Started,
    Stopped,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qutrio.core.alerting.ages import IncidentAges
    from qutrio.core.checks.verdicts import Verdicts
    from qutrio.core.consensus.register import Register
    from qutrio.core.leadership.leadership import Leadership
    from qutrio.model.document import ClusterDocument

ATTEMPTS_WRITTEN_MAX = 8
"""The most attempts at one delivery that are written, besides the one that succeeds."""
DOUBT_PAUSE_S: Seconds = 300.0
"""The least time between two `Doubted` entries of one check."""
DOUBTS_PER_HOUR_MAX = 30
HOUR_S: Seconds = 3600.0


@define
class JournalWriter:
    """The state from which the journal entries of one node are made."""

    me: NodeId
    leadership: Leadership
    register: Register
    verdicts: Verdicts
    ages: IncidentAges
    history: LeadershipHistory = field(init=False)
    _facts: list[Judged | Doubted] = field(factory=list)
    """The facts from the verdicts in this step that are not written yet."""
    _ledger: Ledger = field(factory=Ledger)
    _led: tuple[NodeId | None, Term] | None = None
    _started: bool = False
    _waiting: set[DeliveryKey] = field(factory=set)
    """The keys of the deliveries in that ledger."""
    _tries: dict[DeliveryKey, int] = field(factory=dict)
    _doubts: dict[CheckId, tuple[Instant, int]] = field(factory=dict)
    _doubted_at: deque[Instant] = field(factory=lambda: deque(maxlen=DOUBTS_PER_HOUR_MAX))

    def __attrs_post_init__(self) -> None:
        """Create the history of masters of the same node."""
        self.history = LeadershipHistory(self.leadership)

    def entries(
        self, event: Event, effects: Sequence[Effect], now: Instant, wall: UnixTime
    ) -> list[Effect]:
        """Return the entries to write after a step with this event and these effects."""
        facts: list[Fact] = []
        if not self._started:
            self._started = True
            facts.append(self._started_fact(now))
        facts += [ClockSet(by_s=by_s) for by_s in self.leadership.clocks.unreported]
        self.leadership.clocks.unreported.clear()
        facts += self.history.update(event, effects, now)
        if self._facts:
            facts += self._counted(now)
        facts += self._attempt_ended(event)
        if self.register.committed.ledger is not self._ledger:
            facts += self._follow(now)
        if self._ledger.incidents or self._ledger.outbox:
            facts += self._succession(now)
        else:
            self._led = None
        facts += self._begun(effects)
        if isinstance(event, Stop):
            facts.append(Stopped())
        return [Journal(Entry(wall, fact)) for fact in facts]

    def record_votes(self, facts: Sequence[Judged | Doubted]) -> None:
        """Record facts from the verdicts, to be written at the end of this step."""
        self._facts += facts[: FACTS_MAX - len(self._facts)]

    def roll_back(self, ledger: Ledger) -> None:
        """Use `ledger` as the last one seen: the write of a later one failed."""
        self._ledger, self._waiting = ledger, set(ledger.waiting)

    def _started_fact(self, now: Instant) -> Fact:
        ledger = self.register.committed.ledger
        open_ = [incident.id for incident in ledger.incidents]
        open_ += [group.id for group in ledger.unseen]
        return Started(term=self.leadership.known_term, open=tuple(open_))

    # --- votes ------------------------------------------------------------------------------

    def _counted(self, now: Instant) -> list[Fact]:
        counted: list[Fact] = []
        found, self._facts = self._facts, []
        for fact in found:
            if not isinstance(fact, Doubted):
                counted.append(fact)
            elif (doubt := self._doubted(fact, now)) is not None:
                counted.append(doubt)
        return counted

    def _doubted(self, doubt: Doubted, now: Instant) -> Doubted | None:
        """Return the doubt with the number of those omitted before, or None to omit it."""
        for gone in [check for check in self._doubts if not self.verdicts.is_enabled(check)]:
            del self._doubts[gone]
        written_at, untold = self._doubts.get(doubt.check, (Instant(float("-inf")), 0))
        spent = len(self._doubted_at) == DOUBTS_PER_HOUR_MAX and now - self._doubted_at[0] < HOUR_S
        if spent or now - written_at < DOUBT_PAUSE_S:
            self._doubts[doubt.check] = (written_at, untold + 1)
            return None
        self._doubts[doubt.check] = (now, 0)
        self._doubted_at.append(now)
        return evolve(doubt, untold=untold)

    # --- attempts ---------------------------------------------------------------------------

    def _begun(self, effects: Sequence[Effect]) -> list[Fact]:
        facts: list[Fact] = []
        for effect in effects:
            match effect:
                case Notify(delivery, _, delegated) if not delivery.notice.minority:
                    facts += self._begin(delivery, self.me, delegated=delegated)
                case Send(to, Deliver(delivery=delivery)):
                    facts += self._begin(delivery, to, delegated=True)
                case _:
                    pass
        return facts

    def _begin(self, delivery: Delivery, by: NodeId, *, delegated: bool) -> list[Fact]:
        notice, channel = delivery.notice, delivery.channel
        key = (notice.id, channel)
        self._tries[key] = self._tries.get(key, 0) + 1
        if self._tries[key] > ATTEMPTS_WRITTEN_MAX:
            return []
        began = Began(
            incident=notice.incident,
            notice=notice.id,
            channel=self._channel(channel),
            by=self._node(by),
            errand=delegated,
        )
        return [began]

    def _attempt_ended(self, event: Event) -> list[Fact]:
        match event:
            case Attempted(notice, channel, delivered, detail, minority=False):
                return self._end(notice, channel, self.me, delivered=delivered, detail=detail)
            case Received(sender, Delivered() as message) if self._document.member(sender):
                return self._end(
                    message.notice,
                    message.channel,
                    sender,
                    delivered=message.delivered,
                    detail=message.detail,
                )
            case _:
                return []

    def _end(
        self, notice: NoticeId, channel: ChannelId, by: NodeId, *, delivered: bool, detail: str
    ) -> list[Fact]:
        if not delivered and self._tries.get((notice, channel), 0) > ATTEMPTS_WRITTEN_MAX:
            return []
        return [
            Ended(
                notice=notice,
                channel=self._channel(channel),
                by=self._node(by),
                delivered=delivered,
                detail=detail,
            )
        ]

    # --- the ledger -------------------------------------------------------------------------

    def _follow(self, now: Instant) -> list[Fact]:
        was, self._ledger = self._ledger, self.register.committed.ledger
        lost, found = differing(was.incidents, self._ledger.incidents)
        before, after = {i.id for i in lost}, {i.id for i in found}
        record = self.register.committed
        check_of = record.document.check
        facts: list[Fact] = [
            Opened(
                incident=incident,
                target=check.target if (check := check_of(incident.check)) is not None else "",
                position=record.position,
                revision=record.document.revision,
                master=self._writer(incident.term, now),
                age_s=self.ages.lasted(incident.id, now),
            )
            for incident in found
            if incident.id not in before
        ]
        gone = [incident for incident in lost if incident.id not in after]
        forgotten = {
            incident.check
            for incident in gone
            if (check := check_of(incident.check)) is None or not check.enabled
        }
        if forgotten:
            forgotten -= self._recovered()
        facts += [
            Closed(
                incident=incident.id,
                cause=Closing.FORGOTTEN if incident.check in forgotten else Closing.RECOVERED,
                position=record.position,
                revision=record.document.revision,
                master=self._writer(record.position.term, now),
                lasted_s=self.ages.ended.get(incident.id),
            )
            for incident in gone
        ]
        removed, added = differing(was.outbox, self._ledger.outbox)
        self._waiting.difference_update([delivery.key for delivery in removed])
        self._waiting.update([delivery.key for delivery in added])
        for key in [key for key in self._tries if key not in self._waiting]:
            del self._tries[key]
        facts += self._noticed(removed, added)
        return facts + self._crossed(removed, added, {c.id for c in was.former}, forgotten, now)

    def _recovered(self) -> set[CheckId]:
        notices = (delivery.notice for delivery in self._ledger.outbox)
        return {notice.check for notice in notices if notice.kind is NoticeKind.RECOVERED}

    def _noticed(self, before: Sequence[Delivery], after: Sequence[Delivery]) -> list[Fact]:
        known = {delivery.key for delivery in before}
        fresh: dict[NoticeId, list[Delivery]] = {}
        for delivery in after:
            if delivery.key not in known:
                fresh.setdefault(delivery.notice.id, []).append(delivery)
        return [
            Noticed(
                notice=deliveries[0].notice,
                channels=tuple(self._channel(d.channel) for d in deliveries),
            )
            for deliveries in fresh.values()
        ]

    def _crossed(
        self,
        before: Sequence[Delivery],
        after: Sequence[Delivery],
        former: set[ChannelId],
        forgotten: set[CheckId],
        now: Instant,
    ) -> list[Fact]:
        record, kept = self.register.committed, {delivery.key for delivery in after}
        gone = [delivery for delivery in before if delivery.key not in kept]
        channels = {c.id for c in record.document.channels if c.enabled}
        full = len(self._ledger.outbox) >= OUTBOX_MAX
        left = Counter((delivery.notice.incident, delivery.channel) for delivery in gone)
        known = {delivery.key for delivery in before}
        fresh = [d for d in after if d.notice.digest is not None and d.key not in known]
        digests = {delivery.channel: delivery.notice for delivery in fresh}
        facts: list[Fact] = []
        for delivery in gone:
            notice, channel = delivery.notice, delivery.channel
            cause, digest = Leaving.DELIVERED, digests.get(channel)
            if notice.check in forgotten:
                cause = Leaving.FORGOTTEN
            elif digest is not None:
                cause = Leaving.DIGEST  # no delivered notice leaves in such a write
            elif channel not in (channels | former if notice.kind in ENDS else channels):
                cause = Leaving.CHANNEL_GONE
            elif full and (notice.kind not in OF_OUTAGES or left[notice.incident, channel] > 1):
                cause = Leaving.GIVEN_UP  # delivered notices leave one by one
            writer = self._writer(record.position.term, now)
            place = digest.id if digest is not None and cause is Leaving.DIGEST else None
            facts.append(
                Crossed(notice=notice.id, channel=channel, cause=cause, master=writer, digest=place)
            )
        return facts

    def _succession(self, now: Instant) -> list[Fact]:
        master, was = self.leadership.master(now), self._led
        last = was[1] if was is not None else Term(0)
        self._led = master, self.leadership.master_term(now) if master is not None else last
        if was is None or was == self._led:
            return []
        named = self._node(master) if master is not None else None
        return [Led(master=named, term=self._led[1])]

    # --- names ------------------------------------------------------------------------------

    @property
    def _document(self) -> ClusterDocument:
        return self.register.committed.document

    def _writer(self, term: Term, now: Instant) -> Named | None:
        """Return the master if its term is `term`, else None."""
        master = self.leadership.master(now)
        known = master is not None and self.leadership.master_term(now) == term
        return self._node(master) if master is not None and known else None

    def _node(self, node: NodeId) -> Named:
        member = self._document.member(node)
        return Named(node, member.name if member is not None else node)

    def _channel(self, channel: ChannelId) -> Named:
        names = (
            c.name for c in (*self._document.channels, *self._ledger.former) if c.id == channel
        )
        return Named(channel, next(names, channel))

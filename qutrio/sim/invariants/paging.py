"""Delivery of notices: invariant 8.

A page is a notice for one channel.  The judge sees pages appear in and disappear from the ledgers
of a majority, and knows what really reached each channel.  A page may disappear only when it was
delivered, or when its channel or its check is gone.  It may be delivered twice only if something
happened between the attempts that could hide the first from the node that made the second.
"""

from collections.abc import Mapping

from attrs import define, field

from qutrio.core.alerting.outbox import OUTBOX_MAX
from qutrio.core.quorum.majorities import holds_quorum
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import ChannelId, IncidentId, NodeId, NoticeId, Seconds
from qutrio.model.incidents import ENDS, Delivery, Ledger, NoticeKind
from qutrio.model.levels import DIGESTS, may_use
from qutrio.model.stable import Position, Record
from qutrio.sim.host import Host
from qutrio.sim.invariants.error import broken
from qutrio.sim.invariants.flips import Flip, audience, flips, obsolete, optional
from qutrio.sim.invariants.unseen import SEVERAL, due, excused

DURATION_OFF_S: Seconds = 5.0
CLOCK_OFF = 0.06
"""The largest error of a duration: clocks are up to 5 % off."""
Page = tuple[NoticeId, ChannelId]


@define
class Paging:
    """The pages that should reach each channel, and those that did."""

    announced: dict[tuple[str, ChannelId], int] = field(factory=dict)
    """How often each page was delivered."""
    _seen: set[NoticeId] = field(factory=set)
    _agreed: set[NoticeId] = field(factory=set)
    _position: Position | None = None
    ledger: Ledger = field(factory=Ledger)
    """The newest ledger that a majority holds."""
    _documents: tuple[ClusterDocument, ...] = ()
    _first_begun: dict[Page, Seconds] = field(factory=dict)
    _delivered_at: dict[tuple[str, ChannelId], dict[int, Seconds]] = field(factory=dict)
    """When each channel first got each notice of a check, by the number of the notice."""

    troubled_until: Seconds = 0.0
    """Until when something was wrong; set by the judge."""
    _opened: dict[IncidentId, Seconds] = field(factory=dict)
    """When a majority first held each incident."""
    _fixed: set[IncidentId] = field(factory=set)
    """Incidents whose channels were fixed when they opened, and whose end was not sent yet."""
    _owed: set[tuple[IncidentId, ChannelId]] = field(factory=set)
    """Channels that got the notice of an outage, but not yet that of its end."""
    _covered: dict[Page, tuple[Delivery, ...]] = field(factory=dict)
    """The notices that each digest stands for."""

    @property
    def document(self) -> ClusterDocument | None:
        """The newest document of a majority that was checked."""
        return self._documents[-1] if self._documents else None

    def stepped(self, record: Record) -> None:
        """Process a record that a step committed, even if the same event replaces it."""
        if record.ledger.outbox:
            self._agreed |= {d.notice.id for d in record.ledger.outbox}

    def follow(self, record: Record, true: Seconds) -> None:
        """Process a record that a host calls committed."""
        if self._position is not None and record.position <= self._position:
            return
        documents = (*self._documents[-1:], record.document)
        if record.ledger is not self.ledger and record.ledger != self.ledger:
            self._check_durations(record.ledger, true)
            self._check_digests(record.ledger, documents, true)
            self._check_new(record.ledger, documents, true)
            self._check_gone(record, documents, true)
        self._position, self.ledger, self._documents = record.position, record.ledger, documents

    def delivered(
        self,
        hosts: Mapping[NodeId, Host],
        delivery: Delivery,
        begun: Seconds,
        true: Seconds,
        last_trouble: Seconds,
    ) -> None:
        """Judge a notice that reached its channel in an attempt that began at `begun`."""
        if not delivery.notice.minority:
            self._check_agreed(hosts, delivery, true)
        page = (delivery.notice.id, delivery.channel)
        together = (*self._covered.get(page, ()), delivery)
        for one in together:
            self._check_order(one, begun, true, {d.notice.sequence for d in together})
            self._record(one, begun, true, last_trouble)

    def _record(
        self, delivery: Delivery, begun: Seconds, true: Seconds, last_trouble: Seconds
    ) -> None:
        """Record a notice that reached its channel, by itself or in a digest."""
        notice, channel = delivery.notice, delivery.channel
        page = (notice.id, channel)
        key = (str(notice.id), channel)
        self.announced[key] = self.announced.get(key, 0) + 1
        owed = (notice.incident, channel)
        down = notice.kind is NoticeKind.DOWN and notice.incident in self._fixed
        if down or notice.kind is NoticeKind.UNSEEN:
            self._owed.add(owed)
        elif notice.kind in ENDS:
            self._owed.discard(owed)
            self._fixed.discard(notice.incident)
        first = self._first_begun[page] = min(begun, self._first_begun.get(page, begun))
        if self.announced[key] > 1 and last_trouble < first:
            raise broken(8, true, f"{notice.id} reached {channel} twice, and nothing had happened")

    def _check_order(
        self, delivery: Delivery, begun: Seconds, true: Seconds, together: set[int]
    ) -> None:
        """Check that the channel had no later notice of the same check when this one was sent.

        Those that were sent `together`, in one digest, may have been repeated.  Each leader of a
        minority numbers its notices itself, with its id as a prefix.
        """
        notice = delivery.notice
        unseen = notice.unseen
        series = notice.incident.rpartition("-")[0] if unseen is None else unseen.cause
        told = self._delivered_at.setdefault((series, delivery.channel), {})
        later = [
            n for n, at in told.items() if n > notice.sequence and at <= begun and n not in together
        ]
        if later:
            what = f"{notice.id} left after {delivery.channel} was told of number {min(later)}"
            raise broken(8, true, f"{what}, and it is number {notice.sequence}")
        told.setdefault(notice.sequence, true)

    def _check_agreed(
        self, hosts: Mapping[NodeId, Host], delivery: Delivery, true: Seconds
    ) -> None:
        """Check that a majority held the notice before it was sent."""
        if delivery.notice.id in self._agreed:
            return
        held = {n: h.disk.accepted for n, h in hosts.items()}
        holding = {n for n, record in held.items() if delivery in record.ledger.outbox}
        newest = max(held.values(), key=lambda record: record.position)
        if not holds_quorum(holding, newest.document.voters):
            what = f"{delivery.notice.id} was sent, and only {sorted(holding)} hold it"
            raise broken(8, true, what)

    def _check_durations(self, ledger: Ledger, true: Seconds) -> None:
        """Check that the notice of an end has the right duration, whatever the wall clocks did.

        A node that started meanwhile, or missed a message, may be wrong, but never negative.
        """
        for incident in ledger.incidents:
            if self._opened.setdefault(incident.id, true) == true and incident.channels is not None:
                self._fixed.add(incident.id)
        for notice in {d.notice.id: d.notice for d in ledger.outbox}.values():
            if notice.id in self._seen or notice.lasted_s is None or notice.kind in SEVERAL:
                continue
            began = self._opened.get(notice.incident, true)
            lasted_s, off_s = true - began, abs(notice.lasted_s - (true - began))
            undisturbed = self.troubled_until < began
            if notice.lasted_s < 0 or (
                undisturbed and off_s > DURATION_OFF_S + lasted_s * CLOCK_OFF
            ):
                what = f"{notice.id} says {notice.lasted_s:.1f} s, it was {lasted_s:.1f} s"
                raise broken(8, true, what)

    def _check_new(
        self, ledger: Ledger, documents: tuple[ClusterDocument, ...], true: Seconds
    ) -> None:
        """Check that each new notice has the right channels, and that none is missing."""
        channels: dict[NoticeId, set[ChannelId]] = {}
        for delivery in ledger.outbox:
            if delivery.notice.id not in self._seen:
                channels.setdefault(delivery.notice.id, set()).add(delivery.channel)
        for flip in flips(self.ledger, ledger, documents):
            found = channels.pop(flip.notice, set[ChannelId]())
            self._check_audience(flip, found, documents, true)
            self._seen.add(flip.notice)
        for notice in optional(self.ledger, ledger, documents) & channels.keys():
            del channels[notice]
            self._seen.add(notice)
        for notice, channel in due(self.ledger, ledger).items():
            if channels.pop(notice, None) != {channel} and not excused(channel, documents):
                raise broken(8, true, f"{notice} is not written for {channel} alone")
            self._seen.add(notice)
        for notice in [n for n, there in channels.items() if len(there) == 1]:
            if (notice, *channels[notice]) in self._covered:
                del channels[notice]
                self._seen.add(notice)
        if channels:
            raise broken(8, true, f"{sorted(channels)} is a notice of nothing that happened")

    def _check_digests(
        self, ledger: Ledger, documents: tuple[ClusterDocument, ...], true: Seconds
    ) -> None:
        """Record what each new digest stands for: what left the outbox of its channel with it."""
        kept = {delivery.key for delivery in ledger.outbox}
        for digest in ledger.outbox:
            content = digest.notice.digest
            if content is None or digest.key in self._covered or digest.notice.id in self._seen:
                continue
            gone = list[Delivery]()
            for delivery in self.ledger.outbox:
                if delivery.channel == digest.channel and delivery.key not in kept:
                    gone += self._covered.get(delivery.key, (delivery,))
            dropped = sum(obsolete(delivery, documents, owed=False) for delivery in gone)
            if not len(gone) - dropped <= content.total <= len(gone):
                what = f"{digest.notice.id} stands for {content.total} notices, {len(gone)} left"
                raise broken(8, true, what)
            self._covered[digest.key] = tuple(gone)

    def _check_audience(
        self,
        flip: Flip,
        found: set[ChannelId],
        documents: tuple[ClusterDocument, ...],
        true: Seconds,
    ) -> None:
        """Check that a notice has exactly the channels that it must have."""
        told = [audience(document, flip.check) for document in documents]
        most, least = set.union(*told), set.intersection(*told)
        if flip.channels is not None and flip.kind is not NoticeKind.DOWN:
            most = set(flip.channels)  # fixed when the incident opened
            least = {c for i, c in self._owed if i == flip.incident}
        if not least <= found <= most:
            raise broken(8, true, f"{flip.notice} is for {sorted(found)}, not for {sorted(least)}")

    def check_ended(self, ledger: Ledger, true: Seconds) -> None:
        """Check at rest that every channel that got the notice of an outage got that of its end."""
        open_ = {incident.id for incident in ledger.incidents}
        open_ |= {told.id for told in ledger.unseen}
        covered = {i for entry in ledger.unjudged for i in entry.told or ()}
        for group in ledger.unseen:
            if group.id not in covered:
                raise broken(8, true, f"{group.id} covers nothing, and its end was not told")
        for incident, channel in sorted(self._owed):
            if incident not in open_:
                raise broken(8, true, f"{channel} was told of {incident}, and never of its end")

    def _check_gone(
        self, record: Record, documents: tuple[ClusterDocument, ...], true: Seconds
    ) -> None:
        """Check that what left the outbox was delivered or is obsolete."""
        waiting = {(d.notice.id, d.channel) for d in record.ledger.outbox}
        known = self.ledger.waiting
        full = len(self.ledger.outbox) > OUTBOX_MAX and not may_use(DIGESTS, documents[-1])
        gathered = {c for (n, c) in self._covered if (n, c) in waiting and (n, c) not in known}
        for delivery in self.ledger.outbox:
            page = (delivery.notice.id, delivery.channel)
            told = (str(delivery.notice.id), delivery.channel) in self.announced
            owed = (delivery.notice.incident, delivery.channel) in self._owed
            if page in waiting or told or full or obsolete(delivery, documents, owed=owed):
                continue
            if delivery.channel in gathered:
                continue  # the digest is judged in its place
            what = f"{delivery.notice.id} was crossed off and never reached {delivery.channel}"
            raise broken(8, true, what)

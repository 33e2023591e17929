"""Who was told: invariant 8.

A page is a notice for one channel.  The judge sees pages appear in the ledgers that a majority
holds, sees them leave, and knows what really reached each channel.  A page may leave only when
it was delivered, or when its channel or its check is gone.  It may be delivered a second time
only when something happened, between the first attempt and the second, that could keep the news
of the first from whoever made the second.
"""

from collections.abc import Mapping

from attrs import define, field

from qutrio.core.alerting import OUTBOX_MAX
from qutrio.core.quorum import holds_quorum
from qutrio.model.channels import Channel, UnknownChannel
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import ChannelId, CheckId, IncidentId, NodeId, NoticeId, Seconds
from qutrio.model.incidents import Delivery, Ledger, NoticeKind
from qutrio.model.stable import Position, Record
from qutrio.sim.host import Host
from qutrio.sim.invariants.error import broken

DURATION_OFF_S: Seconds = 5.0
CLOCK_OFF = 0.06
"""By how much a duration may be wrong: clocks are up to 5 % off."""
Page = tuple[NoticeId, ChannelId]


def audience(document: ClusterDocument, ident: CheckId) -> set[ChannelId]:
    """Return the channels that must be told: enabled, known, and default or named by the check."""
    check = next((c for c in document.checks if c.id == ident), None)
    named: tuple[str, ...] = check.alerts if check is not None else ()

    def listens(channel: Channel) -> bool:
        known = channel.enabled and not isinstance(channel, UnknownChannel)
        return known and (channel.default or channel.name in named)

    return {c.id for c in document.channels if listens(c)}


@define
class Paging:
    """What should reach each channel, and what did."""

    announced: dict[tuple[str, ChannelId], int] = field(factory=dict)
    """How often each page was delivered."""
    _seen: set[NoticeId] = field(factory=set)
    _agreed: set[NoticeId] = field(factory=set)
    _position: Position | None = None
    _ledger: Ledger = field(factory=Ledger)
    _documents: tuple[ClusterDocument, ...] = ()
    _first_begun: dict[Page, Seconds] = field(factory=dict)
    _told: dict[tuple[str, ChannelId], dict[int, Seconds]] = field(factory=dict)
    """When each channel was first told which notice of a check, by its number."""

    troubled_until: Seconds = 0.0
    """Up to when something was amiss; the judge keeps it."""
    _opened: dict[IncidentId, Seconds] = field(factory=dict)
    """When each incident was first held by a majority."""

    def stepped(self, record: Record) -> None:
        """Take in what a step made committed, also if the same event will bury it."""
        if record.ledger.outbox:
            self._agreed |= {d.notice.id for d in record.ledger.outbox}

    def follow(self, record: Record, true: Seconds) -> None:
        """Take in what a host calls committed."""
        if self._position is not None and record.position <= self._position:
            return
        documents = (*self._documents[-1:], record.document)
        if record.ledger is not self._ledger and record.ledger != self._ledger:
            self._check_durations(record.ledger, true)
            self._check_new(record.ledger, documents, true)
            self._check_gone(record, documents, true)
        self._position, self._ledger, self._documents = record.position, record.ledger, documents

    def delivered(
        self,
        hosts: Mapping[NodeId, Host],
        delivery: Delivery,
        begun: Seconds,
        true: Seconds,
        last_trouble: Seconds,
    ) -> None:
        """Judge a notice that reached its channel by an attempt that began at `begun`."""
        notice, channel = delivery.notice, delivery.channel
        page = (notice.id, channel)
        if not notice.minority:
            self._check_agreed(hosts, delivery, true)
        key = (str(notice.id), channel)
        self.announced[key] = self.announced.get(key, 0) + 1
        self._check_order(delivery, begun, true)
        first = self._first_begun[page] = min(begun, self._first_begun.get(page, begun))
        if self.announced[key] > 1 and last_trouble < first:
            raise broken(8, true, f"{notice.id} reached {channel} twice, and nothing had happened")

    def _check_order(self, delivery: Delivery, begun: Seconds, true: Seconds) -> None:
        """Check that no later notice of the same check had reached the channel before it left.

        Each leader of a minority has an order of its own, and ids that begin with it.
        """
        notice = delivery.notice
        series = notice.incident.rpartition("-")[0]
        told = self._told.setdefault((series, delivery.channel), {})
        later = [n for n, at in told.items() if n > notice.sequence and at <= begun]
        if later:
            what = f"{notice.id} left after {delivery.channel} was told of number {min(later)}"
            raise broken(8, true, f"{what}, and it is number {notice.sequence}")
        told.setdefault(notice.sequence, true)

    def _check_agreed(
        self, hosts: Mapping[NodeId, Host], delivery: Delivery, true: Seconds
    ) -> None:
        """Check that a majority held the notice before anybody was told."""
        if delivery.notice.id in self._agreed:
            return
        held = {n: h.disk.accepted for n, h in hosts.items()}
        holding = {n for n, record in held.items() if delivery in record.ledger.outbox}
        newest = max(held.values(), key=lambda record: record.position)
        if not holds_quorum(holding, newest.document.voters):
            what = f"{delivery.notice.id} was sent, and only {sorted(holding)} hold it"
            raise broken(8, true, what)

    def _check_durations(self, ledger: Ledger, true: Seconds) -> None:
        """Check that what ended says how long it lasted, whatever became of the wall clocks.

        Who started in the middle, or missed a message, may be wrong; never below nothing.
        """
        for incident in ledger.incidents:
            self._opened.setdefault(incident.id, true)
        for notice in {d.notice.id: d.notice for d in ledger.outbox}.values():
            if notice.id in self._seen or notice.lasted_s is None:
                continue
            began = self._opened.get(notice.incident, true)
            lasted_s, off_s = true - began, abs(notice.lasted_s - (true - began))
            calm = self.troubled_until < began
            if notice.lasted_s < 0 or (calm and off_s > DURATION_OFF_S + lasted_s * CLOCK_OFF):
                what = f"{notice.id} says {notice.lasted_s:.1f} s, it was {lasted_s:.1f} s"
                raise broken(8, true, what)

    def _check_new(
        self, ledger: Ledger, documents: tuple[ClusterDocument, ...], true: Seconds
    ) -> None:
        """Check that each new notice is for the right channels, and that none is missing."""
        channels: dict[NoticeId, set[ChannelId]] = {}
        for delivery in ledger.outbox:
            if delivery.notice.id not in self._seen:
                channels.setdefault(delivery.notice.id, set()).add(delivery.channel)
        for notice, check in _flips(self._ledger, ledger, documents):
            told = [audience(document, check) for document in documents]
            found = channels.pop(notice, set[ChannelId]())
            if not set.intersection(*told) <= found <= set.union(*told):
                least = sorted(set.intersection(*told))
                raise broken(8, true, f"{notice} is for {sorted(found)}, not for {least}")
            self._seen.add(notice)
        for notice in _optional(self._ledger, ledger, documents) & channels.keys():
            del channels[notice]
            self._seen.add(notice)
        if channels:
            raise broken(8, true, f"{sorted(channels)} is a notice of nothing that happened")

    def _check_gone(
        self, record: Record, documents: tuple[ClusterDocument, ...], true: Seconds
    ) -> None:
        """Check that what left the outbox was delivered, or has nobody to go to any more."""
        waiting = {(d.notice.id, d.channel) for d in record.ledger.outbox}
        full = len(self._ledger.outbox) > OUTBOX_MAX
        for delivery in self._ledger.outbox:
            page = (delivery.notice.id, delivery.channel)
            told = (str(delivery.notice.id), delivery.channel) in self.announced
            if page in waiting or told or full or _pointless(delivery, documents):
                continue
            what = f"{delivery.notice.id} was crossed off and never reached {delivery.channel}"
            raise broken(8, true, what)


def _flips(
    before: Ledger, after: Ledger, documents: tuple[ClusterDocument, ...]
) -> list[tuple[NoticeId, CheckId]]:
    """Return the notices that must have been written with the incidents that came and went."""
    was, now = ({i.id: i.check for i in ledger.incidents} for ledger in (before, after))
    watched = [{c.id for c in document.checks if c.enabled} for document in documents]
    opened = [(i, c, NoticeKind.DOWN) for i, c in now.items() if i not in was]
    closed = [
        (i, c, NoticeKind.RECOVERED)
        for i, c in was.items()
        if i not in now and all(c in ids for ids in watched)
    ]
    return [(NoticeId(f"{i}.{kind.value}"), c) for i, c, kind in opened + closed]


def _optional(
    before: Ledger, after: Ledger, documents: tuple[ClusterDocument, ...]
) -> set[NoticeId]:
    """Return the recoveries that may have been written, or not: of checks disabled meanwhile.

    One write may hold the end of an outage and the change that disables its check.
    """
    open_ = {i.id for i in after.incidents}
    watched = [{c.id for c in document.checks if c.enabled} for document in documents]
    return {
        NoticeId(f"{i.id}.{NoticeKind.RECOVERED.value}")
        for i in before.incidents
        if i.id not in open_ and any(i.check in ids for ids in watched)
    }


def _pointless(delivery: Delivery, documents: tuple[ClusterDocument, ...]) -> bool:
    """Tell whether in one of these documents the channel or the check is gone or disabled."""
    return any(
        delivery.channel not in {c.id for c in document.channels if c.enabled}
        or delivery.notice.check not in {c.id for c in document.checks if c.enabled}
        for document in documents
    )

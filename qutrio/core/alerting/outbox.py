"""Which notices are dropped: too many wait, or their channel was removed.

When too many notices wait, those of checks without a verdict are dropped first, the oldest before
others.  Notices of outages are kept, with one exception: if a check went down and up repeatedly
while a channel accepted nothing, its oldest outages that are over and were never attempted are
dropped, each with all its notices.  So no channel receives an end without its beginning, and at
most four notices for each check and channel are kept beyond the bound.

A channel that is removed still receives the ends of the incidents whose beginnings it received.
Its settings go into the ledger in the write that removes it, and leave the ledger when no notice
waits for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from qutrio.model.ids import ChannelId, IncidentId
from qutrio.model.incidents import OF_OUTAGES, Delivery, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qutrio.model.document import ClusterDocument
    from qutrio.model.incidents import DeliveryKey, Incident, Ledger

OUTBOX_MAX = 1000
"""Undelivered notices that are kept, besides those that must not be dropped."""
BEGINNINGS = frozenset({NoticeKind.DOWN, NoticeKind.UNSEEN})


def within_bound(
    outbox: Sequence[Delivery], tried: Callable[[DeliveryKey], bool]
) -> Sequence[Delivery]:
    """Return the outbox without dropped notices; `tried` returns what may have been attempted."""
    excess = len(outbox) - OUTBOX_MAX
    if excess <= 0:
        return outbox
    gone = [d.key for d in outbox if d.notice.kind not in OF_OUTAGES][:excess]
    for outage in _over_and_unattempted(outbox, tried):
        if len(gone) >= excess:
            break
        gone += [d.key for d in outage]
    lost = frozenset(gone)
    return [d for d in outbox if d.key not in lost]


def _over_and_unattempted(
    outbox: Sequence[Delivery], tried: Callable[[DeliveryKey], bool]
) -> list[list[Delivery]]:
    """Return the outages that may be dropped: for each check and channel, all but the last."""
    outages = dict[tuple[IncidentId, ChannelId], list[Delivery]]()
    last = dict[object, IncidentId]()
    for delivery in outbox:
        if delivery.notice.kind in OF_OUTAGES:
            incident = last[delivery.lane] = delivery.notice.incident
            outages.setdefault((incident, delivery.channel), []).append(delivery)
    return [
        outage
        for outage in outages.values()
        if outage[0].notice.kind is NoticeKind.DOWN
        and len(outage) > 1
        and outage[0].notice.incident != last[outage[0].lane]
        and not tried(outage[0].key)
    ]


def drop_unreachable(
    ledger: Ledger, document: ClusterDocument, tried: Callable[[DeliveryKey], bool]
) -> Ledger:
    """Return the ledger without beginnings for channels that are removed or disabled.

    If no attempt to send a beginning to the channel was made, its end is dropped as well.
    """
    reachable = {c.id for c in document.channels if c.enabled}
    lost = [d for d in ledger.outbox if d.notice.kind in BEGINNINGS and d.channel not in reachable]
    if not lost:
        return ledger
    unattempted = {(d.notice.incident, d.channel) for d in lost if not tried(d.key)}
    gone = {d.key for d in lost}
    return evolve(
        ledger,
        incidents=tuple(_without(incident, unattempted) for incident in ledger.incidents),
        unseen=tuple(u for u in ledger.unseen if (u.id, u.channel) not in unattempted),
        outbox=tuple(
            d
            for d in ledger.outbox
            if d.key not in gone and (d.notice.incident, d.channel) not in unattempted
        ),
    )


def _without(incident: Incident, unattempted: set[tuple[IncidentId, ChannelId]]) -> Incident:
    if incident.channels is None:
        return incident
    attempted = tuple(c for c in incident.channels if (incident.id, c) not in unattempted)
    return incident if attempted == incident.channels else evolve(incident, channels=attempted)


def asking_again(ledger: Ledger, edited: set[ChannelId]) -> Ledger:
    """Return the ledger without the waits and refusals of these channels' receivers."""
    return evolve(
        ledger,
        outbox=tuple(
            evolve(d, refused=()) if d.refused and d.channel in edited else d for d in ledger.outbox
        ),
        waits=tuple(w for w in ledger.waits if w.channel not in edited),
        refusals=tuple(r for r in ledger.refusals if r.channel not in edited),
    )

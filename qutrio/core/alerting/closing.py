"""The end of the watch: what is told when a check with an open incident is disabled or removed.

Theory of operation.  People, and pagers, that were told DOWN wait for an end.  So the incident is
closed with a notice to every channel that was told of it, or may have been: an attempt whose answer
was lost may have reached people.  Where nobody ever began to tell of the outage, its notice is
dropped, and so is its end.

A channel that is removed must yet be told of the ends of what it was told.  Its settings go into
the ledger in the very write that removes it, and leave it when nothing waits for them any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from qutrio.core.alerting.notices import deliveries
from qutrio.model.edits import author_text
from qutrio.model.incidents import Delivery, Ending, NoticeKind, Stopping
from qutrio.model.levels import CLOSED_NOTICES, may_use
from qutrio.model.results import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from qutrio.core.alerting.notices import NoticeInputs
    from qutrio.model.document import ClusterDocument
    from qutrio.model.ids import ChannelId, CheckId, IncidentId
    from qutrio.model.incidents import DeliveryKey, Incident, Ledger

"""What is told to channels that were removed meanwhile, too."""
BEGINNINGS = frozenset({NoticeKind.DOWN, NoticeKind.UNSEEN})


def close(
    incident: Incident, outbox: list[Delivery], inputs: NoticeInputs, sequence: int
) -> list[Delivery]:
    """Return the outbox after the watch over an incident's check ended."""
    if not may_use(CLOSED_NOTICES, inputs.document):
        return [d for d in outbox if d.notice.check != incident.check]
    untold = {
        d.channel for d in outbox if d.notice.incident == incident.id and not inputs.tried(d.key)
    }
    kept = [d for d in outbox if d.notice.incident != incident.id]
    if incident.channels is None:
        return kept  # nobody noted who was told of it
    told = tuple(c for c in incident.channels if c not in untold)
    ending = _ending(incident.check, inputs)
    known = evolve(incident, channels=told)
    return kept + deliveries(NoticeKind.CLOSED, known, inputs, sequence, ending)


def _ending(check: CheckId, inputs: NoticeInputs) -> Ending:
    stays = any(c.id == check for c in inputs.document.checks)
    return Ending(
        how=Stopping.DISABLED if stays else Stopping.REMOVED,
        by=_who_ended(check, inputs.document),
        last_state=inputs.verdicts.last_states.get(check, State.DOWN),
    )


def _who_ended(check: CheckId, document: ClusterDocument) -> str:
    """Return who disabled or removed a check, in words; empty when the document does not say."""
    edit = document.edit_of_check(check)
    return "" if edit is None else author_text(edit)


def drop_unreachable(
    ledger: Ledger, document: ClusterDocument, tried: Callable[[DeliveryKey], bool]
) -> Ledger:
    """Return the ledger without beginnings for channels that are removed or disabled.

    A channel that was removed before anybody tried to tell it is not told of the end either.
    """
    reachable = {c.id for c in document.channels if c.enabled}
    lost = [d for d in ledger.outbox if d.notice.kind in BEGINNINGS and d.channel not in reachable]
    if not lost:
        return ledger
    untold = {(d.notice.incident, d.channel) for d in lost if not tried(d.key)}
    gone = {d.key for d in lost}
    return evolve(
        ledger,
        incidents=tuple(_without(incident, untold) for incident in ledger.incidents),
        unseen=tuple(u for u in ledger.unseen if (u.id, u.channel) not in untold),
        outbox=tuple(
            d
            for d in ledger.outbox
            if d.key not in gone and (d.notice.incident, d.channel) not in untold
        ),
    )


def _without(incident: Incident, untold: set[tuple[IncidentId, ChannelId]]) -> Incident:
    if incident.channels is None:
        return incident
    told = tuple(c for c in incident.channels if (incident.id, c) not in untold)
    return incident if told == incident.channels else evolve(incident, channels=told)

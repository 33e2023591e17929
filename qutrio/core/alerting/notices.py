"""Opens and closes incidents, and makes their notices: which ones, and for which channels.

Theory of operation.  The ledger is replicated beside the document.  The master compares it with
the verdicts (`reconcile`): a check that is DOWN without an open incident opens one, a check that is
UP with an open incident closes it, and each of both puts a notice for every channel of the check
into the outbox.  Levels are compared, not edges; so it does not matter which master saw the verdict
change.  `core.alerting.scheduler` decides when a notice in the outbox is sent.

The channels and the target of an incident are fixed when it opens, so that its end is announced
where its beginning was, whatever is edited in between.

People, and pagers, that received DOWN wait for an end.  So the incident of a check that is
disabled or removed is closed with a notice to every channel to which DOWN was sent or may have
been: an attempt whose answer was lost may have reached people.  If no attempt to send DOWN was
made, both notices are dropped.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from qutrio.core.alerting.ages import IncidentAges
from qutrio.model.channels import Channel, UnknownChannel
from qutrio.model.edits import author_text
from qutrio.model.ids import ChannelId, IncidentId, Instant, NodeId, NoticeId, Term, UnixTime
from qutrio.model.incidents import (
    Delivery,
    DeliveryKey,
    Ending,
    Incident,
    Ledger,
    Notice,
    NoticeKind,
    Stopping,
)
from qutrio.model.levels import CLOSED_NOTICES, MEASURED_DURATIONS, may_use
from qutrio.model.results import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qutrio.core.checks.verdicts import Verdicts
    from qutrio.model.checks import Check
    from qutrio.model.document import ClusterDocument
    from qutrio.model.ids import CheckId


def assume_attempted(_: DeliveryKey) -> bool:
    """Return True: any delivery may have been attempted."""
    return True


@frozen(kw_only=True)
class NoticeInputs:
    """What the master knows when it updates the ledger.

    The leader of a minority uses a `series` of its own, so that the ids of its incidents are
    unique, and says in `minority` how many members hear each other.  `tried` returns whether an
    attempt at an undelivered delivery may have begun.  `live` are the members that this node
    hears, itself included.
    """

    document: ClusterDocument
    verdicts: Verdicts
    term: Term
    now: Instant
    wall: UnixTime
    ages: IncidentAges = field(factory=IncidentAges)
    series: str = ""
    minority: str = ""
    tried: Callable[[DeliveryKey], bool] = assume_attempted
    live: frozenset[NodeId] = frozenset()


def reconcile(
    ledger: Ledger, inputs: NoticeInputs, changed: Iterable[CheckId], *, all_open: bool = True
) -> Ledger:
    """Return the ledger after opening and closing incidents of the checks in `changed`.

    With `all_open`, the incidents of all other checks are examined too: of a new master, and after
    checks were removed or disabled.  Without it, the cost depends on `changed` alone.
    """
    examined = set(changed)
    if not all_open and not examined:
        return ledger
    document, sequence = inputs.document, ledger.last_sequence
    incidents, outbox = list(ledger.incidents), list(ledger.outbox)
    if all_open:
        by_check = {i.check: i for i in incidents}
        gone = [i for i in by_check if not _is_watched(document, i)]
        for ident in sorted(gone):
            sequence += 1
            outbox = close(by_check.pop(ident), outbox, inputs, sequence)
        incidents = [by_check[i] for i in sorted(by_check)]
        examined |= by_check.keys()
    for ident in sorted(examined):
        check = document.check(ident)
        if check is None or not check.enabled:
            continue
        place = bisect_left(incidents, ident, key=_check_of)
        found = place < len(incidents) and incidents[place].check == ident
        state = inputs.verdicts.undisputed(ident)
        if state is State.DOWN and not found:
            sequence += 1
            incident = new_incident(check, inputs, sequence)
            incidents.insert(place, incident)
            outbox += deliveries(NoticeKind.DOWN, incident, inputs, sequence)
        elif state is State.UP and found:
            sequence += 1
            outbox += deliveries(NoticeKind.RECOVERED, incidents.pop(place), inputs, sequence)
    if sequence == ledger.last_sequence:
        return ledger
    return evolve(ledger, sequence=sequence, incidents=tuple(incidents), outbox=tuple(outbox))


def _is_watched(document: ClusterDocument, ident: CheckId) -> bool:
    check = document.check(ident)
    return check is not None and check.enabled


def _check_of(incident: Incident) -> CheckId:
    return incident.check


def channels_of(document: ClusterDocument, check: Check) -> tuple[Channel, ...]:
    """Return the enabled channels of a check: the default ones and those that it names."""
    return tuple(
        channel
        for channel in document.channels
        if channel.enabled
        and not isinstance(channel, UnknownChannel)
        and (channel.default or channel.name in check.alerts)
    )


def channel_ids_of(document: ClusterDocument, check: Check | None) -> tuple[ChannelId, ...]:
    """Return the ids of a check's channels; none if the check was removed."""
    return () if check is None else tuple(channel.id for channel in channels_of(document, check))


def new_incident(check: Check, inputs: NoticeInputs, sequence: int) -> Incident:
    """Return the incident of a check that went DOWN."""
    incident = Incident(
        id=IncidentId(f"{check.id}-{inputs.series}{sequence}"),
        check=check.id,
        check_name=check.name,
        since_unix=inputs.wall,
        term=inputs.term,
        edited=None if inputs.verdicts.was_up(check) else inputs.document.edit_of_check(check.id),
    )
    if not may_use(CLOSED_NOTICES, inputs.document):
        return incident
    channels = tuple(channel.id for channel in channels_of(inputs.document, check))
    return evolve(incident, target=check.target, channels=channels)


def deliveries(
    kind: NoticeKind,
    incident: Incident,
    inputs: NoticeInputs,
    sequence: int,
    ending: Ending | None = None,
) -> list[Delivery]:
    """Return one notice about an incident, for each of its channels."""
    check = inputs.document.check(incident.check)
    target, channels = incident.target, incident.channels
    if channels is None:  # opened by an older version, or beside one
        channels = channel_ids_of(inputs.document, check)
    if target is None:
        target = "" if check is None else check.target
    ended = kind is not NoticeKind.DOWN and may_use(MEASURED_DURATIONS, inputs.document)
    notice = Notice(
        id=NoticeId(f"{incident.id}.{kind.value}"),
        kind=kind,
        incident=incident.id,
        check=incident.check,
        check_name=incident.check_name,
        target=target,
        term=inputs.term,
        sequence=sequence,
        since_unix=incident.since_unix,
        at_unix=inputs.wall,
        evidence=inputs.verdicts.evidence(incident.check, inputs.document, inputs.now),
        minority=inputs.minority,
        lasted_s=inputs.ages.lasted(incident.id, inputs.now) if ended else None,
        ending=ending,
        edited=incident.edited,
    )
    return [Delivery(notice=notice, channel=channel) for channel in channels]


def close(
    incident: Incident, outbox: list[Delivery], inputs: NoticeInputs, sequence: int
) -> list[Delivery]:
    """Return the outbox after the check of an incident was disabled or removed."""
    if not may_use(CLOSED_NOTICES, inputs.document):
        return [d for d in outbox if d.notice.check != incident.check]
    unattempted = {
        d.channel for d in outbox if d.notice.incident == incident.id and not inputs.tried(d.key)
    }
    kept = [d for d in outbox if d.notice.incident != incident.id]
    if incident.channels is None:
        return kept  # an older version did not record which channels it has
    attempted = tuple(c for c in incident.channels if c not in unattempted)
    ending = _ending(incident.check, inputs)
    known = evolve(incident, channels=attempted)
    return kept + deliveries(NoticeKind.CLOSED, known, inputs, sequence, ending)


def _ending(check: CheckId, inputs: NoticeInputs) -> Ending:
    stays = inputs.document.check(check) is not None
    return Ending(
        how=Stopping.DISABLED if stays else Stopping.REMOVED,
        by=_who_ended(check, inputs.document),
        last_state=inputs.verdicts.last_states.get(check, State.DOWN),
    )


def _who_ended(check: CheckId, document: ClusterDocument) -> str:
    """Return who disabled or removed a check, as text; empty if the document does not say."""
    edit = document.edit_of_check(check)
    return "" if edit is None else author_text(edit)

"""What goes into a notice, and to which channels it goes.

The channels and the words of an incident are fixed when it opens, so that whoever was told of its
beginning is told of its end, whatever is edited meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from qutrio.core.alerting.ages import IncidentAges
from qutrio.model.channels import Channel, UnknownChannel
from qutrio.model.ids import ChannelId, IncidentId, Instant, NodeId, NoticeId, Term, UnixTime
from qutrio.model.incidents import Delivery, DeliveryKey, Ending, Incident, Notice, NoticeKind
from qutrio.model.levels import CLOSED_NOTICES, MEASURED_DURATIONS, may_use

if TYPE_CHECKING:
    from collections.abc import Callable

    from qutrio.core.checks.verdicts import Verdicts
    from qutrio.model.checks import Check
    from qutrio.model.document import ClusterDocument


def channels_of(document: ClusterDocument, check: Check) -> tuple[Channel, ...]:
    """Return the enabled channels of a check: the default ones and those it names."""
    return tuple(
        channel
        for channel in document.channels
        if channel.enabled
        and not isinstance(channel, UnknownChannel)
        and (channel.default or channel.name in check.alerts)
    )


def assume_attempted(_: DeliveryKey) -> bool:
    """Take every delivery for one that may have been attempted."""
    return True


@frozen(kw_only=True)
class NoticeInputs:
    """What the master knows at the moment it brings the ledger up to date.

    The leader of a minority counts incidents of a `series` of its own, so that their ids are
    nobody else's, and says in `minority` how many members hear each other.  `tried` tells whether
    this node ever began to attempt a delivery that is not known to have been made.  `live` are
    the members that it hears, itself included.
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


def new_incident(check: Check, inputs: NoticeInputs, sequence: int) -> Incident:
    """Return the incident of a check that went down."""
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
    """Return the notice of what happened to an incident, for each of its channels."""
    check = next((c for c in inputs.document.checks if c.id == incident.check), None)
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


def channel_ids_of(document: ClusterDocument, check: Check | None) -> tuple[ChannelId, ...]:
    """Return the ids of a check's channels; none of a check that is gone."""
    return () if check is None else tuple(channel.id for channel in channels_of(document, check))

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


def attached(document: ClusterDocument, check: Check) -> tuple[Channel, ...]:
    """Return the enabled channels of a check: the default ones and those it names."""
    return tuple(
        channel
        for channel in document.channels
        if channel.enabled
        and not isinstance(channel, UnknownChannel)
        and (channel.default or channel.name in check.alerts)
    )


def perhaps(_: DeliveryKey) -> bool:
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
    tried: Callable[[DeliveryKey], bool] = perhaps
    live: frozenset[NodeId] = frozenset()


def opened(check: Check, scene: NoticeInputs, sequence: int) -> Incident:
    """Return the incident of a check that went down."""
    incident = Incident(
        id=IncidentId(f"{check.id}-{scene.series}{sequence}"),
        check=check.id,
        check_name=check.name,
        since_unix=scene.wall,
        term=scene.term,
        edited=None if scene.verdicts.seen_up(check) else scene.document.edit_of_check(check.id),
    )
    if not may_use(CLOSED_NOTICES, scene.document):
        return incident
    channels = tuple(channel.id for channel in attached(scene.document, check))
    return evolve(incident, target=check.target, channels=channels)


def deliveries(
    kind: NoticeKind,
    incident: Incident,
    scene: NoticeInputs,
    sequence: int,
    ending: Ending | None = None,
) -> list[Delivery]:
    """Return the notice of what happened to an incident, for each of its channels."""
    check = next((c for c in scene.document.checks if c.id == incident.check), None)
    target, channels = incident.target, incident.channels
    if channels is None:  # opened by an older version, or beside one
        channels = audience(scene.document, check)
    if target is None:
        target = "" if check is None else check.target
    ended = kind is not NoticeKind.DOWN and may_use(MEASURED_DURATIONS, scene.document)
    notice = Notice(
        id=NoticeId(f"{incident.id}.{kind.value}"),
        kind=kind,
        incident=incident.id,
        check=incident.check,
        check_name=incident.check_name,
        target=target,
        term=scene.term,
        sequence=sequence,
        since_unix=incident.since_unix,
        at_unix=scene.wall,
        evidence=scene.verdicts.evidence(incident.check, scene.document, scene.now),
        minority=scene.minority,
        lasted_s=scene.ages.lasted(incident.id, scene.now) if ended else None,
        ending=ending,
        edited=incident.edited,
    )
    return [Delivery(notice=notice, channel=channel) for channel in channels]


def audience(document: ClusterDocument, check: Check | None) -> tuple[ChannelId, ...]:
    """Return the ids of a check's channels; none of a check that is gone."""
    return () if check is None else tuple(channel.id for channel in attached(document, check))

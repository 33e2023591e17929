"""The notices that opened and closed incidents require, and those that may be dropped."""

from attrs import frozen

from qutrio.model.channels import Channel, UnknownChannel
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import ChannelId, CheckId, IncidentId, NoticeId
from qutrio.model.incidents import ENDS, Delivery, Ledger, NoticeKind
from qutrio.model.levels import CLOSED_NOTICES, may_use


def audience(document: ClusterDocument, ident: CheckId) -> set[ChannelId]:
    """Return the channels for a check's notices: enabled, known, and default or named by it."""
    check = next((c for c in document.checks if c.id == ident), None)
    named: tuple[str, ...] = check.alerts if check is not None else ()

    def listens(channel: Channel) -> bool:
        known = channel.enabled and not isinstance(channel, UnknownChannel)
        return known and (channel.default or channel.name in named)

    return {c.id for c in document.channels if listens(c)}


@frozen(kw_only=True)
class Flip:
    """A notice that must be written when an incident opens or closes."""

    incident: IncidentId
    kind: NoticeKind
    check: CheckId
    channels: tuple[ChannelId, ...] | None

    @property
    def notice(self) -> NoticeId:
        """The id of the notice."""
        return NoticeId(f"{self.incident}.{self.kind.value}")


def flips(before: Ledger, after: Ledger, documents: tuple[ClusterDocument, ...]) -> list[Flip]:
    """Return the notices that must be written for the incidents that opened and closed."""
    was, now = ({i.id: i for i in ledger.incidents} for ledger in (before, after))
    watched = [{c.id for c in document.checks if c.enabled} for document in documents]
    found = [(incident, NoticeKind.DOWN) for i, incident in now.items() if i not in was]
    for ident, incident in was.items():
        seen = [incident.check in ids for ids in watched]
        if ident not in now and all(seen):
            found.append((incident, NoticeKind.RECOVERED))
        elif ident not in now and not any(seen) and incident.channels is not None:
            found.append((incident, NoticeKind.CLOSED))
    return [Flip(incident=i.id, kind=kind, check=i.check, channels=i.channels) for i, kind in found]


def optional(
    before: Ledger, after: Ledger, documents: tuple[ClusterDocument, ...]
) -> set[NoticeId]:
    """Return the notices of an end that may be written, because the check was disabled meanwhile.

    One write may contain both the end of an outage and the change that disables its check.
    """
    open_ = {i.id for i in after.incidents}
    watched = [{c.id for c in document.checks if c.enabled} for document in documents]
    return {
        NoticeId(f"{i.id}.{kind.value}")
        for i in before.incidents
        for kind in (NoticeKind.RECOVERED, NoticeKind.CLOSED)
        if i.id not in open_ and len({i.check in ids for ids in watched}) > 1
    }


def obsolete(delivery: Delivery, documents: tuple[ClusterDocument, ...], *, owed: bool) -> bool:
    """Return whether either of these documents makes a delivery obsolete.

    `owed` says that the channel got the notice of the outage, so that it must get that of the end.
    """
    fixed = owed and delivery.notice.kind in ENDS
    for document in documents:
        channels = {c.id: c.enabled for c in document.channels}
        listens = channels.get(delivery.channel, fixed and may_use(CLOSED_NOTICES, document))
        several = delivery.notice.unseen is not None
        watched = several or delivery.notice.check in {c.id for c in document.checks if c.enabled}
        ends = delivery.notice.kind in ENDS and may_use(CLOSED_NOTICES, document)
        if not listens or not (watched or ends):
            return True
    return False

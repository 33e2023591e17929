"""Applying a change to a document, and the refusals common to all kinds of change."""

from typing import Protocol

from attrs import evolve

from qutrio.core.api.mutations import Refusal
from qutrio.errors import InvalidValueError
from qutrio.model.channels import Channel, UnknownChannel
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import ChannelId, UnixTime
from qutrio.model.incidents import ENDS, Ledger
from qutrio.model.levels import CLOSED_NOTICES, LEVEL, may_use, needed


class Change(Protocol):
    """Turns one document into the next: a mutation, or a change that the master makes itself."""

    def apply(self, document: ClusterDocument, wall: UnixTime) -> ClusterDocument | Refusal:
        """Return the document with the change; raises `InvalidValueError`."""


def apply(mutation: Change, document: ClusterDocument, wall: UnixTime) -> ClusterDocument | Refusal:
    """Apply a mutation; refuse one that needs a higher level or breaks a rule of the model."""
    try:
        return level_refusal(mutation, document) or mutation.apply(document, wall)
    except InvalidValueError as error:
        return Refusal(str(error))


def level_refusal(mutation: Change, document: ClusterDocument) -> Refusal | None:
    """Refuse a mutation that some member's program would not understand."""
    if document.level >= LEVEL or (level := needed(mutation)) <= document.level:
        return None
    return Refusal(
        f"this needs level {level} and the cluster runs level {document.level}: it rises when all"
        " nodes run a version that knows it; see 'qutrio status'"
    )


def keep_former(ledger: Ledger, before: ClusterDocument, after: ClusterDocument) -> Ledger:
    """Return the ledger to write with `after`: it keeps removed channels of `before` if needed.

    A channel is kept as long as it must still be told the end of an incident.
    """
    if not may_use(CLOSED_NOTICES, after):
        return ledger
    there = {c.id for c in after.channels}
    wanted = {d.channel for d in ledger.outbox if d.notice.kind in ENDS} - there
    for incident in ledger.incidents:
        wanted.update(c for c in incident.channels or () if c not in there)
    wanted.update(u.channel for u in ledger.unseen if u.channel not in there)
    known: dict[ChannelId, Channel] = {c.id: c for c in (*ledger.former, *before.channels)}
    former = tuple(
        channel
        for ident in sorted(wanted)
        if (channel := known.get(ident)) is not None
        and channel.enabled
        and not isinstance(channel, UnknownChannel)
    )
    return ledger if former == ledger.former else evolve(ledger, former=former)

"""Filters the changes of a hand edit: those still needed, and those that deserve a warning."""

from collections.abc import Iterator

from qutrio.core.api.draft import same_check
from qutrio.core.api.mutations import (
    Batch,
    Mutation,
    PutChannel,
    PutCheck,
    PutMember,
    PutSettings,
    RemoveChannel,
    RemoveCheck,
)
from qutrio.model.channels import odd_port_words
from qutrio.model.checks import slow_warning
from qutrio.model.document import ClusterDocument
from qutrio.model.members import lonely_words

WARNINGS_MAX = 10


def still_needed(changes: Batch, document: ClusterDocument) -> Batch:
    """Return the changes that the document does not contain already.

    A file that is saved twice before the first edit was written back repeats that edit.
    """
    items = {i.id: i for i in (*document.members, *document.channels)}
    checks = {c.id: c for c in document.checks}

    def done(change: Mutation) -> bool:
        match change:
            case PutCheck(check=check):
                return same_check(check, checks.get(check.id))
            case RemoveCheck(expect=gone) | RemoveChannel(expect=gone):
                return gone.id not in checks.keys() | items.keys()
            case PutChannel(channel=item) | PutMember(member=item):
                return items.get(item.id) == item
            case PutSettings(settings=settings):
                return document.settings == settings
            case _:
                return False

    return Batch(mutations=tuple(c for c in changes.mutations if not done(c)))


def warnings_of(changes: Batch, document: ClusterDocument) -> list[str]:
    """Return what to warn of in what an edit of `document` adds or changes."""
    told = ((label, words) for c in changes.mutations for label, words in _odd(c, document))
    return [f"{label}: {words}" for label, words in told if words][:WARNINGS_MAX]


def _odd(change: Mutation, document: ClusterDocument) -> Iterator[tuple[str, str]]:
    match change:
        case PutCheck(check=check) if check.enabled:
            yield f"check {check.name!r}", slow_warning(check)
        case PutChannel(channel=channel):
            yield f"channel {channel.name!r}", odd_port_words(channel)
        case PutMember(member=member, expect=was) if member.address != was.address:
            yield f"member {member.name!r}", lonely_words(member, document.members)
        case _:
            return

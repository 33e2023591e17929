"""Filters the changes of a hand edit: those still needed, and those that deserve a warning."""

from qutrio.core.api.mutations import (
    Batch,
    Mutation,
    PutChannel,
    PutCheck,
    PutMember,
    PutSettings,
    RemoveChannel,
    RemoveCheck,
    same_check,
)
from qutrio.model.checks import slow_warning
from qutrio.model.document import ClusterDocument

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


def slow_checks(changes: Batch) -> list[str]:
    """Return warnings about the checks that an edit adds or changes."""
    puts = [c.check for c in changes.mutations if isinstance(c, PutCheck) and c.check.enabled]
    slow = ((check.name, slow_warning(check)) for check in puts)
    return [f"check {name!r}: {words}" for name, words in slow if words][:WARNINGS_MAX]

"""Of what a hand edit asks for: what the cluster lacks still, and what is seldom meant."""

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
from qutrio.model.checks import slow_words
from qutrio.model.document import ClusterDocument

WARNINGS_MAX = 10


def still_needed(changes: Batch, document: ClusterDocument) -> Batch:
    """Return the changes that the document does not hold already.

    Who saves twice before the first edit was written back repeats it in the second.
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
    """Return what to warn of in the checks that an edit adds or changes."""
    puts = [c.check for c in changes.mutations if isinstance(c, PutCheck) and c.check.enabled]
    slow = ((check.name, slow_words(check)) for check in puts)
    return [f"check {name!r}: {words}" for name, words in slow if words][:WARNINGS_MAX]

"""Applying a change to a document: what is refused whatever kind of change it is."""

from typing import Protocol

from qutrio.core.mutations import Refusal
from qutrio.errors import InvalidValueError
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import UnixTime
from qutrio.model.levels import LEVEL, needed


class Change(Protocol):
    """What turns one document into the next: a mutation, or a change that a master makes itself."""

    def apply(self, document: ClusterDocument, wall: UnixTime) -> ClusterDocument | Refusal:
        """Return the document with the change; raises `InvalidValueError`."""


def apply(mutation: Change, document: ClusterDocument, wall: UnixTime) -> ClusterDocument | Refusal:
    """Apply a mutation.

    What needs a higher feature level, or breaks a rule of the model, is a refusal too.
    """
    try:
        return beyond(mutation, document) or mutation.apply(document, wall)
    except InvalidValueError as error:
        return Refusal(str(error))


def beyond(mutation: Change, document: ClusterDocument) -> Refusal | None:
    """Refuse what some member's program would not understand."""
    if document.level >= LEVEL or (level := needed(mutation)) <= document.level:
        return None
    return Refusal(
        f"this needs level {level} and the cluster runs level {document.level}: it rises when all"
        " nodes run a version that knows it; see 'qutrio status'"
    )

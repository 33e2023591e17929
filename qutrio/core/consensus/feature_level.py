"""Raising the feature level: the master's own change, once every member's program is new enough.

Not a `Mutation`: nobody can propose it, neither by a message nor in a hand edit.
"""

from attrs import evolve, frozen

from qutrio.core.api.mutations import Refusal
from qutrio.core.consensus.announcements import Announcements
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import NodeId, UnixTime


@frozen(kw_only=True)
class RaiseLevel:
    """Let the cluster use `level`, which each of `members` announced."""

    level: int
    members: frozenset[NodeId]

    def apply(self, document: ClusterDocument, wall: UnixTime) -> ClusterDocument | Refusal:
        """Return the document with the level."""
        del wall
        if not document.ids <= self.members:
            return Refusal("a node joined that has not said yet which level it runs")
        return evolve(document, level=max(self.level, document.level))


def rise(document: ClusterDocument, announcements: Announcements) -> RaiseLevel | None:
    """Return the change that is due, if the members can do more than the document says."""
    common = announcements.common(document)
    if common <= document.level:
        return None
    return RaiseLevel(level=common, members=document.ids)


def follows(document: ClusterDocument, committed: ClusterDocument, known: int) -> bool:
    """Tell whether a document may come after the committed one, by its level.

    A level never falls once a majority has it, and `known` is the highest that this program
    could keep without losing what it does not understand.
    """
    return committed.level <= document.level <= max(known, committed.level)

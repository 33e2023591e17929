"""Raising the feature level: the master does it when every member's program is new enough.

It is not a `Mutation`: no message and no hand edit can propose it.
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
    """Return the change that is due, if all members know a higher level than the document's."""
    common = announcements.common(document)
    if common <= document.level:
        return None
    return RaiseLevel(level=common, members=document.ids)


def follows(document: ClusterDocument, committed: ClusterDocument, known: int) -> bool:
    """Return whether the level of a document allows it to follow the committed one.

    A level never falls once a majority has it.  `known` is the highest level that this program
    can store without losing fields that it does not know.
    """
    return committed.level <= document.level <= max(known, committed.level)

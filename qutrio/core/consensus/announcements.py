"""Announcements: which feature level each member's program knows, as it said itself.

Theory of operation.  Every hello and every heartbeat says it, and the last word counts: a
member that was downgraded says less than before.  What was said is kept in memory, by every
node from its start on, and as long as the speaker is a member, living or not.  It is not kept
in the document, because there it would go stale: a member may come back as an older program
while nobody writes.  So after a restart of the master the level waits until every member was
heard once more, which does no harm; and one that is downgraded after its last word meets a
level above its own, and is refused with the reason, by every member that it talks to.
"""

from attrs import define, field

from qutrio.model.document import ClusterDocument
from qutrio.model.ids import NodeId
from qutrio.model.levels import LEVEL, can_belong


@define
class Announcements:
    """The levels that the other members announced.  `mine` is what this program knows."""

    me: NodeId
    mine: int = LEVEL
    _announced: dict[NodeId, int] = field(factory=dict)

    def record(self, node: NodeId, level: int) -> bool:
        """Note what a node's program knows; tell whether that is new."""
        new = self._announced.get(node) != level
        self._announced[node] = level
        return new

    def keep(self, members: frozenset[NodeId]) -> None:
        """Forget nodes that are not in `members`."""
        for gone in self._announced.keys() - members:
            del self._announced[gone]

    def of(self, node: NodeId) -> int | None:
        """Return what a member announced, None before it did."""
        return self.mine if node == self.me else self._announced.get(node)

    def too_old(self, node: NodeId, document: ClusterDocument) -> bool:
        """Tell whether a member said that it does not know what the document may use."""
        return not can_belong(self._announced.get(node, document.level), document)

    def common(self, document: ClusterDocument) -> int:
        """Return the highest level that every member announced; 0 while one was not heard."""
        return min(self.of(member) or 0 for member in document.ids)

    def holding_back(self, document: ClusterDocument) -> tuple[NodeId, ...]:
        """Return the members for whose sake the document's level is below this program's."""
        if document.level >= self.mine:
            return ()
        return tuple(m.id for m in document.members if (self.of(m.id) or 0) < self.mine)

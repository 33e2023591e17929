"""Announcements: the feature level that each member's program knows, as it said itself.

Theory of operation.  Every hello and every heartbeat carries the level, and the last one counts: a
member that was downgraded announces less than before.  Every node keeps the levels in memory, from
its start, for all members, alive or not.  They are not in the document, where they would go stale:
a member may come back with an older program while no node writes.  So after a restart of the master
the level is not raised until every member was heard again, which does no harm.  A member that is
downgraded later runs below the cluster's level, and every member refuses it with the reason.
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
        """Record a node's level; return whether it is new."""
        new = self._announced.get(node) != level
        self._announced[node] = level
        return new

    def forget_strangers(self, members: frozenset[NodeId]) -> None:
        """Forget nodes that are not in `members`."""
        for gone in self._announced.keys() - members:
            del self._announced[gone]

    def of(self, node: NodeId) -> int | None:
        """Return the level that a member announced, or None."""
        return self.mine if node == self.me else self._announced.get(node)

    def too_old(self, node: NodeId, document: ClusterDocument) -> bool:
        """Return whether a member announced a level too low for the document."""
        return not can_belong(self._announced.get(node, document.level), document)

    def common(self, document: ClusterDocument) -> int:
        """Return the highest level that all members know; 0 if one has not announced its own."""
        return min(self.of(member) or 0 for member in document.ids)

    def holding_back(self, document: ClusterDocument) -> tuple[NodeId, ...]:
        """Return the members that keep the document's level below this program's."""
        if document.level >= self.mine:
            return ()
        return tuple(m.id for m in document.members if (self.of(m.id) or 0) < self.mine)

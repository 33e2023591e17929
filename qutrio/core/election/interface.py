"""What every election engine sees and promises."""

from collections.abc import Mapping
from typing import Protocol

from qutrio.model.frozen import frozen
from qutrio.model.ids import NodeId, Seconds


@frozen
class Electorate:
    """The members as one node sees them at one moment.

    `able` are the living voters that see a majority and can write their disk, this node
    included if it can.  `incumbent` is the node that was heard acting within `dead_after`,
    from its own mouth; it may be this node.  `streaks` says for how many seconds each living
    voter has been heard without a gap.
    """

    me: NodeId
    able: frozenset[NodeId]
    incumbent: NodeId | None
    streaks: Mapping[NodeId, Seconds]


class Engine(Protocol):
    """Chooses one leader.  Pure: the same electorate gives the same answer."""

    def choice(self, electorate: Electorate) -> NodeId | None:
        """Return the member that should lead, or None while nobody can."""
        ...

    def successor(self, electorate: Electorate, cooldown: Seconds) -> NodeId | None:
        """Return the member to which this node, the incumbent, should hand over, if any."""
        ...

    def heir(self, electorate: Electorate) -> NodeId | None:
        """Return the member that should lead when this node leaves, if any."""
        ...

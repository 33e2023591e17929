"""By how much each peer's wall clock differs from this node's: shown, warned of, decides nothing.

Wall time is for people.  A clock that is off changes no vote and no role; but the moments in an
alert are then wrong, and tokens end early or late, so somebody should know.
"""

from collections.abc import Set as AbstractSet

from attrs import define, field

from qutrio.core.effects import Effect, Note
from qutrio.model.ids import NodeId, Seconds

SKEW_S_MIN: Seconds = 10.0
"""From here on a difference is worth a warning; a slow link may make it look larger."""


@define
class WallClocks:
    """The newest difference of every peer, in seconds: above 0 when the peer is ahead."""

    skew: dict[NodeId, Seconds] = field(factory=dict)
    _warned: set[NodeId] = field(factory=set)

    def heard(self, node: NodeId, skew: Seconds) -> list[Effect]:
        """Take in a difference; warn once of one that is large, and once when it is over."""
        self.skew[node] = skew
        off = abs(skew)
        if node not in self._warned:
            if off < SKEW_S_MIN:
                return []
            self._warned.add(node)
            return [Note("wall clocks differ", (("node", node), ("ahead_s", f"{skew:.0f}")))]
        if off >= SKEW_S_MIN / 2:
            return []
        self._warned.discard(node)
        return [Note("wall clocks agree again", (("node", node),))]

    def keep(self, members: AbstractSet[NodeId]) -> None:
        """Forget everybody who is not in `members`."""
        for stranger in self.skew.keys() - members:
            del self.skew[stranger]
            self._warned.discard(stranger)

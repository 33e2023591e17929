"""Recency: who was last met less than a while ago.  Asked far more often than it changes."""

from attrs import define, field

from qutrio.model.ids import FOREVER, Instant, NodeId, Seconds


@define
class Recency:
    """Remembers one moment for each node, and the last answer for as long as it must be right.

    Moments only grow, so the answer stands until the oldest one in it is too old, or until
    somebody comes who is not in it.
    """

    _moments: dict[NodeId, Instant] = field(factory=dict)
    _recent: frozenset[NodeId] = frozenset()
    _oldest: Instant = FOREVER
    _limit: Seconds | None = None
    """The limit that the last answer is for; None when it may be wrong."""

    def note(self, node: NodeId, at: Instant) -> None:
        """Note that `node` was met at `at`; an older moment than the one known is ignored."""
        if at >= self._moments.get(node, at):
            self._moments[node] = at
        if node not in self._recent:
            self._limit = None

    def forget(self, node: NodeId) -> None:
        """Forget a node, if it is known."""
        if self._moments.pop(node, None) is not None:
            self._limit = None

    def within(self, limit: Seconds, now: Instant) -> frozenset[NodeId]:
        """Return whoever was met less than `limit` seconds ago: the same object if the same."""
        if limit == self._limit and now - self._oldest < limit:
            return self._recent
        recent = frozenset(n for n, at in self._moments.items() if now - at < limit)
        self._limit = limit
        self._oldest = min((self._moments[n] for n in recent), default=FOREVER)
        if recent != self._recent:
            self._recent = recent
        return self._recent

    def lasts_until(self, limit: Seconds, now: Instant) -> Instant:
        """Return up to when `within` answers the same, unless somebody comes, goes or is met."""
        recent = self.within(limit, now)
        self._oldest = min((self._moments[n] for n in recent), default=FOREVER)
        return Instant(self._oldest + limit)

    def known(self) -> list[NodeId]:
        """Return everybody with a moment, however old."""
        return list(self._moments)

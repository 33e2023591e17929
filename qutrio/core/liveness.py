"""Who is alive: whose last word is younger than `dead_after`, and since when without a gap."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from attrs import define, field

from qutrio.model.ids import Instant, NodeId, Seconds


@define
class Liveness:
    """Remembers the last word of every peer, and the beginning of its unbroken streak.

    All moments are this node's own.  A gap of `dead_after` or more restarts a streak.
    """

    _last: dict[NodeId, Instant] = field(factory=dict)
    _since: dict[NodeId, Instant] = field(factory=dict)

    def heard(self, node: NodeId, now: Instant, dead_after: Seconds) -> None:
        """Note a word from `node`."""
        if not self.alive(node, now, dead_after):
            self._since[node] = now
        self._last[node] = now

    def left(self, node: NodeId) -> None:
        """Note that `node` said farewell."""
        self._since.pop(node, None)

    def keep(self, members: AbstractSet[NodeId]) -> None:
        """Forget everybody who is not in `members`."""
        for stranger in [n for n in self._last if n not in members]:
            self.left(stranger)
            del self._last[stranger]

    def alive(self, node: NodeId, now: Instant, dead_after: Seconds) -> bool:
        """Tell whether the last word of `node` is younger than `dead_after` seconds."""
        last = self._last.get(node)
        return last is not None and node in self._since and now - last < dead_after

    def live(self, nodes: Iterable[NodeId], now: Instant, dead_after: Seconds) -> frozenset[NodeId]:
        """Return those of `nodes` that are alive."""
        return frozenset(n for n in nodes if self.alive(n, now, dead_after))

    def streak(self, node: NodeId, now: Instant, dead_after: Seconds) -> Seconds:
        """Return for how many seconds `node` has been alive without a gap; 0 when it is not."""
        return now - self._since[node] if self.alive(node, now, dead_after) else 0.0

    def last_heard(self, node: NodeId) -> Instant | None:
        """Return the moment of the last word, or None for one never heard."""
        return self._last.get(node)

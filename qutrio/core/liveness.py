"""Who is alive: whose last word is younger than `dead_after`, and since when without a gap."""

from collections.abc import Set as AbstractSet

from attrs import define, field

from qutrio.core.recency import Recency
from qutrio.model.ids import Instant, NodeId, Seconds


@define
class Liveness:
    """Remembers the last word of every peer, and the beginning of its unbroken streak.

    All moments are this node's own.  A gap of `dead_after` or more restarts a streak.
    """

    _last: dict[NodeId, Instant] = field(factory=dict)
    _since: dict[NodeId, Instant] = field(factory=dict)
    _words: Recency = field(factory=Recency)
    """The last words of those who did not say farewell."""

    def heard(self, node: NodeId, now: Instant, dead_after: Seconds) -> bool:
        """Note a word from `node`; tell whether a streak begins with it."""
        begins = node not in self._words.within(dead_after, now)
        if begins:
            self._since[node] = now
        self._last[node] = now
        self._words.note(node, now)
        return begins

    def left(self, node: NodeId) -> None:
        """Note that `node` said farewell."""
        self._since.pop(node, None)
        self._words.forget(node)

    def keep(self, members: AbstractSet[NodeId]) -> None:
        """Forget everybody who is not in `members`."""
        for stranger in [n for n in self._last if n not in members]:
            self.left(stranger)
            del self._last[stranger]

    def alive(self, node: NodeId, now: Instant, dead_after: Seconds) -> bool:
        """Tell whether the last word of `node` is younger than `dead_after` seconds."""
        return node in self._words.within(dead_after, now)

    def living(self, now: Instant, dead_after: Seconds) -> frozenset[NodeId]:
        """Return everybody who is alive: the same object while they are the same."""
        return self._words.within(dead_after, now)

    def settled_until(self, now: Instant, dead_after: Seconds, ripe: Seconds) -> Instant:
        """Return up to when, without a word, all streaks stay and none gets `ripe` seconds old."""
        dies = self._words.lasts_until(dead_after, now)
        streaks = [self._since[n] for n in self._words.within(dead_after, now)]
        return min([dies, *(Instant(at + ripe) for at in streaks if now - at < ripe)])

    def streak(self, node: NodeId, now: Instant, dead_after: Seconds) -> Seconds:
        """Return for how many seconds `node` has been alive without a gap; 0 when it is not."""
        return now - self._since[node] if self.alive(node, now, dead_after) else 0.0

    def last_heard(self, node: NodeId) -> Instant | None:
        """Return the moment of the last word, or None for one never heard."""
        return self._last.get(node)

"""When heartbeats leave, and whose answers came back: the two-way contact of a node."""

from collections.abc import Set as AbstractSet

from attrs import define, field

from qutrio.model.ids import Instant, NodeId, Seconds

HEARTBEATS_REMEMBERED_MAX = 4096


@define
class Cadence:
    """Numbers heartbeats and remembers when each left, for as long as its answer can count."""

    next_beat: Instant
    _number: int = 0
    _sent: dict[int, Instant] = field(factory=dict)
    _answered: dict[NodeId, Instant] = field(factory=dict)

    def beat(self, now: Instant, dead_after: Seconds) -> int:
        """Begin a heartbeat and return its number."""
        self._number += 1
        self._sent[self._number] = now
        while self._sent:
            oldest = next(iter(self._sent))
            full = len(self._sent) > HEARTBEATS_REMEMBERED_MAX
            if not full and now - self._sent[oldest] < dead_after:
                break
            del self._sent[oldest]
        return self._number

    def answer(self, node: NodeId, number: int) -> Instant | None:
        """Note an answer; return when that heartbeat left, or None if that is too long ago."""
        sent = self._sent.get(number)
        if sent is not None:
            self._answered[node] = max(sent, self._answered.get(node, sent))
        return sent

    def contacts(self, now: Instant, dead_after: Seconds) -> frozenset[NodeId]:
        """Return whoever answered a heartbeat that left within the last `dead_after` seconds."""
        return frozenset(n for n, at in self._answered.items() if now - at < dead_after)

    def left(self, node: NodeId) -> None:
        """Forget a node that said farewell."""
        self._answered.pop(node, None)

    def keep(self, members: AbstractSet[NodeId]) -> None:
        """Forget everybody who is not in `members`."""
        for stranger in [n for n in self._answered if n not in members]:
            self.left(stranger)

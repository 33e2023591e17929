"""When heartbeats leave, and whose answers came back: the two-way contact of a node."""

from collections.abc import Set as AbstractSet

from attrs import define, field

from qutrio.core.recency import Recency
from qutrio.model.ids import Instant, NodeId, Seconds

HEARTBEATS_REMEMBERED_MAX = 4096


@define
class Cadence:
    """Numbers heartbeats and remembers when each left, for as long as its answer can count."""

    next_beat: Instant
    _number: int = 0
    _sent: dict[int, Instant] = field(factory=dict)
    _answered: Recency = field(factory=Recency)
    _heard: dict[NodeId, int] = field(factory=dict)

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
            self._answered.note(node, sent)
        return sent

    def sent_at(self, number: int) -> Instant | None:
        """Return when that heartbeat left, or None if that is too long ago or never was."""
        return self._sent.get(number)

    def hear(self, node: NodeId, number: int) -> None:
        """Note the number of another node's heartbeat."""
        self._heard[node] = number

    def last_heard(self, node: NodeId) -> int:
        """Return the number of a node's newest heartbeat, 0 when none was heard."""
        return self._heard.get(node, 0)

    def contacts(self, now: Instant, dead_after: Seconds) -> frozenset[NodeId]:
        """Return whoever answered a heartbeat that left within the last `dead_after` seconds."""
        return self._answered.within(dead_after, now)

    def settled_until(self, now: Instant, dead_after: Seconds) -> Instant:
        """Return up to when, without an answer, `contacts` stay as they are."""
        return self._answered.lasts_until(dead_after, now)

    def left(self, node: NodeId) -> None:
        """Forget a node that said farewell."""
        self._answered.forget(node)
        self._heard.pop(node, None)

    def keep(self, members: AbstractSet[NodeId]) -> None:
        """Forget everybody who is not in `members`."""
        known = {*self._answered.known(), *self._heard}
        for stranger in known - members:
            self.left(stranger)

"""Who was heard when: the newest message of each peer, its streak, and two-way contact.

A node is alive while its newest message is younger than `dead_after`.  It is in contact while it
answered a heartbeat that was sent within the last `dead_after`.
"""

from collections.abc import Set as AbstractSet

from attrs import define, field

from qutrio.model.ids import FOREVER, Instant, NodeId, Seconds


@define
class SeenWithin:
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


@define
class Liveness:
    """Remembers the last word of every peer, and the beginning of its unbroken streak.

    All moments are this node's own.  A gap of `dead_after` or more restarts a streak.
    """

    _last: dict[NodeId, Instant] = field(factory=dict)
    _since: dict[NodeId, Instant] = field(factory=dict)
    _words: SeenWithin = field(factory=SeenWithin)
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


HEARTBEATS_REMEMBERED_MAX = 4096


@define
class HeartbeatSchedule:
    """Numbers heartbeats and remembers when each left, for as long as its answer can count."""

    next_beat: Instant
    _number: int = 0
    _sent: dict[int, Instant] = field(factory=dict)
    _answered: SeenWithin = field(factory=SeenWithin)
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

"""Which peers are alive: when each was last heard, and which ones answered a heartbeat.

A node is alive while its newest message is younger than `dead_after`.  It is in contact while it
answered a heartbeat that was sent within the last `dead_after`.
"""

from collections.abc import Set as AbstractSet

from attrs import define, field

from qutrio.model.ids import FOREVER, Instant, NodeId, Seconds


@define
class SeenWithin:
    """A cache of the nodes that were seen within a time window.

    Times only grow, so the cached answer holds until its oldest entry expires, or until a node
    is seen that is not in it.
    """

    _seen_at: dict[NodeId, Instant] = field(factory=dict)
    _recent: frozenset[NodeId] = frozenset()
    _oldest: Instant = FOREVER
    _limit: Seconds | None = None
    """The limit of the cached answer; None when it is out of date."""

    def record(self, node: NodeId, at: Instant) -> None:
        """Record that `node` was seen at `at`; an older time than the known one is ignored."""
        if at >= self._seen_at.get(node, at):
            self._seen_at[node] = at
        if node not in self._recent:
            self._limit = None

    def forget(self, node: NodeId) -> None:
        """Forget a node, if it is known."""
        if self._seen_at.pop(node, None) is not None:
            self._limit = None

    def within(self, limit: Seconds, now: Instant) -> frozenset[NodeId]:
        """Return the nodes seen less than `limit` seconds ago: the same object if unchanged."""
        if limit == self._limit and now - self._oldest < limit:
            return self._recent
        recent = frozenset(n for n, at in self._seen_at.items() if now - at < limit)
        self._limit = limit
        self._oldest = min((self._seen_at[n] for n in recent), default=FOREVER)
        if recent != self._recent:
            self._recent = recent
        return self._recent

    def unchanged_until(self, limit: Seconds, now: Instant) -> Instant:
        """Return the time until which `within` cannot change, barring new events."""
        recent = self.within(limit, now)
        self._oldest = min((self._seen_at[n] for n in recent), default=FOREVER)
        return Instant(self._oldest + limit)

    def known(self) -> list[NodeId]:
        """Return every recorded node, however long ago it was seen."""
        return list(self._seen_at)


@define
class Liveness:
    """The last message of every peer, and the start of its streak: its time alive without a gap.

    All times are of this node's clock.  A gap of `dead_after` or more restarts a streak.
    """

    _last: dict[NodeId, Instant] = field(factory=dict)
    _since: dict[NodeId, Instant] = field(factory=dict)
    _heard: SeenWithin = field(factory=SeenWithin)
    """The last messages of the peers that did not say farewell."""

    def record(self, node: NodeId, now: Instant, dead_after: Seconds) -> bool:
        """Record a message from `node`; return whether a streak begins with it."""
        begins = node not in self._heard.within(dead_after, now)
        if begins:
            self._since[node] = now
        self._last[node] = now
        self._heard.record(node, now)
        return begins

    def forget(self, node: NodeId) -> None:
        """Forget a node that said farewell, but keep the time at which it was last heard."""
        self._since.pop(node, None)
        self._heard.forget(node)

    def forget_strangers(self, members: AbstractSet[NodeId]) -> None:
        """Forget nodes that are not in `members`."""
        for stranger in [n for n in self._last if n not in members]:
            self.forget(stranger)
            del self._last[stranger]

    def alive(self, node: NodeId, now: Instant, dead_after: Seconds) -> bool:
        """Return whether the last message of `node` is younger than `dead_after` seconds."""
        return node in self._heard.within(dead_after, now)

    def living(self, now: Instant, dead_after: Seconds) -> frozenset[NodeId]:
        """Return the nodes that are alive: the same object if unchanged."""
        return self._heard.within(dead_after, now)

    def unchanged_until(self, now: Instant, dead_after: Seconds, ripe: Seconds) -> Instant:
        """Return until when, without a message, no streak ends and none gets `ripe` seconds old."""
        dies = self._heard.unchanged_until(dead_after, now)
        streaks = [self._since[n] for n in self._heard.within(dead_after, now)]
        return min([dies, *(Instant(at + ripe) for at in streaks if now - at < ripe)])

    def streak(self, node: NodeId, now: Instant, dead_after: Seconds) -> Seconds:
        """Return how many seconds `node` has been alive without a gap; 0 when it is not."""
        return now - self._since[node] if self.alive(node, now, dead_after) else 0.0

    def last_heard(self, node: NodeId) -> Instant | None:
        """Return the time of the last message, or None if there was none."""
        return self._last.get(node)


HEARTBEATS_REMEMBERED_MAX = 4096


@define
class HeartbeatSchedule:
    """Numbers heartbeats, and keeps when each was sent for as long as its answer can count."""

    next_beat: Instant
    _number: int = 0
    _sent: dict[int, Instant] = field(factory=dict)
    _answered: SeenWithin = field(factory=SeenWithin)
    _heard: dict[NodeId, int] = field(factory=dict)

    def begin_heartbeat(self, now: Instant, dead_after: Seconds) -> int:
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

    def record_answer(self, node: NodeId, number: int) -> Instant | None:
        """Record an answer; return when the heartbeat was sent, or None if too long ago."""
        sent = self._sent.get(number)
        if sent is not None:
            self._answered.record(node, sent)
        return sent

    def sent_at(self, number: int) -> Instant | None:
        """Return when a heartbeat was sent, or None if too long ago or never."""
        return self._sent.get(number)

    def record_number(self, node: NodeId, number: int) -> None:
        """Record the number of another node's heartbeat."""
        self._heard[node] = number

    def last_heard(self, node: NodeId) -> int:
        """Return the number of a node's newest heartbeat; 0 if there was none."""
        return self._heard.get(node, 0)

    def contacts(self, now: Instant, dead_after: Seconds) -> frozenset[NodeId]:
        """Return the nodes that answered a heartbeat sent within the last `dead_after` seconds."""
        return self._answered.within(dead_after, now)

    def unchanged_until(self, now: Instant, dead_after: Seconds) -> Instant:
        """Return until when `contacts` cannot change without an answer."""
        return self._answered.unchanged_until(dead_after, now)

    def forget(self, node: NodeId) -> None:
        """Forget a node that said farewell."""
        self._answered.forget(node)
        self._heard.pop(node, None)

    def forget_strangers(self, members: AbstractSet[NodeId]) -> None:
        """Forget nodes that are not in `members`."""
        known = {*self._answered.known(), *self._heard}
        for stranger in known - members:
            self.forget(stranger)

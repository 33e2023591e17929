"""Times by key, of which the earliest is found without looking at the others.

Theory of operation.  A heap holds at most one current entry for each key.  A time that is moved
to a later one leaves its entry where it is: when that entry comes up, it is replaced by one with
the later time.  So a time that is postponed at each event, as that of a vote which goes stale,
costs a write to a dictionary.  Entries of keys that were dropped are skipped.
"""

from collections.abc import Hashable
from heapq import heapify, heappop, heappush
from typing import Any, Generic, TypeVar

from attrs import define, field

from qutrio.model.ids import FOREVER, Instant

K = TypeVar("K", bound=Hashable)
UNUSED_MAX = 64
"""Beyond this and twice the number of keys, the heap is made anew."""


@define
class TimeQueue(Generic[K]):
    """A time for each of some keys, which must be comparable."""

    _times: dict[K, Instant] = field(factory=dict)
    _heap: list[tuple[Instant, Any]] = field(factory=list)
    _entries: dict[K, Instant] = field(factory=dict)
    """The time of the current entry of each key, which is not after its time."""

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self._times)

    def get(self, key: K) -> Instant | None:
        """Return the time of a key, or None."""
        return self._times.get(key)

    def put(self, key: K, at: Instant) -> None:
        """Set the time of a key."""
        self._times[key] = at
        entry = self._entries.get(key)
        if entry is None or at < entry:
            self._push(key, at)

    def drop(self, key: K) -> None:
        """Remove a key, if it is there."""
        if self._times.pop(key, None) is not None:
            del self._entries[key]

    def clear(self) -> None:
        """Remove all keys."""
        self._times.clear()
        self._entries.clear()
        self._heap.clear()

    def first(self) -> Instant:
        """Return the earliest time; `FOREVER` without a key."""
        while self._heap:
            at, key = self._heap[0]
            if self._entries.get(key) != at:
                heappop(self._heap)  # it was dropped, or another entry replaced it
            elif self._times[key] > at:
                heappop(self._heap)
                self._push(key, self._times[key])
            else:
                return at
        return FOREVER

    def take_due(self, now: Instant) -> list[K]:
        """Remove the keys whose time is `now` or earlier, and return them by time."""
        due = []
        while self.first() <= now:
            _, key = heappop(self._heap)
            del self._times[key], self._entries[key]
            due.append(key)
        return due

    def _push(self, key: K, at: Instant) -> None:
        self._entries[key] = at
        heappush(self._heap, (at, key))
        if len(self._heap) > UNUSED_MAX + 2 * len(self._times):
            self._heap = [(time, name) for name, time in self._entries.items()]
            heapify(self._heap)

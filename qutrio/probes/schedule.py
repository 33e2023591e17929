"""When which check is probed: a pure machine that is told the time.

All nodes share the grid that wall time makes: a check with interval I is due whenever
`wall mod I` equals its offset, and the offset is node k's share k/n of the interval plus a
hash of the check's id.  So n nodes look n times per interval, and one node's probes are spread
evenly over it.  What is new, or was due while the machine slept, is spread over the next second
or, when it is much, over as many seconds as `STARTS_PER_S` takes.

A check has at most one probe in flight.  A beat that finds one is skipped; a demand that finds
one makes another follow it.  At most `running_max` probes are in flight; the rest wait in turn.
"""

import math
from collections import deque
from heapq import heapify, heappop, heappush
from random import Random
from typing import NewType
from zlib import crc32

from attrs import define, field, frozen

from qutrio.model.checks import Check
from qutrio.model.ids import CheckId, Instant, NodeId, Seconds, UnixTime

FIRST_PROBE_WITHIN_S: Seconds = 1.0
STARTS_PER_S = 100.0
LATE_S_MAX: Seconds = 5.0
HEAP_SLACK = 64

Ticket = NewType("Ticket", int)
"""One probe in flight."""


def offset_share(check: CheckId, node: NodeId, members: tuple[NodeId, ...]) -> float:
    """Return the share of its interval (0 to 1) at which `node` probes `check`.

    `members` are sorted; a node that is not among them takes the first place.
    """
    place = members.index(node) / len(members) if node in members else 0.0
    return (place + crc32(check.encode()) / 2**32) % 1.0


@frozen
class Start:
    """A probe to begin now."""

    ticket: Ticket
    check: Check


@define(eq=False)
class _Watch:
    check: Check
    share: float
    due: Instant
    ticket: Ticket | None = None
    queued: bool = False
    again: bool = False


@define(eq=False)
class Schedule:
    """The plan of one node.  All methods run to completion; `now` never goes back."""

    rng: Random
    running_max: int
    _watches: dict[CheckId, _Watch] = field(factory=dict)
    _heap: list[tuple[Instant, CheckId]] = field(factory=list)
    _ready: deque[_Watch] = field(factory=deque)
    _tickets: dict[Ticket, _Watch] = field(factory=dict)
    _last_ticket: int = 0

    def follow(
        self, checks: tuple[Check, ...], node: NodeId, members: tuple[NodeId, ...], now: Instant
    ) -> list[Ticket]:
        """Watch exactly these checks; return the probes in flight that no longer count.

        A check that is equal to the one already watched keeps its plan.
        """
        wanted = {check.id: check for check in checks if check.enabled}
        gone = [w for i, w in self._watches.items() if wanted.get(i) != w.check]
        for watch in gone:
            del self._watches[watch.check.id]
            watch.queued = False
        for watch in self._watches.values():
            watch.share = offset_share(watch.check.id, node, members)
        new = [check for check in wanted.values() if check.id not in self._watches]
        for check in new:
            share = offset_share(check.id, node, members)
            watch = self._watches[check.id] = _Watch(check, share, now)
            self._plan(watch, self._soon(check, len(new), now))
        return [watch.ticket for watch in gone if watch.ticket is not None]

    def demand(self, check: CheckId) -> None:
        """Probe a check now, or once more when it is being probed; unknown ids are ignored."""
        watch = self._watches.get(check)
        if watch is None:
            return
        if watch.ticket is not None:
            watch.again = True
        else:
            self._queue(watch)

    def take(self, now: Instant, wall: UnixTime) -> list[Start]:
        """Return the probes to begin now; each stays in flight until `finished`."""
        late = []
        while self._heap and self._heap[0][0] <= now:
            due, ident = heappop(self._heap)
            watch = self._watches.get(ident)
            if watch is None or watch.due != due:
                continue  # planned anew since
            if now - due > LATE_S_MAX:
                late.append(watch)
                continue
            self._plan(watch, self._next_beat(watch, now, wall))
            if watch.ticket is None:
                self._queue(watch)
        for watch in late:
            self._plan(watch, self._soon(watch.check, len(late), now))
        return self._begin()

    def finished(self, ticket: Ticket) -> None:
        """Note that a probe has ended, in whatever way."""
        watch = self._tickets.pop(ticket)
        watch.ticket = None
        if watch.again and self._watches.get(watch.check.id) is watch:
            watch.again = False
            self._queue(watch)

    @property
    def deadline(self) -> Instant | None:
        """The moment to call `take` again, unless a probe finishes or something changes."""
        if self._ready and len(self._tickets) < self.running_max:
            return Instant(-math.inf)
        return self._heap[0][0] if self._heap else None

    @property
    def waiting(self) -> int:
        """How many probes wait for a place."""
        return len(self._ready)

    def _begin(self) -> list[Start]:
        starts = []
        while self._ready and len(self._tickets) < self.running_max:
            watch = self._ready.popleft()
            if not watch.queued:
                continue  # edited or removed while it waited
            watch.queued = False
            self._last_ticket += 1
            watch.ticket = Ticket(self._last_ticket)
            self._tickets[watch.ticket] = watch
            starts.append(Start(watch.ticket, watch.check))
        return starts

    def _queue(self, watch: _Watch) -> None:
        if not watch.queued:
            watch.queued = True
            self._ready.append(watch)

    def _plan(self, watch: _Watch, due: Instant) -> None:
        watch.due = due
        heappush(self._heap, (due, watch.check.id))
        if len(self._heap) > 2 * len(self._watches) + HEAP_SLACK:
            self._heap = [(w.due, i) for i, w in self._watches.items()]
            heapify(self._heap)

    def _soon(self, check: Check, count: int, now: Instant) -> Instant:
        spread = min(check.interval_s, max(FIRST_PROBE_WITHIN_S, count / STARTS_PER_S))
        return Instant(now + self.rng.random() * spread)

    def _next_beat(self, watch: _Watch, now: Instant, wall: UnixTime) -> Instant:
        """Return the next moment on the grid that is at least half an interval away."""
        interval = watch.check.interval_s
        ahead = (watch.share * interval - wall) % interval
        return Instant(now + (ahead if ahead >= interval / 2 else ahead + interval))

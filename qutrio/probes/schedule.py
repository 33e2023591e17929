"""Decides when each check is probed: a pure machine, which gets the time as an argument.

All nodes share a grid of wall time: a check with interval I is due whenever `wall mod I` equals
its offset, and the offset is node k's share k/n of the interval plus a hash of the check's id.
So n nodes probe n times per interval, and one node's probes are spread evenly over it.  Checks
that are new, or were due while the machine slept, are spread over the next second, or over as
many seconds as `STARTS_PER_S` needs.

A check has at most one probe in flight.  If one is in flight when the check is due, that probe
is skipped; if it is demanded then, another one follows.  At most `running_max` probes are in
flight; the others wait in a queue.
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

    `members` are sorted; a node that is not among them has the offset of the first.
    """
    place = members.index(node) / len(members) if node in members else 0.0
    return (place + crc32(check.encode()) / 2**32) % 1.0


@frozen
class Start:
    """A probe to begin now."""

    ticket: Ticket
    check: Check


@define(eq=False)
class _Scheduled:
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
    _scheduled: dict[CheckId, _Scheduled] = field(factory=dict)
    _heap: list[tuple[Instant, CheckId]] = field(factory=list)
    _ready: deque[_Scheduled] = field(factory=deque)
    _tickets: dict[Ticket, _Scheduled] = field(factory=dict)
    _last_ticket: int = 0

    def set_checks(
        self, checks: tuple[Check, ...], node: NodeId, members: tuple[NodeId, ...], now: Instant
    ) -> list[Ticket]:
        """Schedule exactly these checks; return the probes in flight that no longer count.

        A check that has not changed keeps its due time.
        """
        wanted = {check.id: check for check in checks if check.enabled}
        gone = [e for i, e in self._scheduled.items() if wanted.get(i) != e.check]
        for entry in gone:
            del self._scheduled[entry.check.id]
            entry.queued = False
        for entry in self._scheduled.values():
            entry.share = offset_share(entry.check.id, node, members)
        new = [check for check in wanted.values() if check.id not in self._scheduled]
        for check in new:
            share = offset_share(check.id, node, members)
            entry = self._scheduled[check.id] = _Scheduled(check, share, now)
            self._plan(entry, self._soon(check, len(new), now))
        return [entry.ticket for entry in gone if entry.ticket is not None]

    def demand(self, check: CheckId) -> None:
        """Probe a check now, or once more when it is being probed; unknown ids are ignored."""
        entry = self._scheduled.get(check)
        if entry is None:
            return
        if entry.ticket is not None:
            entry.again = True
        else:
            self._queue(entry)

    def start_due(self, now: Instant, wall: UnixTime) -> list[Start]:
        """Return the probes to begin now; each stays in flight until `finish`."""
        late = []
        while self._heap and self._heap[0][0] <= now:
            due, ident = heappop(self._heap)
            entry = self._scheduled.get(ident)
            if entry is None or entry.due != due:
                continue  # replanned since
            if now - due > LATE_S_MAX:
                late.append(entry)
                continue
            self._plan(entry, self._next_due(entry, now, wall))
            if entry.ticket is None:
                self._queue(entry)
        for entry in late:
            self._plan(entry, self._soon(entry.check, len(late), now))
        return self._begin()

    def finish(self, ticket: Ticket) -> None:
        """Record that a probe has ended, for whatever reason."""
        entry = self._tickets.pop(ticket)
        entry.ticket = None
        if entry.again and self._scheduled.get(entry.check.id) is entry:
            entry.again = False
            self._queue(entry)

    @property
    def deadline(self) -> Instant | None:
        """When to call `start_due` again, unless a probe finishes or the checks change."""
        if self._ready and len(self._tickets) < self.running_max:
            return Instant(-math.inf)
        return self._heap[0][0] if self._heap else None

    @property
    def waiting(self) -> int:
        """How many probes wait because `running_max` are in flight."""
        return len(self._ready)

    def _begin(self) -> list[Start]:
        starts = []
        while self._ready and len(self._tickets) < self.running_max:
            entry = self._ready.popleft()
            if not entry.queued:
                continue  # edited or removed while it waited
            entry.queued = False
            self._last_ticket += 1
            entry.ticket = Ticket(self._last_ticket)
            self._tickets[entry.ticket] = entry
            starts.append(Start(entry.ticket, entry.check))
        return starts

    def _queue(self, entry: _Scheduled) -> None:
        if not entry.queued:
            entry.queued = True
            self._ready.append(entry)

    def _plan(self, entry: _Scheduled, due: Instant) -> None:
        entry.due = due
        heappush(self._heap, (due, entry.check.id))
        if len(self._heap) > 2 * len(self._scheduled) + HEAP_SLACK:
            self._heap = [(e.due, i) for i, e in self._scheduled.items()]
            heapify(self._heap)

    def _soon(self, check: Check, count: int, now: Instant) -> Instant:
        spread = min(check.interval_s, max(FIRST_PROBE_WITHIN_S, count / STARTS_PER_S))
        return Instant(now + self.rng.random() * spread)

    def _next_due(self, entry: _Scheduled, now: Instant, wall: UnixTime) -> Instant:
        """Return the next time on the grid that is at least half an interval away."""
        interval = entry.check.interval_s
        ahead = (entry.share * interval - wall) % interval
        return Instant(now + (ahead if ahead >= interval / 2 else ahead + interval))

"""Where the time comes from: the machine's boot clock, or trio's own for virtual time."""

import time
from typing import Protocol

import trio

from qutrio.model.ids import Instant, Seconds, UnixTime


class Clock(Protocol):
    """Both times that a node needs."""

    def now(self) -> Instant:
        """Return seconds that only ever grow, also while the machine sleeps."""
        ...

    def wall(self) -> UnixTime:
        """Return seconds since 1970 UTC; may jump; for people, and for tokens to expire."""
        ...


class BootClock:
    """The real machine.

    `CLOCK_BOOTTIME` counts a suspend, which trio's clock does not: a laptop that wakes up must
    find its mandate over.
    """

    def now(self) -> Instant:
        """Return seconds since the machine booted."""
        return Instant(time.clock_gettime(time.CLOCK_BOOTTIME))

    def wall(self) -> UnixTime:
        """Return the system's calendar time."""
        return UnixTime(time.time())  # noqa: TID251 - the one place that may


class TrioClock:
    """Trio's clock, so that its `MockClock` moves a whole daemon through virtual time."""

    def __init__(self, base: Seconds = 0.0) -> None:
        """Let the calendar begin `base` seconds after 1970 when trio's clock shows zero."""
        self._base = base

    def now(self) -> Instant:
        """Return trio's current time; needs a running trio loop."""
        return Instant(trio.current_time())

    def wall(self) -> UnixTime:
        """Return the calendar time that belongs to `now`."""
        return UnixTime(self._base + trio.current_time())

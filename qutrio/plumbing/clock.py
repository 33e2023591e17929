"""Clocks: the machine's boot clock, or trio's own for virtual time."""

import time
from typing import Protocol

import trio

from qutrio.model.ids import Instant, Seconds, UnixTime


class Clock(Protocol):
    """The two times that a node needs."""

    def now(self) -> Instant:
        """Return seconds that never go back and also count while the machine sleeps."""
        ...

    def wall(self) -> UnixTime:
        """Return seconds since 1970 UTC; may jump; for people, and for tokens to expire."""
        ...


class BootClock:
    """The clocks of the machine.

    `CLOCK_BOOTTIME` counts a suspend, which trio's clock does not: when a laptop wakes up, its
    lease must be over.
    """

    def now(self) -> Instant:
        """Return seconds since the machine booted."""
        return Instant(time.clock_gettime(time.CLOCK_BOOTTIME))

    def wall(self) -> UnixTime:
        """Return the system's wall time."""
        return UnixTime(time.time())  # noqa: TID251 - the one place that may


class TrioClock:
    """Trio's clock, so that its `MockClock` moves a whole daemon through virtual time."""

    def __init__(self, base: Seconds = 0.0) -> None:
        """Set the wall time to `base` seconds after 1970 when trio's clock shows zero."""
        self._base = base

    def now(self) -> Instant:
        """Return trio's current time; needs a running trio loop."""
        return Instant(trio.current_time())

    def wall(self) -> UnixTime:
        """Return the wall time that belongs to `now`."""
        return UnixTime(self._base + trio.current_time())

"""Shortening: what happens to the bonds of a claim when a record says that bonds are shorter.

A voter that restarts with such a record waits only as long as the record says.  So the holder
relies on no older bond for longer than that, from the moment on at which it holds the record;
no voter holds it earlier.
"""

from qutrio.core.seat import Seat
from qutrio.model.ids import Instant, Seconds

NEXT_BEAT_S_MIN: Seconds = 0.001


def follow_timers(seat: Seat, now: Instant) -> None:
    """Cut the bonds of a claim when they are shorter from now on, and renew them at once."""
    if seat.steering.shortened() and seat.mandate.claim is not None:
        seat.mandate.shorten(Instant(now + seat.steering.lease_s))
        seat.cadence.next_beat = Instant(now + NEXT_BEAT_S_MIN)

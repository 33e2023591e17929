"""Storms: how long new notices for a channel are held, so that a digest can take their place.

Theory of operation.  The first notice for a channel is sent at once.  A second one within a second
waits until that second is over.  If five come within a second, this is a storm: what comes from now
on is held for a while.  When that ends, `core.alerting.digests` makes one notice of all that wait.
In one storm each hold is longer than the one before, so that people get few messages, and it ends
early when nothing new comes.  This is in memory: a new master starts afresh.
"""

from collections import deque

from attrs import define, field

from qutrio.model.ids import FOREVER, NEVER, ChannelId, Instant, Seconds

FLIPS_MIN = 5
"""This many notices for a channel within `FLIPS_WITHIN_S` are a storm."""
FLIPS_WITHIN_S: Seconds = 1.0
HOLD_FIRST_S: Seconds = 5.0
HOLD_GROWTH = 3.0
HOLD_S_MAX: Seconds = 135.0
QUIET_S: Seconds = 5.0
"""A hold ends when nothing new came for this long."""
OVER_AFTER_S: Seconds = 60.0
"""After this long without a notice the next storm begins with a short hold."""


@define
class Storm:
    """What happens on one channel."""

    recent: deque[Instant] = field(factory=lambda: deque(maxlen=FLIPS_MIN))
    """When the last notices came."""
    hold_s: Seconds = HOLD_FIRST_S
    """How long the next hold lasts."""
    held_from: Instant | None = None

    def until(self) -> Instant:
        """Return until when notices that were not attempted are held."""
        if not self.recent:
            return NEVER
        newest = self.recent[-1]
        if self.held_from is not None:
            quiet = max(newest + QUIET_S, self.held_from + HOLD_FIRST_S)
            return Instant(min(self.held_from + self.hold_s, quiet))
        near = [at for at in self.recent if newest - at < FLIPS_WITHIN_S]
        return Instant(near[0] + FLIPS_WITHIN_S) if len(near) > 1 else NEVER

    def on_new(self, count: int, now: Instant) -> None:
        """Record that `count` notices were written for the channel."""
        if self.held_from is not None and now >= self.until():
            self.held_from = None
            self.hold_s = min(HOLD_S_MAX, self.hold_s * HOLD_GROWTH)
        if self.recent and now - self.recent[-1] >= OVER_AFTER_S:
            self.hold_s = HOLD_FIRST_S
        self.recent.extend([now] * min(count, FLIPS_MIN))
        full = len(self.recent) == FLIPS_MIN
        if self.held_from is None and full and now - self.recent[0] < FLIPS_WITHIN_S:
            self.held_from = now


@define
class Storms:
    """The storms of all channels."""

    _storms: dict[ChannelId, Storm] = field(factory=dict)

    def on_new(self, channel: ChannelId, count: int, now: Instant) -> None:
        """Record that `count` notices were written for a channel."""
        self._storms.setdefault(channel, Storm()).on_new(count, now)

    def until(self, channel: ChannelId) -> Instant:
        """Return until when notices for a channel that were not attempted are held."""
        storm = self._storms.get(channel)
        return NEVER if storm is None else storm.until()

    def deadline(self, now: Instant) -> Instant:
        """Return when the next hold ends."""
        ends = (storm.until() for storm in self._storms.values())
        return min((end for end in ends if end > now), default=FOREVER)

"""Simulated alert channels: up, down, slow, or accepting a notice and then dying."""

from collections import Counter

from attrs import define, field, frozen

from qutrio.model.ids import ChannelId, Seconds
from qutrio.sim.dice import Dice
from qutrio.sim.options import Fault

DELIVERY_S: Seconds = 0.1
ABANDONED_AFTER_S: Seconds = 30.0
"""When the real dispatcher abandons an attempt."""


@frozen
class AttemptOutcome:
    """The outcome of one attempt: whether it arrived, what the node learns, and when."""

    delivered: bool
    confirmed: bool
    takes_s: Seconds


@define
class Channels:
    """All channels at once.  Each `..._until` is in true time."""

    dice: Dice
    struck: Counter[Fault]
    down_until: Seconds = 0.0
    slow_until: Seconds = 0.0
    mute_until: Seconds = 0.0
    """Until then channels deliver, but die before they confirm."""
    failing: set[ChannelId] = field(factory=set)
    """Channels that refuse every attempt while they are listed."""
    hanging: set[ChannelId] = field(factory=set)
    """Channels that accept a connection and never answer while they are listed."""

    def attempt(self, true: Seconds, channel: ChannelId) -> AttemptOutcome:
        """Return the outcome of an attempt that begins now."""
        takes = self.dice.between(0.01, DELIVERY_S)
        if channel in self.hanging:
            return AttemptOutcome(delivered=False, confirmed=False, takes_s=ABANDONED_AFTER_S)
        if channel in self.failing:
            return AttemptOutcome(delivered=False, confirmed=False, takes_s=takes)
        if true < self.slow_until:
            self.struck[Fault.CHANNEL_SLOW] += 1
            takes += self.dice.between(0.5, 2 * ABANDONED_AFTER_S)
        if takes > ABANDONED_AFTER_S:
            return AttemptOutcome(self.dice.chance(0.5), confirmed=False, takes_s=ABANDONED_AFTER_S)
        if true < self.down_until:
            self.struck[Fault.CHANNEL_DOWN] += 1
            return AttemptOutcome(delivered=False, confirmed=False, takes_s=takes)
        if true < self.mute_until:
            self.struck[Fault.CHANNEL_ACCEPTS_AND_DIES] += 1
            return AttemptOutcome(delivered=True, confirmed=False, takes_s=takes)
        return AttemptOutcome(delivered=True, confirmed=True, takes_s=takes)

    def recover(self) -> None:
        """Make every channel work again."""
        self.down_until = self.slow_until = self.mute_until = 0.0
        self.failing.clear()
        self.hanging.clear()

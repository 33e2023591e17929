"""Simulated alert channels: up, down, slow, or accepting a notice and then dying."""

from collections import Counter

from attrs import define, field, frozen

from qutrio.model.ids import ChannelId, Seconds
from qutrio.sim.dice import Dice
from qutrio.sim.options import Fault

DELIVERY_S: Seconds = 0.1
GIVEN_UP_AFTER_S: Seconds = 30.0
"""When the real hands give an attempt up."""


@frozen
class Fate:
    """What becomes of one attempt: whether people read it, what the node is told, and when."""

    delivered: bool
    confirmed: bool
    takes_s: Seconds


@define
class Channels:
    """All channels at once.  Each moment is the true time until which it is so."""

    dice: Dice
    struck: Counter[Fault]
    down_until: Seconds = 0.0
    slow_until: Seconds = 0.0
    mute_until: Seconds = 0.0
    """While a channel is mute it delivers, and dies before it says so."""
    failing: set[ChannelId] = field(factory=set)
    """Channels that refuse everything, until somebody takes them out."""
    hanging: set[ChannelId] = field(factory=set)
    """Channels that take a connection and never answer, likewise."""

    def attempt(self, true: Seconds, channel: ChannelId) -> Fate:
        """Return what becomes of an attempt that begins now."""
        takes = self.dice.between(0.01, DELIVERY_S)
        if channel in self.hanging:
            return Fate(delivered=False, confirmed=False, takes_s=GIVEN_UP_AFTER_S)
        if channel in self.failing:
            return Fate(delivered=False, confirmed=False, takes_s=takes)
        if true < self.slow_until:
            self.struck[Fault.CHANNEL_SLOW] += 1
            takes += self.dice.between(0.5, 2 * GIVEN_UP_AFTER_S)
        if takes > GIVEN_UP_AFTER_S:
            return Fate(self.dice.chance(0.5), confirmed=False, takes_s=GIVEN_UP_AFTER_S)
        if true < self.down_until:
            self.struck[Fault.CHANNEL_DOWN] += 1
            return Fate(delivered=False, confirmed=False, takes_s=takes)
        if true < self.mute_until:
            self.struck[Fault.CHANNEL_ACCEPTS_AND_DIES] += 1
            return Fate(delivered=True, confirmed=False, takes_s=takes)
        return Fate(delivered=True, confirmed=True, takes_s=takes)

    def recover(self) -> None:
        """Let every channel work."""
        self.down_until = self.slow_until = self.mute_until = 0.0
        self.failing.clear()
        self.hanging.clear()

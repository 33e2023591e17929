"""Receivers that asked to be left alone for a while.

The wait is kept by this node's own clock, which no change of the wall clock touches.  It is
also written into the ledger as a moment, so that the next master keeps it too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from qutrio.model.ids import NEVER, Instant, UnixTime
from qutrio.model.parts import PATIENCE_S_MAX, WAIT_S_MAX, ChannelWait

if TYPE_CHECKING:
    from collections.abc import Container

    from qutrio.model.ids import ChannelId, Seconds


@define
class Holds:
    """Until when each channel is left alone."""

    _until: dict[ChannelId, Instant] = field(factory=dict)
    _first_asked_at: dict[ChannelId, Instant] = field(factory=dict)
    """When each receiver began to ask, since it took a notice last."""
    _written: dict[ChannelId, ChannelWait] = field(factory=dict)
    """As it is written down, once it is."""

    def until(self, channel: ChannelId) -> Instant:
        """Return when the channel may be tried again."""
        return self._until.get(channel, NEVER)

    def extend(self, channel: ChannelId, wait_s: Seconds, now: Instant) -> None:
        """Leave a channel alone for `wait_s`, at most for `WAIT_S_MAX`.

        It shortens no longer wait.  One that asks again and again without taking anything is
        left alone for `PATIENCE_S_MAX` in all.
        """
        patience = self._first_asked_at.setdefault(channel, now) + PATIENCE_S_MAX
        until = Instant(min(now + min(WAIT_S_MAX, wait_s), patience))
        if until > self.until(channel):
            self._until[channel] = until
            self._written.pop(channel, None)

    def on_accepted(self, channel: ChannelId) -> None:
        """Note that the receiver took a notice: patience begins anew."""
        self._first_asked_at.pop(channel, None)

    def release(self, channel: ChannelId) -> None:
        """Let a channel be tried at once: it was edited."""
        self._until[channel] = NEVER
        self._written.pop(channel, None)
        self._first_asked_at.pop(channel, None)

    def ledger_waits(
        self,
        known: tuple[ChannelWait, ...],
        channels: Container[ChannelId],
        now: Instant,
        wall: UnixTime,
    ) -> tuple[ChannelWait, ...]:
        """Return what the ledger should say of the channels there are; learn from `known`.

        What was asked for in another's reign is kept, but never for longer than the longest
        wait from now: that master's wall clock may have been another.
        """
        for wait in known:
            if wait.channel not in self._until:
                left = min(WAIT_S_MAX, wait.until_unix - wall)
                self._until[wait.channel] = Instant(now + left)
                self._written[wait.channel] = wait
        for channel in [c for c, until in self._until.items() if until <= now or c not in channels]:
            self._written.pop(channel, None)
            if all(wait.channel != channel for wait in known):
                del self._until[channel]  # else it would be learned once more
        for channel, until in self._until.items():
            if until > now and channel in channels and channel not in self._written:
                moment = UnixTime(round(wall + (until - now), 3))
                self._written[channel] = ChannelWait(channel=channel, until_unix=moment)
        return tuple(self._written[channel] for channel in sorted(self._written))

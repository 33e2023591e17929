"""Waits that the receivers behind channels ask for (such as `Retry-After`).

A wait is kept on this node's boot clock, so changes of the wall clock do not affect it.  It is
also written into the ledger, as a wall-clock time, so that the next master keeps it too.
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
    """Until when no attempt is made on each channel."""

    _until: dict[ChannelId, Instant] = field(factory=dict)
    _first_asked_at: dict[ChannelId, Instant] = field(factory=dict)
    """When each receiver first asked for a wait since it last accepted a notice."""
    _written: dict[ChannelId, ChannelWait] = field(factory=dict)
    """The waits as they are in the ledger, or are to be."""

    def until(self, channel: ChannelId) -> Instant:
        """Return when the channel may be tried again."""
        return self._until.get(channel, NEVER)

    def extend(self, channel: ChannelId, wait_s: Seconds, now: Instant) -> None:
        """Make no attempt on a channel for `wait_s`, at most for `WAIT_S_MAX`.

        A longer wait is not shortened.  A receiver that asks repeatedly and accepts nothing is
        granted `PATIENCE_S_MAX` in all.
        """
        patience = self._first_asked_at.setdefault(channel, now) + PATIENCE_S_MAX
        until = Instant(min(now + min(WAIT_S_MAX, wait_s), patience))
        if until > self.until(channel):
            self._until[channel] = until
            self._written.pop(channel, None)

    def on_accepted(self, channel: ChannelId) -> None:
        """Record that the receiver accepted a notice, so `PATIENCE_S_MAX` counts anew."""
        self._first_asked_at.pop(channel, None)

    def release(self, channel: ChannelId) -> None:
        """Allow an attempt at once: the channel was edited."""
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
        """Return the waits for the ledger, for existing channels; learn those in `known`.

        Waits that an earlier master recorded are kept, but for `WAIT_S_MAX` from now at most:
        its wall clock may differ.
        """
        for wait in known:
            if wait.channel not in self._until:
                left = min(WAIT_S_MAX, wait.until_unix - wall)
                self._until[wait.channel] = Instant(now + left)
                self._written[wait.channel] = wait
        for channel in [c for c, until in self._until.items() if until <= now or c not in channels]:
            self._written.pop(channel, None)
            if all(wait.channel != channel for wait in known):
                del self._until[channel]  # else it would be learned again
        for channel, until in self._until.items():
            if until > now and channel in channels and channel not in self._written:
                moment = UnixTime(round(wall + (until - now), 3))
                self._written[channel] = ChannelWait(channel=channel, until_unix=moment)
        return tuple(self._written[channel] for channel in sorted(self._written))

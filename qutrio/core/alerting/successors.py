"""What a notice waits for besides its own attempts: deliveries of older ones that may still happen.

A delivery that was delegated may still begin on another member, and an attempt may be under way
whose notice has left the outbox (an *orphan*).  All notices for a channel wait for its digests.
"""

from collections.abc import Iterable

from attrs import define, field

from qutrio.core.alerting.lanes import Lane
from qutrio.model.ids import FOREVER, ChannelId, Instant
from qutrio.model.incidents import DIGESTS_OF_A_CHANNEL, Delivery, DeliveryKey


@define
class Successors:
    """Until when the notices of each lane wait."""

    orphans: dict[DeliveryKey, tuple[Lane, Instant]] = field(factory=dict)
    """Attempts under way whose notice was dropped, and when they count as failed."""
    _held: dict[Lane, tuple[DeliveryKey, Instant]] = field(factory=dict)
    """For each lane, the last notice with a delegated delivery under way, and until when."""
    _held_first: Instant = FOREVER
    """When the first of these ends."""

    def hold(self, deliveries: Iterable[Delivery], until: Instant) -> None:
        """Send nothing before `until` that follows the first of these in its lane."""
        lanes = dict[Lane, DeliveryKey]()
        for delivery in deliveries:
            lanes.setdefault(delivery.lane, delivery.key)
        self._held |= {lane: (key, until) for lane, key in lanes.items()}
        self._held_first = min(self._held_first, until) if lanes else self._held_first

    def begin(self, delivery: Delivery, earliest: Instant) -> Instant:
        """Return when a delivery may begin that may not begin before `earliest`."""
        for lane in (delivery.lane, (delivery.channel, DIGESTS_OF_A_CHANNEL)):
            key, until = self._held.get(lane, (delivery.key, earliest))
            if key != delivery.key:
                earliest = max(earliest, until)
        return earliest

    def waits(self, lane: Lane, now: Instant) -> bool:
        """Return True while an attempt of a lane may still begin or end on another member."""
        held = self._held.get(lane)
        orphans = (until for blocked, until in self.orphans.values() if blocked == lane)
        return (held is not None and now < held[1]) or any(now < until for until in orphans)

    def end_orphan(self, key: DeliveryKey) -> Lane | None:
        """Record that an attempt ended; return the lane that waited for it, if one did."""
        orphan = self.orphans.pop(key, None)
        return None if orphan is None else orphan[0]

    def advance(self, now: Instant) -> list[Lane]:
        """Drop what has ended; return the lanes that waited for orphans."""
        if now >= self._held_first:
            self._held = {lane: held for lane, held in self._held.items() if now < held[1]}
            self._held_first = min((until for _, until in self._held.values()), default=FOREVER)
        over = [key for key, (_, until) in self.orphans.items() if now >= until]
        return [self.orphans.pop(key)[0] for key in over]

    def blocked(self) -> set[Lane]:
        """Return the lanes that wait for an orphan."""
        return {lane for lane, _ in self.orphans.values()}

    def channels_blocked(self) -> set[ChannelId]:
        """Return the channels whose notices wait for a digest that is an orphan."""
        blocked = self.blocked()
        return {channel for channel, check in blocked if check == DIGESTS_OF_A_CHANNEL}

    def is_busy(self, now: Instant) -> bool:
        """Return True if an orphan is under way."""
        return any(now < until for _, until in self.orphans.values())

    def deadline(self) -> Instant:
        """Return when the first orphan counts as failed."""
        orphans = min((until for _, until in self.orphans.values()), default=FOREVER)
        return min(orphans, self._held_first)

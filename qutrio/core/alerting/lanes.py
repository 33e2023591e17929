"""The committed outbox by lane: the notices of one check for one channel, which are sent in order.

The outbox is followed from ledger to ledger, at a cost that depends on what entered and left it.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import KeysView, Sequence
from typing import TypeAlias

from attrs import define, field

from qutrio.model.differences import differing
from qutrio.model.ids import ChannelId, CheckId
from qutrio.model.incidents import (
    DIGESTS_OF_A_CHANNEL,
    OF_OUTAGES,
    Delivery,
    DeliveryKey,
    UnknownKind,
)

Lane: TypeAlias = tuple[ChannelId, CheckId]
"""The channel and the check, or the cause of a notice about several checks."""


OF_ONE_OUTAGE = 2
"""Its beginning and its end."""


def is_single(delivery: Delivery) -> bool:
    """Return True for a delivery that a digest may stand for."""
    other = isinstance(delivery.notice.kind, UnknownKind) or delivery.notice.digest is not None
    return not other and not delivery.reached


@define
class Lanes:
    """The deliveries of the last outbox, by key and by lane."""

    outbox: tuple[Delivery, ...] = ()
    _by_key: dict[DeliveryKey, Delivery] = field(factory=dict)
    _lanes: dict[Lane, dict[DeliveryKey, Delivery]] = field(factory=dict)
    _long: set[Lane] = field(factory=set)
    """Lanes in which notices of more than one outage may wait."""
    _singles: Counter[ChannelId] = field(factory=Counter)
    """How many deliveries that a digest may stand for wait for each channel."""
    _others: set[DeliveryKey] = field(factory=set)
    """Notices that are not about an outage."""

    def keys(self) -> KeysView[DeliveryKey]:
        """Return the keys of all deliveries in the outbox."""
        return self._by_key.keys()

    def all(self) -> KeysView[Lane]:
        """Return all lanes in which a delivery waits."""
        return self._lanes.keys()

    def get(self, key: DeliveryKey) -> Delivery | None:
        """Return the delivery with this key, or None."""
        return self._by_key.get(key)

    def head(self, lane: Lane) -> Delivery | None:
        """Return the oldest delivery of a lane whose kind this version knows."""
        waiting = self._lanes.get(lane, {}).values()
        return next((d for d in waiting if not isinstance(d.notice.kind, UnknownKind)), None)

    def digest(self, channel: ChannelId) -> Delivery | None:
        """Return the oldest digest that waits for a channel, or None."""
        return self.head((channel, DIGESTS_OF_A_CHANNEL))

    def crowded(self, above: int) -> list[ChannelId]:
        """Return the channels for which more than `above` single notices wait."""
        return [channel for channel, count in self._singles.items() if count > above]

    def singles(self, channel: ChannelId) -> int:
        """Return how many notices that a digest may stand for wait for a channel."""
        return self._singles[channel]

    def keys_of(self, lane: Lane) -> KeysView[DeliveryKey]:
        """Return the keys of the deliveries that wait in a lane."""
        return self._lanes.get(lane, {}).keys()

    def of_channel(self, channel: ChannelId) -> list[Lane]:
        """Return the lanes of a channel."""
        return [lane for lane in self._lanes if lane[0] == channel]

    def place(self, key: DeliveryKey, outbox: Sequence[Delivery]) -> int | None:
        """Return where a delivery of the last outbox is in another one; None if it is not there.

        Outboxes are in the order of the sequences.
        """
        if (known := self._by_key.get(key)) is None:
            return None
        sequence = known.notice.sequence
        place = bisect_left(outbox, sequence, key=_sequence_of)
        while place < len(outbox) and outbox[place].notice.sequence == sequence:
            if outbox[place].key == key:
                return place
            place += 1
        return None

    def follow(self, outbox: tuple[Delivery, ...]) -> tuple[list[Delivery], set[Lane]]:
        """Use a new outbox; return the deliveries that left it, and the lanes that changed."""
        before, after = differing(self.outbox, outbox)
        self.outbox = outbox
        kept = {delivery.key for delivery in after}
        gone = [delivery for delivery in before if delivery.key not in kept]
        for delivery in gone:
            self._remove(delivery)
        for delivery in after:
            self._put(delivery)
        return gone, {delivery.lane for delivery in (*gone, *after)}

    def may_drop(self, outbox: tuple[Delivery, ...]) -> bool:
        """Return False if `outbox.within_bound` drops nothing of an outbox that is too long.

        The outbox may have more deliveries at its end than the one that was followed.
        """
        if self._long or self._others:
            return True
        new = outbox[len(self.outbox) :]
        return any(
            delivery.notice.kind not in OF_OUTAGES
            or len(self._lanes.get(delivery.lane, ())) >= OF_ONE_OUTAGE
            for delivery in new
        )

    def _remove(self, delivery: Delivery) -> None:
        lane = self._lanes[delivery.lane]
        self._count(self._by_key.pop(delivery.key), -1)
        del lane[delivery.key]
        self._others.discard(delivery.key)
        if len(lane) <= OF_ONE_OUTAGE:
            self._long.discard(delivery.lane)
        if not lane:
            del self._lanes[delivery.lane]

    def _put(self, delivery: Delivery) -> None:
        lane = self._lanes.setdefault(delivery.lane, {})
        new = delivery.key not in lane
        if not new:
            self._count(lane[delivery.key], -1)
        self._count(delivery, 1)
        self._by_key[delivery.key] = lane[delivery.key] = delivery
        if delivery.notice.kind not in OF_OUTAGES:
            self._others.add(delivery.key)
        if len(lane) > OF_ONE_OUTAGE:
            self._long.add(delivery.lane)
        if new and len(lane) > 1:  # after a write that failed, an older one may come back
            ordered = sorted(lane.items(), key=lambda item: item[1].notice.sequence)
            self._lanes[delivery.lane] = dict(ordered)

    def _count(self, delivery: Delivery, change: int) -> None:
        if is_single(delivery):
            self._singles[delivery.channel] += change
            if not self._singles[delivery.channel]:
                del self._singles[delivery.channel]


def _sequence_of(delivery: Delivery) -> int:
    return delivery.notice.sequence

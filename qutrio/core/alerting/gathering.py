"""Which notices wait for a digest, and when one is made.

`core.alerting.digests` says what a digest is, and `core.alerting.storms` how long notices are held.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet

from attrs import define, field

from qutrio.core.alerting.digests import SINGLES_MAX, gather
from qutrio.core.alerting.lanes import Lane, Lanes, is_single
from qutrio.core.alerting.storms import Storms
from qutrio.core.alerting.successors import Successors
from qutrio.model.ids import ChannelId, Instant, Term, UnixTime
from qutrio.model.incidents import Delivery, DeliveryKey, Ledger


@define
class Gathering:
    """The channels for which notices wait for a digest."""

    lanes: Lanes
    successors: Successors
    storms: Storms = field(factory=Storms)
    singles_max: int = SINGLES_MAX
    allowed: bool = False
    """Whether the feature level of the cluster allows digests."""
    gathered: set[ChannelId] = field(factory=set)
    """Channels for which the next ledger has a new digest."""
    _busy: set[DeliveryKey] = field(factory=set)
    """The single notices at which an attempt is under way."""
    _busy_count: Counter[ChannelId] = field(factory=Counter)
    _parked: set[ChannelId] = field(factory=set)
    """Channels with lanes that are not examined."""

    def take_over(self) -> None:
        """Begin as a new master."""
        self.storms = Storms()
        self._busy.clear()
        self._busy_count.clear()
        self._parked.clear()

    def on_attempt_begun(self, delivery: Delivery) -> None:
        """Record that an attempt is under way."""
        if is_single(delivery) and delivery.key not in self._busy:
            self._busy.add(delivery.key)
            self._busy_count[delivery.channel] += 1

    def on_attempt_ended(self, key: DeliveryKey) -> None:
        """Record that no attempt at a delivery is under way any more."""
        if key in self._busy:
            self._busy.remove(key)
            self._busy_count[key[1]] -= 1

    def on_new(self, deliveries: Iterable[Delivery], now: Instant) -> None:
        """Record that notices come into the outbox: many within a second are a storm."""
        counts = Counter(delivery.channel for delivery in deliveries if is_single(delivery))
        for channel, count in counts.items():
            self.storms.on_new(channel, count, now)

    def gather(
        self,
        ledger: Ledger,
        may_join: Callable[[Lane], bool],
        *,
        term: Term,
        now: Instant,
        wall: UnixTime,
    ) -> Ledger:
        """Return the committed ledger with digests for the channels where many notices wait.

        `may_join` returns whether no attempt at a lane is under way or has just succeeded.
        """
        self.gathered.clear()
        for channel in sorted(self.lanes.crowded(self.singles_max)):
            if now < self.storms.until(channel) or not self._is_crowded(channel):
                continue
            before, waits = ledger, self.successors.waits
            ledger = gather(
                ledger,
                channel,
                lambda lane: may_join(lane) and not waits(lane, now),  # noqa: B023 - used at once
                above=self.singles_max,
                term=term,
                wall=wall,
            )
            if ledger is not before:
                self.gathered.add(channel)
        return ledger

    def must_wait(self, head: Delivery) -> bool:
        """Return True if a delivery waits for a digest; its lane is then not examined."""
        channel = head.channel
        if head.notice.digest is not None:
            return False
        digest = self.lanes.digest(channel)
        later = digest is not None and digest.notice.sequence < head.notice.sequence
        orphan = channel in self.successors.channels_blocked()
        if later or orphan or (is_single(head) and self._is_crowded(channel)):
            self._parked.add(channel)
            return True
        return False

    def released(self) -> AbstractSet[Lane]:
        """Return the lanes that need not wait for a digest any more."""
        lanes, blocked = set[Lane](), self.successors.channels_blocked()
        for channel in sorted(self._parked):
            waits = self.lanes.digest(channel) is not None or channel in blocked
            if not waits and not self._is_crowded(channel):
                self._parked.remove(channel)
                lanes.update(self.lanes.of_channel(channel))
        return lanes

    def _is_crowded(self, channel: ChannelId) -> bool:
        waiting = self.lanes.singles(channel) - self._busy_count[channel]
        return self.allowed and waiting > self.singles_max

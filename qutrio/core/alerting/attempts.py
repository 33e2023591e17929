"""The attempts at deliveries: what the master knows of one, and what it decides to do now."""

from attrs import define, frozen

from qutrio.core.alerting.lanes import Lane
from qutrio.model.dice import Rng
from qutrio.model.ids import Instant, NodeId, Seconds
from qutrio.model.incidents import Delivery

ATTEMPT_S_MAX: Seconds = 60.0
"""After this long without an answer an attempt counts as failed."""
RETRY_FIRST_S: Seconds = 5.0
RETRY_CAP_S: Seconds = 300.0


@define
class Attempt:
    """The state of one delivery on this master."""

    lane: Lane
    failures: int = 0
    next_at: Instant = Instant(0.0)
    busy_until: Instant | None = None
    via: NodeId | None = None
    """The member that makes the last attempt; None for this node."""

    @property
    def ends_at(self) -> Instant:
        """When the attempt is overdue or, if it is not under way, when the next one is due."""
        return self.next_at if self.busy_until is None else self.busy_until

    def fail(self, rng: Rng, now: Instant) -> None:
        """Record that it failed; the next one waits for a growing pause."""
        self.failures += 1
        self.busy_until = None
        pause = min(RETRY_CAP_S, RETRY_FIRST_S * 2.0 ** min(self.failures - 1, 16))
        self.next_at = Instant(now + pause * rng.uniform(0.5, 1.0))


@frozen
class DueAttempt:
    """An attempt to make now; `via` is the member to ask, or None for this node."""

    delivery: Delivery
    via: NodeId | None

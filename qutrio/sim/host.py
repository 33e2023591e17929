"""One simulated machine: a node, its clock, and a disk that survives it."""

from collections import deque
from random import Random

from attrs import define, field

from qutrio.core.effects import Effect
from qutrio.core.events import Event
from qutrio.core.node import Node
from qutrio.model.ids import Instant, NodeId, Seconds
from qutrio.model.stable import Stable


@define(kw_only=True)
class Clock:
    """A boot-time clock that runs at its own rate."""

    offset: float
    rate: float

    def at(self, true: Seconds) -> Instant:
        """Return what this clock shows at true time `true`."""
        return Instant(self.offset + self.rate * true)

    def true(self, local: Instant) -> Seconds:
        """Return the true time at which this clock shows `local`."""
        return (local - self.offset) / self.rate


@define(kw_only=True)
class Host:
    """A machine.  `node` is None while it is down; `disk` is what it would wake up with."""

    name: NodeId
    clock: Clock
    disk: Stable
    rng: Random
    node: Node | None = None
    life: int = 0
    suspended_until: Seconds = 0.0
    disk_fails_until: Seconds = 0.0
    disk_stalls_s: Seconds = 0.0
    batch: deque[Effect] = field(factory=deque)
    busy: bool = False
    backlog: deque[Event] = field(factory=deque)
    next_tick: Seconds = float("inf")

    def boot(self, true: Seconds) -> None:
        """Start the node from what is on the disk."""
        self.life += 1
        self.node = Node(self.name, self.disk, now=self.clock.at(true), rng=self.rng)
        self.busy, self.next_tick = False, float("inf")
        self.batch.clear()
        self.backlog.clear()

    def crash(self) -> None:
        """Lose everything that is not on the disk."""
        self.life += 1
        self.node = None
        self.batch.clear()
        self.backlog.clear()

    def acting(self, true: Seconds) -> bool:
        """Tell whether the node acts at this instant, by its own clock."""
        return (
            self.node is not None and self.node.seat.acting_until(self.clock.at(true)) is not None
        )

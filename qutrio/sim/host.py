"""A simulated machine: a node, its clocks, and the disk that survives a crash."""

from collections import deque
from collections.abc import Callable, Mapping
from random import Random

from attrs import define, field

from qutrio.core.api.effects import Effect
from qutrio.core.api.events import Event, PersistFailed
from qutrio.core.limits import Limits
from qutrio.core.node import Node
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Instant, NodeId, Seconds
from qutrio.model.levels import LEVEL
from qutrio.model.members import Member
from qutrio.model.stable import Record, Stable
from qutrio.sim.disk import Folder, Trouble
from qutrio.storage.edits import Bases
from qutrio.storage.save_plan import Step, saving


@define(kw_only=True)
class Clock:
    """A boot clock that runs at its own rate, and the error of the wall clock."""

    offset: float
    rate: float
    wall_off_s: Seconds = 0.0

    def at(self, true: Seconds) -> Instant:
        """Return what this clock shows at true time `true`."""
        return Instant(self.offset + self.rate * true)

    def true(self, local: Instant) -> Seconds:
        """Return the true time at which this clock shows `local`."""
        return (local - self.offset) / self.rate


@define
class Countdown:
    """A fault that strikes a machine after `left` more actions."""

    left: int
    strike: Callable[[], None]


@define
class Saving:
    """A save in progress.  `stable` is None once the state is durable."""

    steps: deque[Step]
    stable: Stable | None
    kept: Mapping[str, ClusterDocument]


@define(kw_only=True)
class Host:
    """A machine.  `node` is None while it is down.

    `disk` is the last state that was read or written without an error.  A machine with a
    `folder` starts from what can be read there, otherwise from `disk`.
    """

    name: NodeId
    clock: Clock
    disk: Stable
    rng: Random
    limits: Limits = Limits()
    level: int = LEVEL
    """The feature level of the installed program; a running node keeps its own."""
    member: Member | None = None
    """The member that a document lists for this machine."""
    folder: Folder | None = None
    kept: Mapping[str, ClusterDocument] = field(factory=dict)
    bases: Bases = Bases()
    """The documents that its cluster.yaml showed recently."""
    saving: Saving | None = None
    node: Node | None = None
    life: int = 0
    suspended_until: Seconds = 0.0
    disk_fails_until: Seconds = 0.0
    disk_trouble: Trouble = Trouble.WRITE
    disk_stalls_s: Seconds = 0.0
    batch: deque[Effect] = field(factory=deque)
    stalled: bool = False
    stopped: bool = False
    """Whether its operator stopped it: it still performs its effects, but receives no events."""
    backlog: deque[Event] = field(factory=deque)
    countdowns: list[Countdown] = field(factory=list)
    next_tick: Seconds = float("inf")

    def boot(self, true: Seconds) -> None:
        """Start the node from its disk; raises `InvalidDocumentError`."""
        self._forget()
        if self.folder is not None:
            self.disk, self.kept = self.folder.boot(), {}
        now = self.clock.at(true)
        self.node = Node(
            self.name, self.disk, now=now, rng=self.rng, limits=self.limits, level=self.level
        )

    def crash(self, *, power_cut: bool) -> bool:
        """Lose everything that is not on the disk; with `power_cut` also what was not flushed.

        Return whether the disk lost anything.
        """
        self._forget()
        self.node = None
        return power_cut and self.folder is not None and self.folder.lose_power()

    def format(self, folder: Folder) -> None:
        """Write the state to a new folder, as `qutrio init` does."""
        self.folder = folder
        self._write(self.disk)

    def catch_up(self, record: Record) -> None:
        """Store the committed record while the node is down, as `qutrio enroll join` does."""
        before = self.disk if self.folder is None else self.folder.boot()
        self.disk = before.caught_up(record)
        if self.folder is not None:
            self._write(self.disk)

    def _write(self, stable: Stable) -> None:
        assert self.folder is not None
        for step in saving(stable, {}).steps:
            self.folder.step(step, None)

    def show_document(self) -> None:
        """Update cluster.yaml to the committed document."""
        if self.node is not None:
            self.bases = self.bases.with_document(self.node.register.committed.document)

    @property
    def busy(self) -> bool:
        """Whether decisions of the node may not be on its disk yet."""
        failed = bool(self.backlog) and isinstance(self.backlog[0], PersistFailed)
        return self.stalled or self.saving is not None or bool(self.batch) or failed

    def trouble(self, true: Seconds) -> Trouble | None:
        """Return how the disk fails now, if it does."""
        return self.disk_trouble if true < self.disk_fails_until else None

    def acting(self, true: Seconds) -> bool:
        """Return whether the node acts at this time, by its own clock."""
        return (
            self.node is not None
            and self.node.leadership.acting_until(self.clock.at(true)) is not None
        )

    def count_down(self) -> None:
        """Count one action on every countdown; those that reach zero strike."""
        for countdown in list(self.countdowns):
            countdown.left -= 1
            if countdown.left <= 0:
                self.countdowns.remove(countdown)
                countdown.strike()

    def _forget(self) -> None:
        self.life += 1
        self.stalled = self.stopped = False
        self.next_tick, self.saving = float("inf"), None
        self.batch.clear()
        self.backlog.clear()

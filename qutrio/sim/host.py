"""One simulated machine: a node, its clocks, and a disk that survives it."""

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
    """A boot-time clock that runs at its own rate, and by how much its wall clock is off."""

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
class Fuse:
    """Something that happens to a machine after it has done so many more things."""

    left: int
    spark: Callable[[], None]


@define
class Saving:
    """A state on its way to a simulated folder.  `stable` is None once it is durable."""

    steps: deque[Step]
    stable: Stable | None
    kept: Mapping[str, ClusterDocument]


@define(kw_only=True)
class Host:
    """A machine.  `node` is None while it is down.

    `disk` is the last state that was read or that was written without an error.  With a
    `folder` the machine wakes up with what can be read there, else with `disk`.
    """

    name: NodeId
    clock: Clock
    disk: Stable
    rng: Random
    limits: Limits = Limits()
    level: int = LEVEL
    """The feature level of the program that is installed; one that runs keeps its own."""
    member: Member | None = None
    """Who it is in a document that lists it."""
    folder: Folder | None = None
    kept: Mapping[str, ClusterDocument] = field(factory=dict)
    bases: Bases = Bases()
    """The documents that its cluster.yaml showed of late."""
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
    """Whether its operator stopped it: it still does what it decided, and hears nothing."""
    backlog: deque[Event] = field(factory=deque)
    fuses: list[Fuse] = field(factory=list)
    next_tick: Seconds = float("inf")

    def boot(self, true: Seconds) -> None:
        """Start the node from what is on the disk; raises `InvalidDocumentError`."""
        self._forget()
        if self.folder is not None:
            self.disk, self.kept = self.folder.boot(), {}
        now = self.clock.at(true)
        self.node = Node(
            self.name, self.disk, now=now, rng=self.rng, limits=self.limits, level=self.level
        )

    def crash(self, *, power_cut: bool) -> bool:
        """Lose everything that is not on the disk; with `power_cut` also what was not flushed.

        Returns whether the disk lost anything.
        """
        self._forget()
        self.node = None
        return power_cut and self.folder is not None and self.folder.lose_power()

    def format(self, folder: Folder) -> None:
        """Write the state to a new folder, as `qutrio init` does."""
        self.folder = folder
        self._write(self.disk)

    def catch_up(self, record: Record) -> None:
        """Learn what is committed while the node is down, as `qutrio enroll join` does."""
        before = self.disk if self.folder is None else self.folder.boot()
        self.disk = before.caught_up(record)
        if self.folder is not None:
            self._write(self.disk)

    def _write(self, stable: Stable) -> None:
        assert self.folder is not None
        for step in saving(stable, {}).steps:
            self.folder.step(step, None)

    def show_document(self) -> None:
        """Let cluster.yaml follow the committed document."""
        if self.node is not None:
            self.bases = self.bases.with_document(self.node.register.committed.document)

    @property
    def busy(self) -> bool:
        """Whether what the node decided may not be on its disk yet."""
        failed = bool(self.backlog) and isinstance(self.backlog[0], PersistFailed)
        return self.stalled or self.saving is not None or bool(self.batch) or failed

    def trouble(self, true: Seconds) -> Trouble | None:
        """Return what is wrong with the disk at this moment."""
        return self.disk_trouble if true < self.disk_fails_until else None

    def acting(self, true: Seconds) -> bool:
        """Tell whether the node acts at this instant, by its own clock."""
        return (
            self.node is not None
            and self.node.leadership.acting_until(self.clock.at(true)) is not None
        )

    def burn(self) -> None:
        """Let every fuse burn down by one, and those that are spent strike."""
        for fuse in list(self.fuses):
            fuse.left -= 1
            if fuse.left <= 0:
                self.fuses.remove(fuse)
                fuse.spark()

    def _forget(self) -> None:
        self.life += 1
        self.stalled = self.stopped = False
        self.next_tick, self.saving = float("inf"), None
        self.batch.clear()
        self.backlog.clear()

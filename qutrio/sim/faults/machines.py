"""Faults of machines: crashes, suspensions, clocks and disks."""

from typing import TYPE_CHECKING

from attrs import frozen

from qutrio.model.ids import NodeId, Seconds
from qutrio.sim.disk import Trouble
from qutrio.sim.options import Fault

if TYPE_CHECKING:
    from qutrio.sim.world import World


@frozen(kw_only=True)
class Crash:
    """A node is killed, after `after` more steps, effects or steps of a save.

    With `power_cut` its machine loses what was not flushed.
    """

    at: Seconds
    node: NodeId
    down_s: Seconds
    power_cut: bool = False
    after: int = 0

    def apply(self, world: "World") -> None:
        """Kill it, or plan that."""

        def strike() -> None:
            world.crash(self.node, self.down_s, power_cut=self.power_cut)

        def strike_between() -> None:
            world.struck[Fault.CRASH_BETWEEN_EFFECTS] += 1
            strike()

        if self.after:
            world.strike_after(self.node, self.after, strike_between)
        else:
            strike()


@frozen(kw_only=True)
class Restart:
    """An operator stops a node and starts it again."""

    at: Seconds
    node: NodeId
    down_s: Seconds

    def apply(self, world: "World") -> None:
        """Stop it."""
        world.struck[Fault.RESTART] += 1
        world.stop(self.node, self.down_s)


@frozen(kw_only=True)
class Install:
    """An operator upgrades or downgrades a node to a program of another feature level."""

    at: Seconds
    node: NodeId
    level: int
    down_s: Seconds

    def apply(self, world: "World") -> None:
        """Stop it, and start the other program."""
        host = world.hosts.get(self.node)
        if host is not None and host.level != self.level:
            world.struck[Fault.UPGRADE if self.level > host.level else Fault.DOWNGRADE] += 1
            world.programs.install(host, self.level, self.down_s)


@frozen(kw_only=True)
class Suspend:
    """A machine is suspended for a while, at once or within a batch; its clocks keep running."""

    at: Seconds
    node: NodeId
    for_s: Seconds
    after: int = 0

    def apply(self, world: "World") -> None:
        """Suspend it, or plan that."""

        def strike() -> None:
            world.struck[Fault.SUSPEND_BETWEEN_EFFECTS] += 1
            world.suspend(self.node, self.for_s)

        if self.after:
            world.strike_after(self.node, self.after, strike)
        else:
            world.suspend(self.node, self.for_s)


@frozen(kw_only=True)
class WallJump:
    """A machine's wall clock is set."""

    at: Seconds
    node: NodeId
    by_s: Seconds

    def apply(self, world: "World") -> None:
        """Set it."""
        host = world.hosts.get(self.node)
        if host is not None:
            world.struck[Fault.WALL_CLOCK_JUMP] += 1
            host.clock.wall_off_s = self.by_s


@frozen(kw_only=True)
class DiskTrouble:
    """A disk is full, fails, or is read-only for a while."""

    at: Seconds
    node: NodeId
    trouble: Trouble
    for_s: Seconds

    def apply(self, world: "World") -> None:
        """Make it fail."""
        host = world.hosts.get(self.node)
        if host is not None:
            host.disk_trouble, host.disk_fails_until = self.trouble, self.at + self.for_s


@frozen(kw_only=True)
class DiskStall:
    """The next write of a disk stalls."""

    at: Seconds
    node: NodeId
    for_s: Seconds

    def apply(self, world: "World") -> None:
        """Make it stall."""
        host = world.hosts.get(self.node)
        if host is not None:
            host.disk_stalls_s = self.for_s


@frozen(kw_only=True)
class DieAfterDelivery:
    """The next node that delivers a notice crashes before it can mark it as delivered."""

    at: Seconds
    down_s: Seconds

    def apply(self, world: "World") -> None:
        """Plan the crash."""
        world.dies_after_delivery_s = self.down_s


@frozen(kw_only=True)
class SleepBeforeSending:
    """The next node that begins to deliver a notice is suspended at that point."""

    at: Seconds
    for_s: Seconds

    def apply(self, world: "World") -> None:
        """Plan the suspension."""
        world.sleeps_before_sending_s = self.for_s

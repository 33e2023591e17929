"""The feature level of the program that each simulated machine has.

All machines run the level of this version, unless installations are planned: then some start
with a program of the first level, and the document starts with that level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

from qutrio.model.levels import LEVEL, LEVEL_UNSAID
from qutrio.sim.dice import Dice
from qutrio.sim.options import Fault

if TYPE_CHECKING:
    from qutrio.model.ids import NodeId, Seconds
    from qutrio.sim.host import Host
    from qutrio.sim.interface import SimulatedWorld

OLD_SHARE = 0.5
"""The share of machines that start with an old program, in mixed clusters."""
UPGRADE_S: Seconds = 1.0


@define(eq=False)
class Programs:
    """The programs of all machines of a world."""

    world: SimulatedWorld

    @property
    def first_level(self) -> int:
        """The level of the initial document."""
        return LEVEL_UNSAID if self.world.faults.installs else LEVEL

    def level_of(self, name: NodeId) -> int:
        """Return the level of the program that a machine runs or will start with."""
        if name in self.world.hosts:
            return self.world.hosts[name].level
        mixed = bool(self.world.faults.installs)
        old = mixed and Dice(self.world.seed, "level", name).chance(OLD_SHARE)
        return LEVEL_UNSAID if old else LEVEL

    def booted(self, host: Host) -> None:
        """Record that a machine starts its installed program."""
        self.world.invariants.levels.booted(host)
        self.world.struck[Fault.OLD_PROGRAM] += host.level < LEVEL

    def install(self, host: Host, level: int, down_s: Seconds) -> None:
        """Install another program on a machine; it runs from the next start on."""
        host.level = level
        self.world.stop(host.name, down_s)

    def upgrade_all(self) -> None:
        """Install this version on all machines, so that all can be members."""
        for host in self.world.hosts.values():
            if host.level < LEVEL:
                self.install(host, LEVEL, UPGRADE_S)

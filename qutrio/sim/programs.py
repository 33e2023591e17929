"""Which version of the program each simulated machine has, as far as feature levels go.

All run this version's level, unless the faults plan installations: then some begin with a
program of the first level, and the document with that level.
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
"""So many machines run an old program at first, where not all run the same."""
UPGRADE_S: Seconds = 1.0


@define(eq=False)
class Programs:
    """The programs of all machines of a world."""

    world: SimulatedWorld

    @property
    def first_level(self) -> int:
        """The level that the cluster's document has at first."""
        return LEVEL_UNSAID if self.world.faults.installs else LEVEL

    def level_of(self, name: NodeId) -> int:
        """Return the level of the program that a machine has, or will begin with."""
        if name in self.world.hosts:
            return self.world.hosts[name].level
        mixed = bool(self.world.faults.installs)
        old = mixed and Dice(self.world.seed, "level", name).chance(OLD_SHARE)
        return LEVEL_UNSAID if old else LEVEL

    def booted(self, host: Host) -> None:
        """Note that a machine starts the program that it has."""
        self.world.invariants.levels.booted(host)
        self.world.struck[Fault.OLD_PROGRAM] += host.level < LEVEL

    def install(self, host: Host, level: int, down_s: Seconds) -> None:
        """Give a machine another program, which runs from its next start on."""
        host.level = level
        self.world.stop(host.name, down_s)

    def upgrade_all(self) -> None:
        """Install this version everywhere, so that all can be members."""
        for host in self.world.hosts.values():
            if host.level < LEVEL:
                self.install(host, LEVEL, UPGRADE_S)

"""Actions that affect leadership: changes of engine and timers, transfers, tenants."""

from typing import TYPE_CHECKING

from attrs import evolve, frozen

from qutrio.core.api.events import YieldRequested
from qutrio.core.api.mutations import PutSettings
from qutrio.model.document import Settings
from qutrio.model.ids import NodeId, Seconds
from qutrio.sim import operators
from qutrio.sim.options import Fault

if TYPE_CHECKING:
    from qutrio.sim.world import World


@frozen(kw_only=True)
class Switch:
    """An operator changes the engine and its timers; the other settings stay as they are."""

    at: Seconds
    via: NodeId
    settings: Settings

    def apply(self, world: "World") -> None:
        """Propose it."""
        document = operators.document_of(world, self.via)
        if document is None:
            return
        wanted, present = self.settings, document.settings
        if wanted.engine != present.engine:
            world.struck[Fault.ENGINE_SWITCHED] += 1
        settings = evolve(
            wanted,
            heartbeat_s=present.heartbeat_s,
            dead_after_s=present.dead_after_s,
            master_cooldown_s=present.master_cooldown_s,
            confirm_after_s=present.confirm_after_s,
        )
        world.propose(self.via, PutSettings(settings=settings, expect=present))


@frozen(kw_only=True)
class Retime:
    """An operator changes how long grants last, and the master is cut off once that is committed.

    `after_s` after the commit the master loses all its peers for `for_s`, and the nodes `crashing`
    crash for `down_s`, so that nodes have different parts of the change.
    """

    at: Seconds
    settings: Settings
    after_s: Seconds
    for_s: Seconds
    crashing: tuple[NodeId, ...] = ()
    down_s: Seconds = 0.1

    def apply(self, world: "World") -> None:
        """Propose it to the master, if there is one."""
        master = next((n for n, host in world.hosts.items() if host.acting(world.true)), None)
        present = None if master is None else operators.document_of(world, master)
        if master is None or present is None:
            return
        change = PutSettings(settings=self.settings, expect=present.settings)

        def agreed() -> None:
            world.at(world.true + self.after_s, master, lambda: self._strike(world, master))

        world.propose(master, change, then=agreed)

    def _strike(self, world: "World", master: NodeId) -> None:
        world.struck[Fault.CUT_OFF_AFTER_RETIMING] += 1
        others = [name for name in world.hosts if name != master]
        pairs = [pair for n in others for pair in ((master, n), (n, master))]
        world.network.cut_off(pairs, world.true + self.for_s)
        for name in others:
            if name in self.crashing:
                world.crash(name, self.down_s)


@frozen(kw_only=True)
class MoveRole:
    """An operator asks for a transfer, perhaps to a certain node."""

    at: Seconds
    via: NodeId
    to: NodeId | None = None

    def apply(self, world: "World") -> None:
        """Ask the node."""
        host = world.hosts.get(self.via)
        if host is not None and host.node is not None:
            world.struck[Fault.ROLE_YIELDED] += 1
            world.post(host, YieldRequested(self.to))


@frozen(kw_only=True)
class Rely:
    """Programs at a node rely on its lease for a while, and stop with a delay."""

    at: Seconds
    node: NodeId
    programs: int
    for_s: Seconds
    hesitates_s: Seconds

    def apply(self, world: "World") -> None:
        """Start them."""
        world.tenants.add(self.node, self.programs, self.for_s, self.hesitates_s)

"""What bears on the role itself: another engine, a wish that it move, programs that rely on it."""

from typing import TYPE_CHECKING

from attrs import evolve, frozen

from qutrio.core.events import YieldRequested
from qutrio.core.mutations import PutSettings
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

    def happen(self, world: "World") -> None:
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
class MoveRole:
    """An operator asks that the role moves, perhaps to a certain node."""

    at: Seconds
    via: NodeId
    to: NodeId | None = None

    def happen(self, world: "World") -> None:
        """Ask."""
        host = world.hosts.get(self.via)
        if host is not None and host.node is not None:
            world.struck[Fault.ROLE_YIELDED] += 1
            world.give(host, YieldRequested(self.to))


@frozen(kw_only=True)
class Rely:
    """Programs at a node rely on its mandate for a while, and take their time to let go."""

    at: Seconds
    node: NodeId
    programs: int
    for_s: Seconds
    hesitates_s: Seconds

    def happen(self, world: "World") -> None:
        """Let them."""
        world.tenants.come(self.node, self.programs, self.for_s, self.hesitates_s)

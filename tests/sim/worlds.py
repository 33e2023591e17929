"""Names and helpers that the tests of simulated clusters share."""

from typing import Any

from attrs import define, field

from qutrio.core.api.effects import Effect, Send
from qutrio.core.api.messages import Message
from qutrio.core.node import Node
from qutrio.model.document import Settings
from qutrio.model.ids import CheckId, NodeId, Seconds
from qutrio.model.incidents import Delivery
from qutrio.sim.world import World

N0, N1, N2, N3, N4 = (NodeId(f"n{i:02d}") for i in range(5))
WEB = CheckId("web")


COOLDOWN_S: Seconds = 20.0


def begin(size: int = 3, **fields: Any) -> World:
    """Return a cluster in which n00 acts and every node has voted, at 15 s of true time."""
    world = World(11, size, settings=Settings(master_cooldown_s=COOLDOWN_S), **fields)
    world.run(15)
    assert masters(world) == [N0]
    return world


def node_of(world: World, name: NodeId) -> Node:
    """Return the node of a running machine."""
    node = world.hosts[name].node
    assert node is not None, f"{name} is down"
    return node


def masters(world: World) -> list[NodeId]:
    """Return the nodes that act now."""
    return [name for name, host in world.hosts.items() if host.acting(world.true)]


@define
class Watcher:
    """Records the masters after every event, and the sent messages."""

    world: World
    acted: list[NodeId] = field(factory=list)
    said: list[tuple[NodeId, NodeId, Message]] = field(factory=list)

    def on_effect(self, name: NodeId, effect: Effect) -> None:
        """Record a message."""
        if isinstance(effect, Send):
            self.said.append((name, effect.to, effect.message))

    def on_probe(self, name: NodeId, *_: object) -> None:
        """Do nothing: the judge checks this."""

    def on_attempt(self, name: NodeId, delivery: Delivery, *, delivered: bool) -> None:
        """Do nothing: the judge checks this."""

    def on_event(self, name: NodeId) -> None:
        """Record the master, and check that there is only one."""
        acting = masters(self.world)
        assert len(acting) <= 1, f"{acting} act at {self.world.true}"
        self.acted += [name for name in acting if name not in self.acted[-1:]]


def watch(world: World) -> Watcher:
    """Watch a world after every event from now on."""
    watcher = Watcher(world)
    world.observer = watcher
    return watcher


def moves(world: World, until: Seconds) -> list[NodeId]:
    """Run on, and return the masters in order, without repetitions; checks every event."""
    watcher = watch(world)
    watcher.on_event(N0)
    world.run(until)
    return watcher.acted


def pages(world: World) -> dict[str, int]:
    """Return how often each kind of notice was delivered, on all channels."""
    told: dict[str, int] = {}
    for (notice, _), times in world.invariants.announced.items():
        kind = notice.rpartition(".")[2]
        told[kind] = told.get(kind, 0) + times
    return told


def cut_off(world: World, *pairs: tuple[NodeId, NodeId], for_s: Seconds) -> None:
    """Cut these directions."""
    world.network.cut_off(pairs, world.true + for_s)


def both_ways(*pairs: tuple[NodeId, NodeId]) -> tuple[tuple[NodeId, NodeId], ...]:
    """Return each pair in both directions."""
    return tuple(p for a, b in pairs for p in ((a, b), (b, a)))


def notes(world: World, what: str) -> list[str]:
    """Return the log lines that say `what`."""
    return [line for line in world.notes if what in line]

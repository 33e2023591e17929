"""What is out of order in a played scenario, who holds it so, and what that does to the world."""

from collections.abc import Iterable, Iterator
from typing import Final, assert_never

from attrs import astuple, define, evolve, field

from qutrio.model.ids import ChannelId, CheckId, NodeId, Seconds
from qutrio.sim.disk import Trouble as DiskTrouble
from qutrio.sim.host import Clock
from qutrio.sim.options import Faults
from qutrio.sim.scenario.deeds import (
    Air,
    Disk,
    Eyes,
    Grip,
    Link,
    Pipe,
    Rate,
    Target,
    Thing,
    Trouble,
    Weather,
)
from qutrio.sim.world import World

ALWAYS: Final[Seconds] = float("inf")
RELINK_S: Seconds = 1.0
"""How long two nodes take to find that they reach one another again."""
_DISKS: Final = {
    Trouble.FULL: DiskTrouble.FULL,
    Trouble.FAILS: DiskTrouble.WRITE,
    Trouble.READ_ONLY: DiskTrouble.READ_ONLY,
}


@define
class Grips:
    """Every thing that is held, by which entries of the timeline; the last of them counts.

    `ids` has the id of every node that is there or about to come, by its name; `checks` and
    `channels` likewise.
    """

    world: World
    ids: dict[str, NodeId]
    checks: dict[str, CheckId]
    channels: dict[str, ChannelId]
    _held: dict[Thing, dict[int, Grip]] = field(factory=dict)

    def hold(self, entry: int, things: Iterable[Thing], grip: Grip) -> None:
        """Let an entry take hold of things."""
        for thing in things:
            holders = self._held.setdefault(thing, {})
            holders.pop(entry, None)
            holders[entry] = grip
            self._apply(thing)

    def let_go(self, entry: int) -> bool:
        """Let an entry release what it holds; tell whether that was anything."""
        mine = [thing for thing, holders in self._held.items() if entry in holders]
        for thing in mine:
            del self._held[thing][entry]
            self._apply(thing)
        return bool(mine)

    def release(self, things: Iterable[Thing]) -> None:
        """Put things in order, whoever holds them."""
        for thing in [t for wanted in things for t in self._all_of(wanted)]:
            if self._held.pop(thing, None):
                self._apply(thing)

    def holds(self, entry: int) -> bool:
        """Tell whether an entry still holds anything."""
        return any(entry in holders for holders in self._held.values())

    def joined(self, node: str) -> None:
        """Bring what is held of a node to bear on the machine that has just come up."""
        for thing in [t for t in self._held if node in astuple(t)]:
            self._apply(thing)

    def _all_of(self, wanted: Thing) -> Iterator[Thing]:
        yield wanted
        if isinstance(wanted, Target) and not wanted.node:
            of_check = [t for t in self._held if isinstance(t, Target) and t.check == wanted.check]
            yield from [target for target in of_check if target.node]

    def _apply(self, thing: Thing) -> None:
        holders = self._held.get(thing)
        grip = list(holders.values())[-1] if holders else None
        match thing:
            case Link(source, to):
                self._link(source, to, held=bool(grip))
            case Target(check, node):
                self._target(check, node, held=bool(grip))
            case Eyes(node):
                if node in self.ids:
                    self.world.targets.blind[self.ids[node]] = ALWAYS if grip else 0.0
            case Disk(node):
                self._disk(node, grip if isinstance(grip, Trouble) else None)
            case Rate(node):
                self._rate(node, grip if isinstance(grip, float) else 1.0)
            case Pipe(channel):
                self._pipe(channel, grip if isinstance(grip, Trouble) else None)
            case Air(what):
                self._air(what, grip if isinstance(grip, float) else None)
            case _:
                assert_never(thing)

    def _link(self, source: str, to: str, *, held: bool) -> None:
        if source not in self.ids or to not in self.ids:
            return
        pair = (self.ids[source], self.ids[to])
        if held:
            self.world.cut[pair] = ALWAYS
        elif self.world.cut.pop(pair, None) is not None and self.world.hosts.keys() >= set(pair):
            self.world.links.dial(*pair, RELINK_S)

    def _target(self, check: str, node: str, *, held: bool) -> None:
        targets, ident = self.world.targets, self.checks[check]
        if not node:
            (targets.down.add if held else targets.down.discard)(ident)
        elif node in self.ids:
            lonely = (self.ids[node], ident)
            (targets.lonely.add if held else targets.lonely.discard)(lonely)

    def _disk(self, node: str, trouble: Trouble | None) -> None:
        host = self.world.hosts.get(self.ids.get(node, NodeId("")))
        if host is None:
            return
        host.disk_fails_until = host.disk_stalls_s = 0.0
        if trouble is Trouble.STALLS:
            host.disk_stalls_s = ALWAYS
            return
        if trouble is not None:
            host.disk_trouble, host.disk_fails_until = _DISKS[trouble], ALWAYS
        if host.stalled:
            self.world.wake(host, host.life)

    def _rate(self, node: str, rate: float) -> None:
        host = self.world.hosts.get(self.ids.get(node, NodeId("")))
        if host is None:
            return
        true = self.world.true
        offset = host.clock.at(true) - rate * true
        host.clock = Clock(offset=offset, rate=rate, wall_off_s=host.clock.wall_off_s)
        host.next_tick = ALWAYS
        self.world.plan_tick(host)

    def _pipe(self, channel: str, trouble: Trouble | None) -> None:
        channels, ident = self.world.channels, self.channels[channel]
        channels.failing.discard(ident)
        channels.hanging.discard(ident)
        if trouble is not None:
            (channels.hanging if trouble is Trouble.HANGS else channels.failing).add(ident)

    def _air(self, what: Weather, amount: float | None) -> None:
        network, calm = self.world.network, Faults()
        match what:
            case Weather.LOSS:
                network.faults = evolve(network.faults, loss=amount or 0.0)
            case Weather.DUPLICATION:
                network.faults = evolve(network.faults, duplication=amount or 0.0)
            case Weather.DELAY:
                delay_s = calm.delay_s_max if amount is None else amount
                network.faults = evolve(network.faults, delay_s_max=delay_s)

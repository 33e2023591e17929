"""A seed's whole story: faults for a while, then healing, then the demand that all is well."""

from collections.abc import Callable
from random import Random
from typing import TypeAlias

from attrs import frozen

from qutrio.model.document import Settings
from qutrio.model.ids import NodeId, Seconds
from qutrio.sim.invariants import InvariantError
from qutrio.sim.options import Faults, draw
from qutrio.sim.world import World

FAULTY_S: Seconds = 300.0
HEALING_S: Seconds = 420.0
"""Longer than the longest pause between two attempts to deliver."""
ADDS_PER_S = 0.2
CALM = Faults()
Moments: TypeAlias = Callable[[float], list[Seconds]]


@frozen
class Outcome:
    """How a seed ended.  `broken` names the invariant that failed, or is None."""

    seed: int
    size: int
    broken: str | None
    events: int
    acknowledged: int
    refused: int
    pages: int
    masters: int
    trace: str


def play(
    seed: int, size: int, faulty_s: Seconds = FAULTY_S, healing_s: Seconds = HEALING_S
) -> Outcome:
    """Run one seed to its end; never raises for a broken invariant."""
    rng = Random(seed * 1000 + size)  # noqa: S311 - replayable on purpose
    settings = Settings(master_cooldown_s=rng.choice((5.0, 30.0, 120.0)))
    world = World(seed, size, draw(rng), settings)
    broken = None
    try:
        _disturb(world, rng, faulty_s)
        world.run(faulty_s)
        _heal(world)
        world.run(faulty_s + healing_s)
        world.invariants.quiet(world.hosts, world.true)
    except InvariantError as error:
        broken = str(error)
    seen = world.invariants
    return Outcome(
        seed=seed,
        size=size,
        broken=broken,
        events=world.events,
        acknowledged=len(seen.acknowledged),
        refused=len(seen.refused),
        pages=len(seen.announced),
        masters=len(seen.acted),
        trace=world.trace,
    )


def _disturb(world: World, rng: Random, faulty_s: Seconds) -> None:
    """Put every fault of the story on the agenda."""

    def moments(rate: float) -> list[Seconds]:
        times, at = list[Seconds](), 0.0
        while rate > 0 and (at := at + rng.expovariate(rate)) < faulty_s:
            times.append(at)
        return times

    _disturb_machines(world, rng, moments)
    _disturb_surroundings(world, rng, moments)
    _disturb_membership(world, rng, moments)


def _disturb_machines(world: World, rng: Random, moments: Moments) -> None:
    names, faults = sorted(world.hosts), world.faults
    for at in moments(ADDS_PER_S):
        _later_add(world, at, rng.choice(names))
    for at in moments(faults.crashes):
        _later_crash(world, at, rng.choice(names), rng.choice((0.1, 2.0, 6.0, 30.0)))
    for at in moments(faults.suspends):
        _later_suspend(world, at, rng.choice(names), rng.uniform(0.5, 12.0))
    for at in moments(faults.disk_errors):
        _later_disk(world, at, rng.choice(names), fails_s=rng.uniform(0.5, 20), stalls_s=0.0)
    for at in moments(faults.disk_stalls):
        _later_disk(world, at, rng.choice(names), fails_s=0.0, stalls_s=rng.uniform(0.1, 9))


def _disturb_surroundings(world: World, rng: Random, moments: Moments) -> None:
    names, faults = sorted(world.hosts), world.faults
    for at in moments(faults.cuts):
        _later_cut(world, at, _halves(rng, names), rng.uniform(1, 40))
    for at in moments(faults.one_way_cuts):
        pair = {(rng.choice(names), rng.choice(names)) for _ in range(rng.randint(1, 4))}
        _later_cut(world, at, pair, rng.uniform(1, 40))
    for at in moments(faults.flaps):
        _later_flap(world, at, rng.uniform(1, 60))
    for at in moments(faults.lonely_failures):
        _later_lonely(world, at, rng.choice(names), rng.uniform(5, 60))
    for at in moments(faults.channel_outages):
        _later_channel(world, at, rng.uniform(5, 120))


def _disturb_membership(world: World, rng: Random, moments: Moments) -> None:
    names, faults = sorted(world.hosts), world.faults
    for number, at in enumerate(moments(faults.joins)):
        ident = NodeId(f"{rng.choice('mo')}{number:02d}")  # below or above the first ones
        _later_admit(world, at, rng.choice(names), ident)
    for at in moments(faults.removals):
        _later_remove(world, at, rng)


def _halves(rng: Random, names: list[NodeId]) -> set[tuple[NodeId, NodeId]]:
    left = {n for n in names if rng.random() < 0.5}  # noqa: PLR2004 - a coin
    return {(a, b) for a in names for b in names if (a in left) != (b in left)}


def _heal(world: World) -> None:
    world.faults = CALM
    world.cut.clear()
    world.down_targets.clear()
    world.lonely.clear()
    world.channel_down_until = 0.0
    for host in world.hosts.values():
        host.disk_fails_until = 0.0


def _later_add(world: World, at: Seconds, name: NodeId) -> None:
    world.at(at, name, lambda: world.add_check(name, f"c{at:.6f}"))


def _later_admit(world: World, at: Seconds, via: NodeId, ident: NodeId) -> None:
    world.at(at, via, lambda: world.admit(via, ident))


def _later_remove(world: World, at: Seconds, rng: Random) -> None:
    def act() -> None:
        names = sorted(world.hosts)
        world.remove(rng.choice(names), rng.choice(names))

    world.at(at, min(world.hosts), act)


def _later_crash(world: World, at: Seconds, name: NodeId, down_s: Seconds) -> None:
    world.at(at, name, lambda: world.crash(name, down_s))


def _later_suspend(world: World, at: Seconds, name: NodeId, for_s: Seconds) -> None:
    world.at(at, name, lambda: world.suspend(name, for_s))


def _later_cut(
    world: World, at: Seconds, pairs: set[tuple[NodeId, NodeId]], for_s: Seconds
) -> None:
    def act() -> None:
        for pair in sorted(pairs):
            world.cut[pair] = max(world.cut.get(pair, 0.0), at + for_s)

    world.at(at, min(world.hosts), act)


def _later_disk(
    world: World, at: Seconds, name: NodeId, *, fails_s: Seconds, stalls_s: Seconds
) -> None:
    def act() -> None:
        host = world.hosts[name]
        host.disk_stalls_s = stalls_s
        if fails_s:
            host.disk_fails_until = at + fails_s

    world.at(at, name, act)


def _later_flap(world: World, at: Seconds, for_s: Seconds) -> None:
    check = next(iter(world.hosts.values())).disk.committed.document.checks[0].id
    world.at(at, min(world.hosts), lambda: world.down_targets.add(check))
    world.at(at + for_s, min(world.hosts), lambda: world.down_targets.discard(check))


def _later_lonely(world: World, at: Seconds, name: NodeId, for_s: Seconds) -> None:
    check = next(iter(world.hosts.values())).disk.committed.document.checks[0].id
    world.at(at, name, lambda: world.lonely.add((name, check)))
    world.at(at + for_s, name, lambda: world.lonely.discard((name, check)))


def _later_channel(world: World, at: Seconds, for_s: Seconds) -> None:
    def act() -> None:
        world.channel_down_until = max(world.channel_down_until, at + for_s)

    world.at(at, min(world.hosts), act)

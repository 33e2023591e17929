"""In a long run with churn, no queue, map or file grows.  `--days 365` makes it a year.

The world has three nodes whose timers are as slow as the settings allow (a heartbeat each minute,
dead after three), and one check that is probed twice an hour.  In contrast, the churn is dense:
every hour an operator adds a check, edits it, removes it, and turns a channel off and
on; every third hour there is an outage, every sixth a node dies, every eighth two nodes cannot
hear each other, every twelfth a disk refuses writes, and every day a node joins and is removed.
"""

import sys

from attrs import evolve

from qutrio.codec.stable import document_file, encode_state
from qutrio.core.api.mutations import Mutation, PutChannel, PutCheck, RemoveCheck
from qutrio.model.document import Settings
from qutrio.model.ids import NodeId, Seconds
from qutrio.sim.host import Host
from qutrio.sim.initial_states import first_document
from qutrio.sim.invariants.growth import CEILINGS, containers
from qutrio.sim.operators import new_check
from qutrio.sim.world import World
from tests.sim.worlds import N0, N1, N2, WEB, both_ways

HOUR_S: Seconds = 3600.0
DAY_S = 24 * HOUR_S
PROBE_EVERY_S = HOUR_S / 2
SLOW = Settings(heartbeat_s=60.0, dead_after_s=180.0, master_cooldown_s=600.0, confirm_after_s=60.0)
STATE_BYTES_MAX = 64_000
GROWTH_MAX = 1.6
"""The factor by which the largest size in the second half may exceed that in the first.

Most of the growth is the list of the last changes of removed items, which fills up to its bound.
"""


def live(world: World, days: float) -> list[int]:
    """Run a cluster, and return the total size of all machines at the end of each hour.

    Containers with a bound of their own are checked against it, and not counted.
    """
    sizes = []
    for hour in range(int(days * 24)):
        _hour(world, hour)
        world.run((hour + 1) * HOUR_S)
        world.invariants.sizes(world.hosts, world.true)
        found = [pair for host in world.hosts.values() for pair in containers(host)]
        sizes.append(sum(length for place, length in found if place not in CEILINGS))
        assert all(_state_bytes(h) <= STATE_BYTES_MAX for h in world.hosts.values())
    return sizes


def _hour(world: World, hour: int) -> None:
    """Plan what happens in one hour."""
    begin, names = hour * HOUR_S, (N0, N1, N2)
    name = names[hour % 3]
    victim = names[hour // 24 % 3]
    for at in (begin + 10.0, begin + 10.0 + PROBE_EVERY_S):
        world.at(at, name, lambda: _probe(world))
    _operate(world, begin, name)
    if hour % 3 == 0:
        world.at(begin + 300, name, lambda: world.targets.down.add(WEB))
        world.at(begin + 310, name, lambda: _probe(world))
        world.at(begin + 1500, name, world.targets.down.clear)
    if hour % 6 == 1:
        world.at(begin + 700, name, lambda: world.crash(victim, 900.0))
    if hour % 8 == 2:
        pair = both_ways((victim, name))
        world.at(begin + 500, name, lambda: world.network.cut_off(pair, world.true + 1200))
    if hour % 12 == 3:
        world.at(begin + 20, name, lambda: _break_disk(world.hosts[victim], world.true + 600))
    if hour % 24 == 4:
        guest = NodeId(f"o{hour // 24:03d}")
        world.at(begin + 60, name, lambda: world.admit(N1, guest))
        world.at(begin + 2400, name, lambda: world.remove(N1, guest))
        world.at(begin + 3500, name, lambda: _take_away(world, guest))


def _operate(world: World, begin: Seconds, name: NodeId) -> None:
    check = new_check(f"c{begin:.0f}")
    edited = evolve(check, timeout_s=5.0)

    def ask(after: Seconds, mutation: Mutation) -> None:
        def act() -> None:
            world.propose(name, mutation)

        world.at(begin + after, name, act)

    def turn(*, on: bool) -> None:
        host = world.hosts[name]
        if host.node is not None:
            now = host.node.register.committed.document.channels[0]
            world.propose(name, PutChannel(channel=evolve(now, enabled=on), expect=now))

    ask(30, PutCheck(check=check))
    ask(200, PutCheck(check=edited, expect=check))
    ask(400, RemoveCheck(expect=edited))
    ask(410, RemoveCheck(expect=check))
    world.at(begin + 2700, name, lambda: turn(on=False))
    world.at(begin + 2900, name, lambda: turn(on=True))


def _probe(world: World) -> None:
    for name in sorted(world.hosts):
        world.probe(name, WEB)


def _take_away(world: World, guest: NodeId) -> None:
    """Delete the machine of a removed member."""
    host = world.hosts.pop(guest, None)
    if host is not None:
        host.crash(power_cut=False)


def _break_disk(host: Host, until: Seconds) -> None:
    host.disk_fails_until = until


def _state_bytes(host: Host) -> int:
    records = (host.disk.accepted, host.disk.committed)
    files = {f.name: f.content for f in (document_file(r.document) for r in records)}
    names = [document_file(r.document).name for r in records]
    state = encode_state(host.disk, accepted=names[0], committed=names[1])
    return len(state) + sum(map(len, files.values()))


def test_nothing_grows_in_a_long_life_with_churn(days: float) -> None:
    document = first_document(3, SLOW)
    web = evolve(document.checks[0], interval_s=PROBE_EVERY_S)
    world = World(1, 3, document=evolve(document, checks=(web,)))
    world.probing = False  # `_probe` does, at the interval of the check
    sizes = live(world, days)
    half = len(sizes) // 2
    assert max(sizes[half:]) <= GROWTH_MAX * max(sizes[:half])
    assert len(world.invariants.acted) >= 2
    assert sum(world.invariants.announced.values()) >= 2 * 7 * days
    assert world.rulings["committed"] >= 100 * days
    hosts = world.hosts.values()
    rulings = max(n for h in hosts for place, n in containers(h) if place in CEILINGS)
    told = sum(world.invariants.announced.values())
    sys.stdout.write(
        f"{days:g} days: {world.events} events, {world.rulings['committed']} changes, {told} pages,"
        f" at most {max(sizes)} things and {rulings} rulings; faults: {dict(world.struck)}\n"
    )

"""The behaviour of each election engine with 1, 2, 3 ... 101 members, simulated.

Run with `python benchmarks/members.py [SIZE ...] [--engine NAME ...]`, or `--quick` to see that
it works.  Every cluster has the default settings and one check, and is started cold: all nodes
at once, with the cluster's record and no master.  Links take up to 20 ms and keep the order;
clock rates are up to 1 % off.  Columns: the time until the first master acts (median and worst of
some seeds); from a crash of the master until another acts (median and 99th percentile); what a
node sends per second at rest, in messages and kilobytes as encoded, without websocket, TLS and
TCP, and the same for the master alone; and the simulator's own CPU seconds for one simulated
second of the whole cluster, including the invariants.
"""

import argparse
import os
import platform
import statistics
import time
from random import Random

from attrs import evolve, frozen
from failover import GONE_S, LOOK_S, OrderedNetwork, SuccessorWatch
from messages import WINDOW_S, listen
from nodes import machine

from qutrio import __version__
from qutrio.core.election.engines import ENGINES
from qutrio.model.document import ClusterDocument, Settings
from qutrio.model.ids import NodeId, Seconds
from qutrio.sim.initial_states import first_document, member
from qutrio.sim.options import Faults
from qutrio.sim.world import World

SIZES = (1, 2, 3, 9, 25, 51, 101)
FAULTS = Faults(delay_s_max=0.02, clock_drift=0.01)
NODES_FOR_ALL_SEEDS = 120
"""The number of nodes that are started for one line, shared by its seeds."""
SEEDS_MAX = 40
SEEDS_MIN = 1
SETTLE_S: Seconds = 3.0
PHASE_S: Seconds = 5.0
"""The time between declarations of gossip's leader; all other relevant timers are shorter."""
GIVEN_UP_S: Seconds = 60.0
NOBODY = NodeId("")


@frozen
class Life:
    """One cluster from its start to the next master; times are None without a master."""

    first_s: Seconds | None
    next_s: Seconds | None
    messages: float
    kilobytes: float
    by_master: float
    kilobytes_by_master: float
    cpu_s: float


def seeds(size: int) -> range:
    """Return the seeds for a size; larger clusters have fewer."""
    return range(1, 1 + max(SEEDS_MIN, min(SEEDS_MAX, NODES_FOR_ALL_SEEDS // size)))


def await_master(world: World, other_than: NodeId = NOBODY) -> Seconds | None:
    """Return the time from now until a node acts, or None if that does not happen."""
    began = world.true
    world.observer = watch = SuccessorWatch(world, other_than)
    while watch.acts_at is None and world.true < began + GIVEN_UP_S:
        world.run(world.true + LOOK_S)
    return None if watch.acts_at is None else watch.acts_at - began


def document(size: int, engine: str) -> ClusterDocument:
    """Return the initial document, with ids that sort correctly beyond a hundred."""
    members = tuple(member(NodeId(f"n{number:03d}"), number) for number in range(size))
    return evolve(first_document(1, Settings(engine=engine)), members=members)


def live(seed: int, size: int, engine: str) -> Life:
    """Start a cluster, measure it at rest, and crash its master."""
    world = World(seed, size, FAULTS, document=document(size, engine))
    world.network = OrderedNetwork(
        world.network.dice, world.struck, world.network.trouble, world.faults
    )
    first_s = await_master(world)
    world.observer = None
    world.run(world.true + SETTLE_S + Random(seed).uniform(0, PHASE_S))
    (master,) = (name for name, host in world.hosts.items() if host.acting(world.true))
    began = time.process_time()
    ear = listen(world)
    cpu_s = (time.process_time() - began) / WINDOW_S
    world.crash(master, GONE_S)
    return Life(
        first_s=first_s,
        next_s=await_master(world, master),
        messages=ear.messages.total() / size / WINDOW_S,
        kilobytes=ear.size.total() / size / WINDOW_S / 1000,
        by_master=ear.messages[master] / WINDOW_S,
        kilobytes_by_master=ear.size[master] / WINDOW_S / 1000,
        cpu_s=cpu_s,
    )


def row(engine: str, size: int, lives: list[Life]) -> str:
    """Return one line of the table."""
    firsts = sorted(life.first_s for life in lives if life.first_s is not None)
    nexts = sorted(life.next_s for life in lives if life.next_s is not None)
    means = (
        statistics.fmean(values)
        for values in (
            [life.messages for life in lives],
            [life.by_master for life in lives],
            [life.kilobytes for life in lives],
            [life.kilobytes_by_master for life in lives],
        )
    )
    cells = [f"{engine:>9}", f"{size:>5}", f"{len(lives):>5}"]
    cells += [_seconds(firsts, 0.5), _seconds(firsts, 1.0)]
    cells += [_seconds(nexts, 0.5), _seconds(nexts, 0.99)]
    cells += [f"{mean:>8.1f}" for mean in means]
    cells.append(f"{statistics.fmean(life.cpu_s for life in lives):>7.3f}")
    return "  ".join(cells)


def _seconds(times: list[Seconds], part: float) -> str:
    """Return this percentile of the times, or "never"."""
    if not times:
        return f"{'never':>7}"
    return f"{times[min(len(times) - 1, int(part * len(times)))]:>7.2f}"


def main() -> None:
    """Measure all engines at all sizes and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sizes", type=int, nargs="*", default=SIZES, help="numbers of members")
    parser.add_argument("--engine", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--quick", action="store_true", help="one seed of small clusters")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"qutrio {__version__}, Python {platform.python_version()}, {machine()}, load {load:.1f}")
    print("times in seconds; messages and kB per second of a node, and of the master; CPU\n")
    heads = ("first", "worst", "next", "p99")
    columns = [f"{'engine':>9}", f"{'nodes':>5}", f"{'seeds':>5}", *(f"{h:>7}" for h in heads)]
    columns += [f"{h:>8}" for h in ("messages", "master's", "kB", "master's")]
    print("  ".join([*columns, f"{'CPU s':>7}"]))
    for size in (1, 2, 3) if options.quick else options.sizes:
        for engine in options.engine:
            which = range(1, 2) if options.quick else seeds(size)
            print(row(engine, size, [live(seed, size, engine) for seed in which]), flush=True)


if __name__ == "__main__":
    main()

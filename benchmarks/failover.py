"""How long there is no master after the master goes, simulated with many seeds.

Run with `python benchmarks/failover.py [SIZE ...] [--trials N]`, or `--quick` to see that it
works.  Each trial is a cluster of its own with the default settings, over a wide-area network
that keeps the order of messages like TCP, with clocks that run fast or slow.  At a random time the
master crashes, is stopped by its operator, or is cut off from all others; the measured time is
from then until another node acts.
"""

import argparse
import platform
from collections.abc import Callable
from random import Random

from attrs import define
from nodes import machine

from qutrio import __version__
from qutrio.core.consensus.lease import CANVASSES_PER_HEARTBEAT
from qutrio.model.document import Settings
from qutrio.model.ids import NodeId, Seconds
from qutrio.sim.network import Network
from qutrio.sim.observer import Observer
from qutrio.sim.options import Faults
from qutrio.sim.world import World

SIZES = (3, 5, 7, 25)
TRIALS = 200
DELAY_S_MAX: Seconds = 0.08
DRIFT = 0.01
SETTLE_S: Seconds = 15.0
GIVEN_UP_S: Seconds = 60.0
LOOK_S: Seconds = 0.25
GONE_S: Seconds = 3600.0
HOPS_MAX = 9
"""Sequential messages between the last one of the old master and the first one of the next: that
last message, a canvass and its answer, the claim and its grants, the request for the newest
record and its answer, the first write and its acceptance."""


@define
class SuccessorWatch(Observer):
    """Watches for another master than the one that went."""

    world: World
    gone: NodeId
    acts_at: Seconds | None = None

    def on_event(self, name: NodeId) -> None:
        """Record the first time at which another node acts."""
        host = self.world.hosts[name]
        if self.acts_at is None and name != self.gone and host.acting(self.world.true):
            self.acts_at = self.world.true


@define
class OrderedNetwork(Network):
    """A network that keeps the order of messages, like the TCP links of real nodes."""

    def arrivals(self, source: NodeId, to: NodeId, true: Seconds) -> list[Seconds]:
        """Return the time at which a message sent now arrives, not before the last one."""
        last = self._last.get((source, to), true)
        return [max(last, moment) for moment in super().arrivals(source, to, true)]


def crash(world: World, master: NodeId) -> None:
    """Kill the machine."""
    world.crash(master, GONE_S)


def stop(world: World, master: NodeId) -> None:
    """Stop the node cleanly."""
    world.stop(master, GONE_S)


def cut(world: World, master: NodeId) -> None:
    """Cut all links of the machine."""
    others = [name for name in world.hosts if name != master]
    pairs = {(master, n) for n in others} | {(n, master) for n in others}
    world.network.cut_off(sorted(pairs), world.true + GONE_S)


WAYS: dict[str, Callable[[World, NodeId], None]] = {"crash": crash, "stop": stop, "cut": cut}


def bound(way: str) -> Seconds:
    """Return the longest possible time, if no message is lost.

    For `dead_after`, a dead master is believed to live and act, and voters are bound to it.  The
    end of that time is noticed with the next message or heartbeat.  A canvass that comes too early
    is repeated after a tenth of a heartbeat.  All this is by the slowest clock.
    """
    settings = Settings()
    again_s = settings.heartbeat_s / CANVASSES_PER_HEARTBEAT
    silence_s = 0.0 if way == "stop" else settings.dead_after_s + settings.heartbeat_s
    return HOPS_MAX * DELAY_S_MAX + (again_s + silence_s) / (1 - DRIFT)


def trial(seed: int, size: int, way: str) -> Seconds:
    """Return how long there was no master; raises `AssertionError` if there is none again."""
    world = World(seed, size, Faults(delay_s_max=DELAY_S_MAX, clock_drift=DRIFT))
    world.network = OrderedNetwork(
        world.network.dice, world.struck, world.network.trouble, world.faults
    )
    world.run(SETTLE_S + Random(seed).random())
    (master,) = (name for name, host in world.hosts.items() if host.acting(world.true))
    watch = SuccessorWatch(world, master)
    world.observer, went_at = watch, world.true
    WAYS[way](world, master)
    while watch.acts_at is None and world.true < went_at + GIVEN_UP_S:
        world.run(world.true + LOOK_S)
    assert watch.acts_at is not None, f"nobody acts: seed {seed}, {size} nodes, {way}"
    return watch.acts_at - went_at


def row(size: int, way: str, trials: int) -> str:
    """Return one line of the table."""
    times = sorted(trial(seed, size, way) for seed in range(1, trials + 1))
    middle, rare = times[len(times) // 2], times[min(len(times) - 1, int(0.99 * len(times)))]
    return (
        f"{size:>5}  {way:>5}  {middle:>8.2f}  {rare:>8.2f}  {times[-1]:>8.2f}  {bound(way):>8.2f}"
    )


def main() -> None:
    """Run all trials and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sizes", type=int, nargs="*", default=SIZES, help="numbers of nodes")
    parser.add_argument("--trials", type=int, default=TRIALS, help="seeds of each kind")
    parser.add_argument("--quick", action="store_true", help="one trial of each")
    options = parser.parse_args()
    trials = 1 if options.quick else options.trials
    print(f"qutrio {__version__}, Python {platform.python_version()}, {machine()}")
    print(f"each message takes up to {1000 * DELAY_S_MAX:g} ms, all delays alike;", end=" ")
    print(f"clock rates up to {100 * DRIFT:g} % off; {trials} trials of each; seconds\n")
    print(f"{'nodes':>5}  {'way':>5}  {'p50':>8}  {'p99':>8}  {'worst':>8}  {'bound':>8}")
    for size in options.sizes:
        for way in WAYS:
            print(row(size, way, trials), flush=True)


if __name__ == "__main__":
    main()

"""The speed of the simulator: node-seconds per second of one core, and times real time.

Run with `python benchmarks/simulator.py [SIZE ...]`, or `--quick` to see that it works.  Calm is
a cluster at rest; faulty are schedules over all faults, as `python -m qutrio.sim` plays them.
Every message goes through the real codec, and the invariants are checked after every event.
Seconds are CPU time: the simulator uses one core and never waits.
"""

import argparse
import gc
import platform
import statistics
import time

from attrs import frozen
from nodes import machine

from qutrio import __version__
from qutrio.sim.schedule import play
from qutrio.sim.world import World

SIZES = (3, 5, 9, 25)
SETTLE_S = 30.0
ROUND_EVENTS = 20_000
ROUNDS = 7


@frozen
class Round:
    """What was simulated, and its cost."""

    size: int
    simulated_s: float
    events: int
    took_s: float

    @property
    def times_real(self) -> float:
        """The number of simulated seconds per second."""
        return self.simulated_s / self.took_s


def calm(size: int, rounds: int, events: int) -> list[Round]:
    """Run a cluster without faults, in parts of about `events` events."""
    world = World(1, size)
    world.run(SETTLE_S)
    part_s = events / (world.events / SETTLE_S)
    done = []
    for _ in range(rounds):
        before, began = world.events, time.process_time()
        world.run(world.true + part_s)
        took = time.process_time() - began
        done.append(Round(size, part_s, world.events - before, took))
    return done


def faulty(size: int, rounds: int, events: int) -> list[Round]:
    """Play seeds one after the other, in parts of at least `events` events.

    Their outcomes are not checked; the tests do that.
    """
    done, seed = [], 0
    for _ in range(rounds):
        simulated, happened, began = 0.0, 0, time.process_time()
        while happened < events:
            seed += 1
            outcome = play(seed, size)
            simulated += outcome.true_s
            happened += outcome.events
        done.append(Round(size, simulated, happened, time.process_time() - began))
    return done


def row(kind: str, rounds: list[Round]) -> str:
    """Return one line of the table: the median of the rounds."""
    size = rounds[0].size
    times = statistics.median(r.times_real for r in rounds)
    per_event = statistics.median(1e6 * r.took_s / r.events for r in rounds)
    return f"{size:>5}  {kind:>6}  {size * times:>14,.0f}  {times:>10,.0f}  {per_event:>10.1f}"


def main() -> None:
    """Measure each size and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sizes", type=int, nargs="*", default=SIZES, help="numbers of nodes")
    parser.add_argument("--quick", action="store_true", help="one short round of each")
    options = parser.parse_args()
    rounds, events = (1, 500) if options.quick else (ROUNDS, ROUND_EVENTS)
    print(f"qutrio {__version__}, Python {platform.python_version()}, {machine()}")
    print(f"the middle of {rounds} rounds of {events:,} events\n")
    print(f"{'nodes':>5}  {'':>6}  {'node-s per s':>14}  {'times real':>10}  {'us / event':>10}")
    gc.collect()
    gc.freeze()  # as the daemon does when it has started
    for size in options.sizes:
        print(row("calm", calm(size, rounds, events)), flush=True)
        print(row("faulty", faulty(size, rounds, events)), flush=True)


if __name__ == "__main__":
    main()

"""The cost of one result in the core, as the number of checks grows.

Run with `python benchmarks/step.py [CHECKS ...]`, or `--quick` to see that it works.  One node of a
one-node cluster is fed the results of its own probes, at an interval of 30 s, in these phases: all
targets are up; all fail for the first time; they fail again, which opens an incident for each
check; they still fail while all incidents are open; they are up again, twice, which closes the
incidents.  A write is durable at once, and a delivery succeeds at once.  Then all fail again while
the channel answers nothing.  The figures are microseconds of CPU for each result,
with everything that it causes in the core: ticks, writes, notices, deliveries.
"""

import argparse
import platform
import time
from collections import deque
from collections.abc import Sequence
from random import Random

from attrs import evolve
from nodes import machine

from qutrio import __version__
from qutrio.core.api.effects import Notify
from qutrio.core.api.events import Event, Observed, Tick
from qutrio.core.node import Node
from qutrio.model.checks import TcpCheck
from qutrio.model.document import Settings
from qutrio.model.ids import CheckId, Instant, Seconds, Term, UnixTime
from qutrio.model.incidents import Ledger
from qutrio.model.results import Outcome, Result
from qutrio.model.stable import Position, Promise, Record, Stable
from qutrio.sim.initial_states import EPOCH, first_document, node_ids

SIZES = (100, 1000, 5000, 10_000)
INTERVAL_S: Seconds = 30.0
MASTER_WITHIN_S: Seconds = 6.0
TICK_S: Seconds = 0.1
STORM_S: Seconds = 100.0
"""After this long all notices of a storm were sent."""


class LoneNode:
    """A master without peers, and the time."""

    def __init__(self, checks: int) -> None:
        """Start with this many checks and one alert channel, and become master."""
        self.checks = tuple(
            TcpCheck(id=CheckId(name), name=name, address="127.0.0.1:9", interval_s=INTERVAL_S)
            for name in (f"c{number:06d}" for number in range(checks))
        )
        document = evolve(first_document(1, Settings()), checks=self.checks)
        record = Record(Position(Term(0), 0), document, Ledger())
        stable = Stable(Promise(), record, record)
        self.now = 0.0
        self.node = Node(node_ids(1)[0], stable, now=Instant(0.0), rng=Random(1))
        self.delivered = 0
        self.holds = False
        self.waiting = deque[Event]()
        """The ends of deliveries, while the channel answers nothing."""
        while self.now < MASTER_WITHIN_S:
            self.now += TICK_S
            self.step(Tick())

    def step(self, event: Event) -> None:
        """Process an event, and the ends of the deliveries that follow from it."""
        events, now = deque([event]), Instant(self.now)
        while events:
            for effect in self.node.step(events.popleft(), now, UnixTime(EPOCH + now)):
                if isinstance(effect, Notify):
                    digest = effect.delivery.notice.digest
                    self.delivered += 1 if digest is None else digest.total
                    ends = self.waiting if self.holds else events
                    ends.append(effect.ended(delivered=True, detail=""))

    def wait(self, for_s: Seconds) -> None:
        """Let time pass, with a tick at each deadline."""
        until = self.now + for_s
        while self.node.deadline <= until:
            self.now = max(self.now, self.node.deadline)
            self.step(Tick())
        self.now = until

    def round(self, outcome: Outcome) -> float:
        """Process one result of each check, evenly spread; return microseconds for each."""
        before = time.process_time()
        for check in self.checks:
            self.now += INTERVAL_S / len(self.checks)
            if self.node.deadline <= self.now:
                self.step(Tick())
            detail = "connection refused" if outcome is Outcome.FAIL else ""
            result = Result(
                check=check.id,
                changed=check.changed,
                outcome=outcome,
                latency_ms=1.0,
                detail=detail,
            )
            self.step(Observed(result))
        return (time.process_time() - before) / len(self.checks) * 1e6


def main(sizes: Sequence[int]) -> None:
    """Measure each size and print a table."""
    print(f"qutrio {__version__}, Python {platform.python_version()}, {machine()}")
    print("microseconds of CPU for each result\n")
    heads = ("checks", "healthy", "first failure", "incident opens", "incident open")
    heads += ("first success", "recovers", "opens, none delivered")
    print("  ".join(heads))
    for size in sizes:
        node = LoneNode(size)
        node.round(Outcome.OK)
        figures = [node.round(Outcome.OK)]
        figures += [node.round(Outcome.FAIL) for _ in range(3)]
        figures += [node.round(Outcome.OK) for _ in range(2)]
        node.wait(STORM_S)
        assert node.delivered == 2 * size, "each check is announced down, and recovered later"
        node.round(Outcome.FAIL)
        node.holds = True
        figures.append(node.round(Outcome.FAIL))
        row = [f"{size:6d}", *(f"{f:{len(h)}.0f}" for h, f in zip(heads[1:], figures, strict=True))]
        print("  ".join(row), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checks", nargs="*", type=int, default=SIZES)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    main((50,) if options.quick else options.checks)

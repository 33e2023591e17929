"""Measures when the machine itself is too slow, so that missed deadlines are not the nodes' fault.

Linux counts how long a thread was ready to run without a processor.  That is sampled for the main
thread of each node, and so is the delay of the sampling itself.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from qutrio.core.quorum.majorities import majority
from tests.cluster.background import Background, Work
from tests.cluster.nodes import Node

LOOK_EVERY_S = 0.5
WAITED_S_MIN = 0.3
"""How long a node may wait for a processor between two samples before it counts as a stall."""

LATE_S_MIN = 0.5
STARVED_S_MIN = 1.0
THE_TEST = "the test"


@frozen
class Stall:
    """From `begin` to `end`, a thread that was ready to run got no processor for `lost_s`."""

    begin: float
    end: float
    who: str
    lost_s: float


class Stalls(Background):
    """Samples while the `with` block runs."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.found: list[Stall] = []
        self._nodes = nodes
        self._waited: dict[int, float] = {}
        self._last = time.monotonic()
        super().__init__([Work(lambda: LOOK_EVERY_S, self._sample)])

    def lost_s(self, begin: float, end: float) -> float:
        """Return the longest wait of any node between two times."""
        return max(self._lost(begin, end).values(), default=0.0)

    def starved(self, begin: float, end: float) -> bool:
        """Return whether so many nodes waited that a majority's decision proves little."""
        lost = self._lost(begin, end)
        hungry = [who for who, lost_s in lost.items() if lost_s >= STARVED_S_MIN]
        return THE_TEST in hungry or len(hungry) >= majority(len(self._nodes))

    def _lost(self, begin: float, end: float) -> dict[str, float]:
        """Return how long each node waited."""
        lost: dict[str, float] = {}
        for stall in list(self.found):
            if stall.begin < end and stall.end > begin:
                lost[stall.who] = lost.get(stall.who, 0.0) + stall.lost_s
        return lost

    def _sample(self) -> None:
        last, now = self._last, time.monotonic()
        late = now - last - LOOK_EVERY_S
        if late > LATE_S_MIN:
            self.found.append(Stall(last, now, THE_TEST, late))
        for node in self._nodes:
            waited = self._waits(node)
            if waited > WAITED_S_MIN:
                self.found.append(Stall(last, now, node.name, waited))
        self._last = now

    def _waits(self, node: Node) -> float:
        """Return how long the node waited since the last sample, in seconds."""
        if not node.running:
            return 0.0
        pid = node.pid
        try:
            total = int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
        except OSError:
            return 0.0
        before, self._waited[pid] = self._waited.get(pid, total), total
        return total - before

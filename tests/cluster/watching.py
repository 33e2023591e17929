"""Looks at all nodes again and again, and can tell afterwards who acted when."""

import threading
import time
from itertools import pairwise
from types import TracebackType

from attrs import frozen

from tests.cluster.nodes import Node

SAMPLE_EVERY_S = 0.05


@frozen
class Sample:
    """One answer of a node, which was true at some moment between `asked` and `answered`."""

    node: str
    asked: float
    answered: float
    acting: bool
    term: int


class Watch:
    """A thread per node that samples its status every 50 ms while the `with` block runs."""

    def __init__(self, nodes: list[Node]) -> None:
        self.samples: list[Sample] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._sample, args=(n,)) for n in nodes]

    def __enter__(self) -> "Watch":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        _: type[BaseException] | None,
        __: BaseException | None,
        ___: TracebackType | None,
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def reigns(self) -> list[tuple[str, int]]:
        """Return who acted in which term, in the order in which each was first seen acting."""
        seen: dict[tuple[str, int], None] = {}
        for sample in sorted(self.samples, key=lambda s: s.answered):
            if sample.acting:
                seen.setdefault((sample.node, sample.term))
        return list(seen)

    def clashes(self) -> list[tuple[Sample, Sample]]:
        """Return pairs of samples that prove that two nodes acted at the same moment.

        Two samples of one node that both say "acting", in one term, are taken to mean that it
        acted in between; an answer of another node from wholly within that time is the proof.
        """
        found = []
        by_node: dict[str, list[Sample]] = {}
        for sample in self.samples:
            by_node.setdefault(sample.node, []).append(sample)
        for node, samples in by_node.items():
            spans = [
                (s.answered, t.asked, s)
                for s, t in pairwise(samples)
                if s.acting and t.acting and s.term == t.term
            ]
            for other in self.samples:
                if other.node != node and other.acting:
                    found += [
                        (s, other)
                        for begin, end, s in spans
                        if begin < other.asked and other.answered < end
                    ]
        return found

    def _sample(self, node: Node) -> None:
        while not self._ended.wait(SAMPLE_EVERY_S):
            asked = time.monotonic()
            status = node.look()
            answered = time.monotonic()
            if status is not None:
                sample = Sample(node.name, asked, answered, status["acting"], status["term"])
                self.samples.append(sample)

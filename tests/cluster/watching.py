"""Samples all nodes again and again, to find out afterwards who was master when."""

import time
from functools import partial
from itertools import pairwise

from attrs import frozen

from tests.cluster.background import Background, Work
from tests.cluster.nodes import Node

SAMPLE_EVERY_S = 0.05
KEPT = ("acting", "term", "revision", "digest")


@frozen
class Sample:
    """One answer of a node, which was true at some time between `asked` and `answered`."""

    node: str
    asked: float
    answered: float
    acting: bool
    term: int
    revision: int
    digest: str


class Watch(Background):
    """Samples the status of each node again and again while the `with` block runs."""

    def __init__(self, nodes: list[Node], every_s: float = SAMPLE_EVERY_S) -> None:
        self.samples: list[Sample] = []
        super().__init__(Work(lambda: every_s, partial(self._sample, node)) for node in nodes)

    def masters(self) -> list[tuple[str, int]]:
        """Return each master with its term, in the order in which they were first seen."""
        seen: dict[tuple[str, int], None] = {}
        for sample in sorted(self.samples, key=lambda s: s.answered):
            if sample.acting:
                seen.setdefault((sample.node, sample.term))
        return list(seen)

    def pauses(self) -> list[float]:
        """Return the times between answers of a node, which show how slow this machine was."""
        by_node: dict[str, list[float]] = {}
        for sample in self.samples:
            by_node.setdefault(sample.node, []).append(sample.answered)
        return [b - a for times in by_node.values() for a, b in pairwise(times)]

    def clashes(self) -> list[tuple[Sample, Sample]]:
        """Return pairs of samples that prove that two nodes were master at the same time.

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
        asked = time.monotonic()
        status = node.look()
        answered = time.monotonic()
        if status is not None:
            kept = {key: status[key] for key in KEPT}
            self.samples.append(Sample(node.name, asked, answered, **kept))

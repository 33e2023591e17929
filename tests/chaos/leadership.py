"""What samples of the nodes' status prove about masters, terms and documents.

A sample was true at some moment between its question and its answer.  So one sample is before
another for certain only if it was answered before the other was asked; nothing else is taken
for proved.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from tests.cluster.watching import Sample

FORGETS_FOR_S = 2.0
"""How long after a disk is well again its node may still fall back to what is on it."""


Spans = Sequence[tuple[float, float]]


def judge(samples: Sequence[Sample], forgetful: Mapping[str, Spans]) -> list[str]:
    """Return every breach of a promise that the samples prove.

    `forgetful` are spans in which a node may have forgotten that a revision was committed.
    """
    return [
        *_two_masters(samples),
        *_one_term_of_two(samples),
        *_falls(samples, forgetful),
        *_documents(samples),
    ]


def without_master(
    samples: Iterable[Sample], begin: float, end: float
) -> list[tuple[float, float]]:
    """Return the spans within which no sample saw a node act, from the longest to the shortest."""
    seen = [(s.asked, s.answered) for s in samples if s.acting and begin <= s.asked <= end]
    seen.sort()
    edges = [(begin, begin), *seen, (end, end)]
    spans = [(a, b) for (_, a), (b, _) in pairwise(edges) if b > a]
    return sorted(spans, key=lambda span: span[0] - span[1])


def reigns(samples: Iterable[Sample], gap_s: float) -> list[tuple[str, float, float]]:
    """Return who was seen acting from when to when, without a gap of `gap_s` between samples."""
    found: list[tuple[str, float, float]] = []
    for name, mine in _by_node(samples).items():
        begun = last = None
        for sample in mine:
            broken = last is not None and sample.answered - last.asked > gap_s
            if begun is not None and last is not None and (broken or not _goes_on(last, sample)):
                found.append((name, begun.answered, last.asked))
                begun = None
            if sample.acting:
                begun = begun or sample
            last = sample
        if begun is not None and last is not None:
            found.append((name, begun.answered, last.asked))
    return [reign for reign in found if reign[2] > reign[1]]


def _goes_on(last: Sample, sample: Sample) -> bool:
    return sample.acting and last.acting


def _two_masters(samples: Sequence[Sample]) -> list[str]:
    """Who acts in a lower term, after another acted in a higher one, acts beside it.

    The higher term's majority was bound to its holder by then, and a lease on the lower term
    must have ended before.
    """
    found = []
    acting = sorted((s for s in samples if s.acting), key=lambda s: s.answered)
    asked = sorted(acting, key=lambda s: s.asked)
    highest: Sample | None = None
    position = 0
    for later in asked:
        while position < len(acting) and acting[position].answered < later.asked:
            earlier = acting[position]
            if highest is None or earlier.term > highest.term:
                highest = earlier
            position += 1
        if highest is not None and later.term < highest.term:
            found.append(f"{_told(later)} although before {_told(highest)}")
    return found


def _one_term_of_two(samples: Sequence[Sample]) -> list[str]:
    """One node acted in a term, then another, then the first again: the term had two holders.

    A single change of hands proves nothing: a master that acts shows the term that it already
    claims above its own, and may not get it.
    """
    found = []
    by_term: dict[int, list[Sample]] = {}
    for sample in samples:
        if sample.acting:
            by_term.setdefault(sample.term, []).append(sample)
    for term, acting in sorted(by_term.items()):
        for name, mine in _by_node(acting).items():
            first = min(s.answered for s in mine)
            last = max(s.asked for s in mine)
            between = [s for s in acting if s.node != name and first < s.asked < s.answered < last]
            found += [f"term {term} was {name}'s, yet {_told(s)}" for s in between[:1]]
    return found


def _falls(samples: Sequence[Sample], forgetful: Mapping[str, Spans]) -> list[str]:
    """A node's term never falls, nor does its committed revision as long as it remembers.

    One that is killed, or whose disk refuses writes, may have to learn again what it only knew
    to be committed.
    """
    found = []
    for name, mine in _by_node(samples).items():
        for earlier, later in pairwise(mine):
            if later.term < earlier.term:
                found.append(f"the term fell: {_told(earlier)}, then {_told(later)}")
            forgot = any(
                begin < later.answered and end + FORGETS_FOR_S > earlier.asked
                for begin, end in forgetful.get(name, ())
            )
            if later.revision < earlier.revision and not forgot:
                found.append(f"the revision fell: {_told(earlier)}, then {_told(later)}")
    return found


def _documents(samples: Sequence[Sample]) -> list[str]:
    """One revision has one content, on all nodes and for ever."""
    digests: dict[int, dict[str, Sample]] = {}
    for sample in samples:
        digests.setdefault(sample.revision, {}).setdefault(sample.digest, sample)
    return [
        f"revision {revision} has {len(seen)} contents: "
        + ", ".join(_told(sample) for sample in seen.values())
        for revision, seen in sorted(digests.items())
        if len(seen) > 1
    ]


def _by_node(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    """Sort them by the node and by when they were asked; a node is asked one thing at a time."""
    by_node: dict[str, list[Sample]] = {}
    for sample in sorted(samples, key=lambda s: s.asked):
        by_node.setdefault(sample.node, []).append(sample)
    return by_node


def _told(sample: Sample) -> str:
    acts = "acted" if sample.acting else "stood by"
    return (
        f"{sample.node} {acts} at {sample.asked:.2f}-{sample.answered:.2f} "
        f"in term {sample.term} with revision {sample.revision}"
    )

"""Checks samples of the nodes' status for violations about masters, terms and documents.

A sample was true at some time between its question and its answer.  So one sample is certainly
before another only if it was answered before the other was asked; nothing else counts as proved.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from tests.cluster.watching import Sample

FORGETS_FOR_S = 2.0
"""How long after a disk recovers its node may still fall back to the disk's state."""


Spans = Sequence[tuple[float, float]]


def judge(samples: Sequence[Sample], forgetful: Mapping[str, Spans]) -> list[str]:
    """Return every violation that the samples prove.

    `forgetful` are spans in which a node may have lost the fact that a revision was committed.
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
    """Return the spans in which no sample shows a master, the longest first."""
    seen = [(s.asked, s.answered) for s in samples if s.acting and begin <= s.asked <= end]
    seen.sort()
    edges = [(begin, begin), *seen, (end, end)]
    spans = [(a, b) for (_, a), (b, _) in pairwise(edges) if b > a]
    return sorted(spans, key=lambda span: span[0] - span[1])


def periods_as_master(samples: Iterable[Sample], gap_s: float) -> list[tuple[str, float, float]]:
    """Return periods as master as (name, from, to), without gaps of `gap_s` between samples."""
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
    return [period for period in found if period[2] > period[1]]


def _goes_on(last: Sample, sample: Sample) -> bool:
    return sample.acting and last.acting


def _two_masters(samples: Sequence[Sample]) -> list[str]:
    """Find nodes that act in a lower term after another acted in a higher one.

    By then a majority was bound to the master of the higher term, so the lease of the lower term
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
            found.append(f"{_in_words(later)} although before {_in_words(highest)}")
    return found


def _one_term_of_two(samples: Sequence[Sample]) -> list[str]:
    """Find terms in which one node acted, then another, then the first again.

    A single change proves nothing: a master shows a higher term as soon as it claims it, and may
    not get it.
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
            found += [f"term {term} was {name}'s, yet {_in_words(s)}" for s in between[:1]]
    return found


def _falls(samples: Sequence[Sample], forgetful: Mapping[str, Spans]) -> list[str]:
    """Find terms that fall, and committed revisions that fall although the node kept its state.

    A node that is killed, or whose disk refuses writes, may have to learn again which revision is
    committed.
    """
    found = []
    for name, mine in _by_node(samples).items():
        for earlier, later in pairwise(mine):
            if later.term < earlier.term:
                found.append(f"the term fell: {_in_words(earlier)}, then {_in_words(later)}")
            forgot = any(
                begin < later.answered and end + FORGETS_FOR_S > earlier.asked
                for begin, end in forgetful.get(name, ())
            )
            if later.revision < earlier.revision and not forgot:
                found.append(f"the revision fell: {_in_words(earlier)}, then {_in_words(later)}")
    return found


def _documents(samples: Sequence[Sample]) -> list[str]:
    """Find revisions with several contents."""
    digests: dict[int, dict[str, Sample]] = {}
    for sample in samples:
        digests.setdefault(sample.revision, {}).setdefault(sample.digest, sample)
    return [
        f"revision {revision} has {len(seen)} contents: "
        + ", ".join(_in_words(sample) for sample in seen.values())
        for revision, seen in sorted(digests.items())
        if len(seen) > 1
    ]


def _by_node(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    """Return the samples of each node in order; a node is asked one question at a time."""
    by_node: dict[str, list[Sample]] = {}
    for sample in sorted(samples, key=lambda s: s.asked):
        by_node.setdefault(sample.node, []).append(sample)
    return by_node


def _in_words(sample: Sample) -> str:
    acts = "acted" if sample.acting else "stood by"
    return (
        f"{sample.node} {acts} at {sample.asked:.2f}-{sample.answered:.2f} "
        f"in term {sample.term} with revision {sample.revision}"
    )

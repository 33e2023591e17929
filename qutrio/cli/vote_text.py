"""Describes votes: what was counted, by which rule, and why each vote counted or did not."""

from collections.abc import Iterator
from typing import Any

from qutrio.cli.printing import clean

Row = dict[str, Any]

_WHY = {
    "counted": "counts",
    "abstained": "abstained: neither for nor against",
    "learner": "does not count: a learner has no vote",
    "dead": "does not count: that node was silent",
    "stale": "does not count: too old",
    "silent": "no vote is known",
}


def arithmetic(count: Row) -> str:
    """Return the result of a vote count, and the rule that was applied."""
    ok, fail, voters, needed = (count[k] for k in ("ok", "fail", "voters", "needed"))
    answered = f"{ok + fail} of {voters} voter{'s' if voters > 1 else ''} answered"
    quiet = f", {count['abstain']} abstained" if count["abstain"] else ""
    if ok + fail < needed:
        return f"{answered}{quiet}: a majority of {needed} is needed for a verdict"
    if fail > ok:
        share = "all" if not ok else "more than half"
        return f"{answered}{quiet}, {fail} failed: {share}, so DOWN"
    share = "none" if not fail else "just half, and a tie is UP" if fail == ok else "a minority"
    return f"{answered}{quiet}, {fail} failed: {share}{', so UP' if fail != ok else ''}"


def cast_lines(count: Row) -> Iterator[str]:
    """Yield one aligned line for each member of a vote count."""
    return _aligned([_cast(cast) for cast in count["casts"]])


def evidence_lines(evidence: list[Row]) -> Iterator[str]:
    """Yield one aligned line for each vote that was sent along with a notice."""
    return _aligned(
        [
            (
                seen["name"],
                seen["outcome"],
                _latency(seen),
                f"{seen['age_s']:.1f}s old",
                "counts" if seen["counted"] or seen["outcome"] == "abstain" else "does not count",
                seen["detail"],
            )
            for seen in evidence
        ]
    )


def _cast(cast: Row) -> tuple[str, ...]:
    known = cast["outcome"] is not None
    return (
        cast["name"],
        cast["outcome"] or "-",
        _latency(cast),
        f"{cast['age_s']:.1f}s old" if known else "",
        _WHY.get(cast["standing"], str(cast["standing"])),
        cast["detail"],
    )


def _latency(seen: Row) -> str:
    return "" if seen["latency_ms"] is None else f"{seen['latency_ms']:.0f} ms"


def _aligned(rows: list[tuple[str, ...]]) -> Iterator[str]:
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()

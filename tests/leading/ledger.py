"""The file into which all commands write, and the faults in it."""

from itertools import pairwise
from pathlib import Path

from attrs import define, frozen


@define
class Run:
    """One run of the command, from its first line to its last."""

    node: str
    term: int
    run: str
    first: float
    last: float


@frozen
class Ledger:
    """The file, which grows while it is read."""

    file: Path

    def runs(self) -> list[Run]:
        """Return all runs of the command, in the order in which they began."""
        found: dict[tuple[str, str, str], Run] = {}
        text = self.file.read_text() if self.file.exists() else ""
        for line in text.splitlines():
            _, node, term, run, at = line.split()
            life = found.setdefault((node, term, run), Run(node, int(term), run, float(at), 0.0))
            life.first = min(life.first, float(at))
            life.last = max(life.last, float(at))
        return sorted(found.values(), key=lambda life: life.first)

    def newest(self) -> Run | None:
        """Return the run that began last."""
        runs = self.runs()
        return runs[-1] if runs else None

    def faults(self) -> list[str]:
        """Return what must never happen: overlapping runs, terms that fall or have two masters."""
        wrong = []
        for one, next_one in pairwise(self.runs()):
            if next_one.first <= one.last:
                wrong.append(f"overlap of {one.last - next_one.first:.3f} s: {one} and {next_one}")
            if next_one.term < one.term:
                wrong.append(f"the term fell: {one}, {next_one}")
            if next_one.term == one.term and next_one.node != one.node:
                wrong.append(f"one term, two nodes: {one}, {next_one}")
        return wrong

    def gaps(self) -> list[float]:
        """Return the length of each period without a run."""
        return [next_one.first - one.last for one, next_one in pairwise(self.runs())]

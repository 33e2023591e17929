"""The summary of a run, for people and for programs."""

import json
from collections import Counter
from collections.abc import Sequence

from attrs import asdict, frozen

from tests.chaos.fault_injector import Trouble
from tests.chaos.faults import CUT_KINDS, DISK_KINDS, Kind


@frozen(kw_only=True)
class Summary:
    """Counts and figures of one run; `wrong` is empty if no promise was broken.

    `void` lists what could not be judged because the machine itself stalled.
    """

    seed: int
    seconds: float
    kills: int
    freezes: int
    cuts: int
    lossy_links: int
    disk_faults: int
    clock_shifts: int
    faults: dict[str, int]
    faults_skipped: int
    restarts: int
    acknowledged: int
    refused: int
    unknown: int
    outages: int
    announced: int
    pages: int
    repeats: int
    terms: int
    samples: int
    longest_without_master_s: float
    healed_after_s: float
    quiet_after_s: float
    stalled_s: float
    wrong: tuple[str, ...]
    void: tuple[str, ...]

    def as_json(self) -> str:
        """Return the summary as one line of JSON."""
        return json.dumps(asdict(self))

    def in_words(self) -> str:
        """Return the summary as text."""
        kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(self.faults.items()))
        lines = [
            f"seed {self.seed}, {self.seconds:.0f} s of faults",
            f"  kills {self.kills}, freezes {self.freezes}, cuts {self.cuts}",
            f"  lossy or slow links {self.lossy_links}, disk faults {self.disk_faults}",
            f"  clock shifts {self.clock_shifts}",
            f"  by kind: {kinds}",
            f"  faults that could not be made {self.faults_skipped}",
            f"  node starts {self.restarts}",
            f"  mutations acknowledged {self.acknowledged}",
            f"  mutations refused {self.refused}, unknown {self.unknown}",
            f"  outages {self.outages}, announced {self.announced}",
            f"  pages {self.pages} (repeated {self.repeats})",
            f"  terms {self.terms}, samples of status {self.samples}",
            f"  longest time without a master {self.longest_without_master_s:.1f} s",
            f"  healed after {self.healed_after_s:.1f} s, quiet after {self.quiet_after_s:.1f} s",
            f"  a node was kept waiting for a processor for {self.stalled_s:.1f} s",
            *(f"  void: {line}" for line in self.void),
            *(f"  WRONG: {line}" for line in self.wrong),
            "  every promise was kept" if not self.wrong else f"  {len(self.wrong)} wrong",
        ]
        return "\n".join(lines)


def counted(troubles: Sequence[Trouble]) -> dict[str, int]:
    """Return how often each group of faults occurred; kills count by victim."""
    kinds = Counter(t.fault.kind for t in troubles)
    return {
        "kills": sum(len(t.victims) for t in troubles if t.fault.kind is Kind.KILL),
        "freezes": kinds[Kind.FREEZE],
        "cuts": sum(kinds[k] for k in CUT_KINDS),
        "lossy_links": kinds[Kind.LOSS] + kinds[Kind.SLOW] + kinds[Kind.RESET],
        "disk_faults": sum(kinds[k] for k in DISK_KINDS),
        "clock_shifts": kinds[Kind.CLOCK],
    }


def by_kind(troubles: Sequence[Trouble]) -> dict[str, int]:
    """Return how often each kind of fault occurred."""
    return dict(Counter(t.fault.kind.value for t in troubles))

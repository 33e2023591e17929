"""A table of the outcomes of many seeds."""

from collections import Counter
from collections.abc import Iterable

from attrs import define, field

from qutrio.sim.options import Fault
from qutrio.sim.schedule import RunOutcome


@define
class Report:
    """Sums of the outcomes."""

    seeds: int = 0
    events: int = 0
    true_s: float = 0.0
    node_s: float = 0.0
    acknowledged: int = 0
    refused: int = 0
    unknown: int = 0
    pages: int = 0
    slowest_s: float = 0.0
    void: Counter[str] = field(factory=Counter)
    struck: Counter[Fault] = field(factory=Counter)
    """In how many seeds each kind of fault took effect."""

    def add(self, outcome: RunOutcome) -> None:
        """Count one outcome."""
        self.seeds += 1
        self.events += outcome.events
        self.true_s += outcome.true_s
        self.node_s += outcome.true_s * outcome.size
        self.acknowledged += outcome.acknowledged
        self.refused += outcome.refused
        self.unknown += outcome.unknown
        self.pages += outcome.pages
        self.slowest_s = max(self.slowest_s, outcome.well_s)
        if outcome.void is not None:
            self.void[outcome.void] += 1
        self.struck.update(fault for fault, _ in outcome.struck)

    def missing(self) -> list[Fault]:
        """Return the kinds of faults that never took effect."""
        return [fault for fault in Fault if not self.struck[fault]]

    def lines(self) -> Iterable[str]:
        """Yield the lines of the table."""
        yield f"{'seeds':28}{self.seeds:12,}"
        for reason, seeds in sorted(self.void.items()):
            yield f"{'void: ' + reason:28}{seeds:12,}"
        yield f"{'events':28}{self.events:12,}"
        yield f"{'simulated hours':28}{self.true_s / 3600:12,.1f}"
        yield f"{'simulated node hours':28}{self.node_s / 3600:12,.1f}"
        yield f"{'changes acknowledged':28}{self.acknowledged:12,}"
        yield f"{'changes refused':28}{self.refused:12,}"
        yield f"{'changes of unknown fate':28}{self.unknown:12,}"
        yield f"{'pages delivered':28}{self.pages:12,}"
        yield f"{'longest until all was well':28}{self.slowest_s:12,.0f} s"
        yield ""
        yield f"{'fault':28}{'seeds':>12}"
        for fault in Fault:
            yield f"{fault.value:28}{self.struck[fault]:12,}"

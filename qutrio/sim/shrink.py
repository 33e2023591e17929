"""Shortens a schedule that breaks an invariant.

Source: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (TSE 2002),
the algorithm ddmin, applied to the list of planned faults; before and after it, everything else
that can be left out: the time after the failure, kinds of faults, tight limits, nodes.
"""

from collections.abc import Callable, Iterator

from attrs import asdict, define, evolve, fields

from qutrio.core.limits import Limits
from qutrio.model.document import Settings
from qutrio.sim.faults.union import PlannedFault
from qutrio.sim.options import Faults
from qutrio.sim.schedule import RunOutcome, Schedule, perform

RUNS_MAX = 400
MARGIN_S = 0.001
Trial = Callable[[Schedule], RunOutcome]


@define
class Shrinker:
    """Tries shorter schedules, and keeps each that breaks the same invariant."""

    schedule: Schedule
    outcome: RunOutcome
    runs_left: int
    trial: Trial

    def improve(self, shorter: Schedule) -> bool:
        """Keep a schedule if it breaks the same invariant; return whether it does."""
        if self.runs_left <= 0 or shorter == self.schedule:
            return False
        self.runs_left -= 1
        outcome = self.trial(shorter)
        if _promise(outcome) != _promise(self.outcome):
            return False
        self.schedule, self.outcome = shorter, outcome
        return True

    def shorten(self) -> None:
        """Drop what is planned after the failure, and end the faults there."""
        broke = self.outcome.true_s
        if broke < self.schedule.faulty_s:
            early = tuple(h for h in self.schedule.planned_faults if h.at <= broke)
            self.improve(evolve(self.schedule, planned_faults=early, faulty_s=broke + MARGIN_S))

    def thin_out(self) -> None:
        """Leave out as many planned faults as possible (ddmin)."""
        parts = 2
        while len(self.schedule.planned_faults) > 1 and self.runs_left > 0:
            whole = self.schedule.planned_faults
            size = -(-len(whole) // parts)
            if any(
                self.improve(evolve(self.schedule, planned_faults=r))
                for r in _without_parts(whole, size)
            ):
                parts = max(parts - 1, 2)
            elif size == 1:
                break
            else:
                parts = min(len(whole), parts * 2)
        if len(self.schedule.planned_faults) == 1:
            self.improve(evolve(self.schedule, planned_faults=()))

    def drop_constant_faults(self) -> None:
        """Leave out each constant fault, and tight limits."""
        for option in fields(Faults):
            calmer = {**asdict(self.schedule.faults), option.name: option.default}
            self.improve(evolve(self.schedule, faults=Faults(**calmer)))
        self.improve(evolve(self.schedule, limits=Limits()))
        self.improve(evolve(self.schedule, settings=Settings()))

    def leave_nodes_out(self) -> None:
        """Start with as few nodes as possible."""
        while self.schedule.size > 1:
            if not self.improve(evolve(self.schedule, size=self.schedule.size - 1)):
                return


def shrink(
    schedule: Schedule, outcome: RunOutcome, trial: Trial = perform, runs_max: int = RUNS_MAX
) -> tuple[Schedule, RunOutcome]:
    """Return a short schedule that breaks the same invariant as `schedule`, and its outcome.

    `outcome` is that of `schedule`.  At most `runs_max` schedules are tried.
    """
    shrinker = Shrinker(schedule, outcome, runs_max, trial)
    before = None
    while before is not shrinker.schedule:
        before = shrinker.schedule
        shrinker.shorten()
        shrinker.thin_out()
        shrinker.drop_constant_faults()
        shrinker.leave_nodes_out()
    return shrinker.schedule, shrinker.outcome


def _promise(outcome: RunOutcome) -> str:
    return (outcome.broken or "").partition(":")[0]


def _without_parts(
    whole: tuple[PlannedFault, ...], size: int
) -> Iterator[tuple[PlannedFault, ...]]:
    """Yield `whole` without each part of `size` items, the last part first."""
    for start in reversed(range(0, len(whole), size)):
        yield whole[:start] + whole[start + size :]

"""The run of a seed: a period of faults, then recovery, after which all must be well.

The faults are planned first, as a list of values, and then played.  So a schedule can be
written to a file, shortened, and played again without drawing from its seed.
"""

from pathlib import Path
from traceback import extract_tb

from attrs import evolve, field, frozen

from qutrio.core.election.engines import ENGINES
from qutrio.core.limits import Limits
from qutrio.model.document import Settings
from qutrio.model.ids import NodeId, Seconds
from qutrio.sim.dice import Dice
from qutrio.sim.engine_settings import MIXED, engine_of, with_engine
from qutrio.sim.faults.union import PlannedFault
from qutrio.sim.invariants import InvariantError
from qutrio.sim.invariants.health import check_somebody_acts, settled_within
from qutrio.sim.options import (
    ALWAYS,
    HOSTILE_MEMBER,
    HOSTILE_SHARE,
    HOSTILE_SIZE_MIN,
    Fault,
    Faults,
    draw,
)
from qutrio.sim.pinned import LEADERSHIP_FAULTS_DICE, PLANNED_FAULTS_DICE
from qutrio.sim.planning import DEAD_AFTERS_S, plan_faults
from qutrio.sim.world import World

HEALING_S: Seconds = max(
    settled_within(Settings(engine=engine, dead_after_s=max(DEAD_AFTERS_S))) for engine in ENGINES
)
"""How soon after the last fault all is well, whatever operators did to the timers."""
WELL_S: Seconds = 5.0
"""A run ends early once all has been well for this long without a break."""
LOOK_S: Seconds = 1.0
FAULTY_S = ((3, (40.0, 60.0, 80.0)), (5, (40.0, 50.0)), (100, (30.0,)))
"""How long faults last, by the largest size of a cluster: each run costs about the same."""
COOLDOWNS_S = (2.0, 5.0, 10.0, 30.0)
TIGHT_SHARE = 0.3
QUICK = Limits(unseen_after_s=45.0, unseen_intervals=2)
"""Limits with which checks without a verdict are reported soon."""
TIGHT = evolve(
    QUICK,
    pending_proposals=3,
    proposals_queued=2,
    proposals_per_write=1,
    delegated=1,
    singles=1,
    results_per_report=1,
)
"""Limits that are exceeded often."""
SIZES = (3, 5, 1, 7, 3, 4, 5, 2, 3, 8, 3, 5, 6, 3, 4, 9, 2, 3, 3, 2)
"""The initial numbers of nodes, which the seeds take in turn."""


@frozen(kw_only=True)
class Schedule:
    """Everything that determines a run: the same schedule gives the same trace."""

    seed: int
    size: int
    faulty_s: Seconds
    healing_s: Seconds = HEALING_S
    faults: Faults = Faults()
    settings: Settings = Settings()
    limits: Limits = Limits()
    planned_faults: tuple[PlannedFault, ...] = field(default=(), repr=False)


@frozen(kw_only=True)
class RunOutcome:
    """The outcome of a run.

    `broken` names the invariant that failed, or is None.  `struck` says how often each kind of
    fault took effect, `well_s` how long after the last fault all was well, and `true_s` how much
    time was simulated.
    """

    seed: int
    size: int
    broken: str | None
    events: int
    acknowledged: int
    refused: int
    unknown: int
    pages: int
    masters: int
    true_s: Seconds
    well_s: Seconds
    struck: tuple[tuple[Fault, int], ...]
    trace: str

    @property
    def void(self) -> str | None:
        """Why this run proves nothing, if so."""
        if not self.acknowledged:
            return "nothing was written"
        failed = any(fault not in ALWAYS for fault, _ in self.struck)
        return None if failed else "nothing failed"


def size_of(seed: int, sizes: tuple[int, ...] = SIZES) -> int:
    """Return the initial number of nodes of a seed."""
    return sizes[seed % len(sizes)]


def plan(
    seed: int,
    size: int,
    faulty_s: Seconds | None = None,
    healing_s: Seconds = HEALING_S,
    faults: Faults | None = None,
    *,
    engine: str = MIXED,
) -> Schedule:
    """Return the schedule of a seed, with these faults or else with faults that it draws."""
    dice = Dice(seed, size, "plan")
    drawn = draw(dice, Dice(seed, size, LEADERSHIP_FAULTS_DICE))
    if size >= HOSTILE_SIZE_MIN and Dice(seed, size, "liars").chance(HOSTILE_SHARE):
        drawn = HOSTILE_MEMBER
    faults = drawn if faults is None else faults
    times = next(times for most, times in FAULTY_S if size <= most)
    drawn_s, cooldown_s = dice.pick(times), dice.pick(COOLDOWNS_S)
    limits = TIGHT if dice.chance(TIGHT_SHARE) else QUICK
    until = drawn_s if faulty_s is None else faulty_s
    elects = Dice(seed, size, "engine")
    settings = Settings(master_cooldown_s=cooldown_s)
    settings = with_engine(settings, engine_of(engine, elects), elects)
    return Schedule(
        seed=seed,
        size=size,
        faulty_s=until,
        healing_s=healing_s,
        faults=faults,
        settings=settings,
        limits=limits,
        planned_faults=plan_faults(
            Dice(seed, size, PLANNED_FAULTS_DICE), size, faults, until, settings
        ),
    )


def play(
    seed: int,
    size: int,
    faulty_s: Seconds | None = None,
    healing_s: Seconds = HEALING_S,
    *,
    engine: str = MIXED,
) -> RunOutcome:
    """Plan and play one seed; a broken invariant is part of the outcome, not raised."""
    return perform(plan(seed, size, faulty_s, healing_s, engine=engine))


def perform(schedule: Schedule, story: list[str] | None = None) -> RunOutcome:
    """Play a schedule; a broken invariant is part of the outcome, not raised.

    The lines of the trace are added to `story`.
    """
    world = World(
        schedule.seed,
        schedule.size,
        schedule.faults,
        schedule.settings,
        schedule.limits,
        story=story,
    )
    return _outcome(schedule, world, _played(schedule, world))


def _played(schedule: Schedule, world: World) -> str | None:
    for planned in schedule.planned_faults:
        _schedule(world, planned)
    try:
        world.run(schedule.faulty_s)
        world.heal()
        _wait_until_well(schedule, world)
    except InvariantError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - no input may make a node raise
        where = extract_tb(error.__traceback__)[-1]
        place = f"{Path(where.filename).name}:{where.lineno}"
        return f"raised: {type(error).__name__}: {error} ({place})"
    return None


def _schedule(world: World, planned: PlannedFault) -> None:
    world.at(planned.at, NodeId(""), lambda: planned.apply(world))


def _wait_until_well(schedule: Schedule, world: World) -> None:
    """Run until all has been well for `WELL_S`.

    Raises if that does not happen in time, or if no node acts for too long.
    """
    end, well_since, acted_at = schedule.faulty_s + schedule.healing_s, None, world.true
    while world.true < end:
        world.run(min(end, world.true + LOOK_S))
        acted_at = check_somebody_acts(world.hosts, acted_at, world.true)
        try:
            world.invariants.quiet(world.hosts, world.true)
        except InvariantError:
            well_since = None
            continue
        well_since = world.true if well_since is None else well_since
        if world.true - well_since >= WELL_S:
            return
    world.invariants.quiet(world.hosts, world.true)


def _outcome(schedule: Schedule, world: World, broken: str | None) -> RunOutcome:
    return RunOutcome(
        seed=schedule.seed,
        size=schedule.size,
        broken=broken,
        events=world.events,
        acknowledged=world.rulings["committed"],
        refused=world.rulings["refused"],
        unknown=world.rulings["unknown"] + len(world.requests),
        pages=len(world.invariants.announced),
        masters=len(world.invariants.acted),
        true_s=world.true,
        well_s=max(0.0, world.true - schedule.faulty_s),
        struck=tuple((fault, n) for fault in Fault if (n := world.struck[fault])),
        trace=world.trace,
    )

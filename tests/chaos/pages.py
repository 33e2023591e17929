"""What people were told, held against the script of what really happened.

A target is refused connections exactly while the script says so.  Each outage that lasted, with
a master in office, must have been announced, once; nothing else may have been.
"""

from collections.abc import Callable, Iterable, Sequence

from attrs import field, frozen

from tests.chaos.arrivals import CHANNELS, Arrival
from tests.chaos.limits import (
    ANNOUNCED_WITHIN_S,
    BELATED_S_MAX,
    CALM_BEFORE_REPEAT_S,
    CLOCK_SLACK_S,
)

DOWN, RECOVERED = "down", "recovered"


@frozen
class Absence:
    """A target's outage as it was: no connection was accepted between two moments."""

    check: str
    begin: float
    end: float


@frozen(kw_only=True)
class Story:
    """Everything that the judgement needs; moments are of one clock.

    `reigns` are spans in which one node acted without a gap.  `troubles` are spans in which a
    fault held.  `lost_s` tells how long a node was kept waiting for a processor between two
    moments, and `starved` whether so many were that nothing can be said about that time.
    `at_of` maps a wall clock's reading to the moments that it may mean: clocks were shifted.
    """

    absences: Sequence[Absence]
    arrivals: Sequence[Arrival]
    reigns: Sequence[tuple[str, float, float]]
    troubles: Sequence[tuple[float, float]]
    lost_s: Callable[[float, float], float]
    starved: Callable[[float, float], bool]
    at_of: Callable[[float], Sequence[float]]


@frozen
class Verdict:
    """What is wrong, and what could not be judged because the machine stood still."""

    wrong: list[str] = field(factory=list)
    void: list[str] = field(factory=list)
    incidents: int = 0
    repeats: int = 0


def judge(story: Story) -> Verdict:
    """Return every page that should not have been, and every one that is missing."""
    wrong: list[str] = []
    void: list[str] = []
    incidents = _incidents(story.arrivals)
    told: dict[Absence, list[str]] = {}
    for ident, first in incidents.items():
        absence = _absence_of(first, story)
        if absence is not None:
            told.setdefault(absence, []).append(ident)
            continue
        earliest = min(story.at_of(first.at_unix), default=first.at)
        starved = story.starved(earliest - BELATED_S_MAX, first.at)
        (void if starved else wrong).append(f"false page: {first.told()}")
    wrong += [
        f"one outage was announced as {', '.join(idents)}: {absence}"
        for absence, idents in told.items()
        if len(idents) > 1
    ]
    wrong += [
        f"not announced although {reign[0]} acted all the time: {absence}"
        for absence in story.absences
        if absence not in told and (reign := _long_reign(absence, story)) is not None
    ]
    wrong += _endings(story.arrivals)
    wrong += _early_recoveries(story)
    repeats, bad_repeats = _repeats(story)
    return Verdict(wrong + bad_repeats, void, len(incidents), repeats)


def _incidents(arrivals: Iterable[Arrival]) -> dict[str, Arrival]:
    """Return the first DOWN of every incident, in the order in which they came."""
    first: dict[str, Arrival] = {}
    for arrival in sorted(arrivals, key=lambda a: a.at):
        if arrival.kind == DOWN:
            first.setdefault(arrival.incident, arrival)
    return first


def _absence_of(first: Arrival, story: Story) -> Absence | None:
    """Return the outage during which, or right after which, an incident was decided."""
    for absence in story.absences:
        begin, end = absence.begin - CLOCK_SLACK_S, absence.end + BELATED_S_MAX
        decided = any(begin <= at <= end for at in story.at_of(first.at_unix))
        if absence.check == first.check and first.at >= begin and decided:
            return absence
    return None


def _long_reign(absence: Absence, story: Story) -> tuple[str, float, float] | None:
    """Return a reign within the outage that was long enough to announce it."""
    for name, begun, ended in story.reigns:
        begin, end = max(begun, absence.begin), min(ended, absence.end)
        if end - begin > ANNOUNCED_WITHIN_S + 2 * story.lost_s(begin, end):
            return name, begin, end
    return None


def _endings(arrivals: Sequence[Arrival]) -> list[str]:
    """Every channel hears of the beginning and the end of each incident, in this order."""
    wrong = []
    heard: dict[tuple[str, str, str], float] = {}
    for arrival in sorted(arrivals, key=lambda a: a.at):
        heard.setdefault((arrival.incident, arrival.channel, arrival.kind), arrival.at)
    for incident in sorted({a.incident for a in arrivals}):
        for channel in sorted(CHANNELS):
            down = heard.get((incident, channel, DOWN))
            recovered = heard.get((incident, channel, RECOVERED))
            if down is None or recovered is None:
                missing = DOWN if down is None else RECOVERED
                wrong.append(f"{incident}: no {missing.upper()} on {channel}")
            elif recovered < down:
                wrong.append(f"{incident}: RECOVERED before DOWN on {channel}")
    return wrong


def _early_recoveries(story: Story) -> list[str]:
    """No recovery is decided in the middle of an outage."""
    return [
        f"false recovery: {arrival.told()} during {absence}"
        for arrival in story.arrivals
        for absence in story.absences
        if arrival.kind == RECOVERED
        and arrival.check == absence.check
        and _amid(absence, story.at_of(arrival.at_unix))
        and not story.starved(absence.begin, arrival.at)
    ]


def _amid(absence: Absence, moments: Sequence[float]) -> bool:
    begin, end = absence.begin + BELATED_S_MAX, absence.end - CLOCK_SLACK_S
    return bool(moments) and all(begin <= at <= end for at in moments)


def _repeats(story: Story) -> tuple[int, list[str]]:
    """Count notices that came again, and name those that no trouble explains."""
    count, wrong = 0, []
    first: dict[tuple[str, str], Arrival] = {}
    for arrival in sorted(story.arrivals, key=lambda a: a.at):
        earlier = first.setdefault((arrival.channel, arrival.ident), arrival)
        if earlier is arrival:
            continue
        count += 1
        begin = earlier.at - CALM_BEFORE_REPEAT_S
        excused = any(b < arrival.at and e > begin for b, e in story.troubles)
        if not excused and not story.starved(begin, arrival.at):
            wrong.append(f"told again without a reason: {earlier.told()}, then {arrival.told()}")
    return count, wrong

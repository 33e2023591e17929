"""Compares the notices with the script of what really happened.

A target refuses connections exactly while the script says so.  Each outage that lasted long
enough under one master must be announced once; nothing else may be announced.
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
    """An outage of a target that occurred: no connection was accepted between two times."""

    check: str
    begin: float
    end: float


@frozen(kw_only=True)
class RunRecord:
    """The input of `judge`; all times are of one clock.

    `periods` are spans in which one node was master without a gap.  `troubles` are spans of
    faults.  `lost_s` returns how long a node waited for a processor between two times, and
    `starved` whether so many did that nothing can be judged.  `at_of` maps a time of a wall clock
    to the times that it may mean, because clocks were shifted.
    """

    absences: Sequence[Absence]
    arrivals: Sequence[Arrival]
    periods: Sequence[tuple[str, float, float]]
    troubles: Sequence[tuple[float, float]]
    lost_s: Callable[[float, float], float]
    starved: Callable[[float, float], bool]
    at_of: Callable[[float], Sequence[float]]


@frozen
class Verdict:
    """What is wrong, and what could not be judged because the machine stalled."""

    wrong: list[str] = field(factory=list)
    void: list[str] = field(factory=list)
    incidents: int = 0
    repeats: int = 0


def judge(record: RunRecord) -> Verdict:
    """Return every false page, and every missing one."""
    wrong: list[str] = []
    void: list[str] = []
    incidents = _incidents(record.arrivals)
    told: dict[Absence, list[str]] = {}
    for ident, first in incidents.items():
        absence = _absence_of(first, record)
        if absence is not None:
            told.setdefault(absence, []).append(ident)
            continue
        earliest = min(record.at_of(first.at_unix), default=first.at)
        starved = record.starved(earliest - BELATED_S_MAX, first.at)
        (void if starved else wrong).append(f"false page: {first.in_words()}")
    wrong += [
        f"one outage was announced as {', '.join(idents)}: {absence}"
        for absence, idents in told.items()
        if len(idents) > 1
    ]
    wrong += [
        f"not announced although {period[0]} acted all the time: {absence}"
        for absence in record.absences
        if absence not in told and (period := _long_period(absence, record)) is not None
    ]
    wrong += _endings(record.arrivals)
    wrong += _early_recoveries(record)
    repeats, bad_repeats = _repeats(record)
    return Verdict(wrong + bad_repeats, void, len(incidents), repeats)


def _incidents(arrivals: Iterable[Arrival]) -> dict[str, Arrival]:
    """Return the first DOWN of every incident, in order of arrival."""
    first: dict[str, Arrival] = {}
    for arrival in sorted(arrivals, key=lambda a: a.at):
        if arrival.kind == DOWN:
            first.setdefault(arrival.incident, arrival)
    return first


def _absence_of(first: Arrival, record: RunRecord) -> Absence | None:
    """Return the outage during which, or right after which, an incident was decided."""
    for absence in record.absences:
        begin, end = absence.begin - CLOCK_SLACK_S, absence.end + BELATED_S_MAX
        decided = any(begin <= at <= end for at in record.at_of(first.at_unix))
        if absence.check == first.check and first.at >= begin and decided:
            return absence
    return None


def _long_period(absence: Absence, record: RunRecord) -> tuple[str, float, float] | None:
    """Return a period as master within the outage that was long enough to announce it."""
    for name, begun, ended in record.periods:
        begin, end = max(begun, absence.begin), min(ended, absence.end)
        if end - begin > ANNOUNCED_WITHIN_S + 2 * record.lost_s(begin, end):
            return name, begin, end
    return None


def _endings(arrivals: Sequence[Arrival]) -> list[str]:
    """Find channels that did not get the begin and the end of an incident, in this order."""
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


def _early_recoveries(record: RunRecord) -> list[str]:
    """Find recoveries that were decided during an outage."""
    return [
        f"false recovery: {arrival.in_words()} during {absence}"
        for arrival in record.arrivals
        for absence in record.absences
        if arrival.kind == RECOVERED
        and arrival.check == absence.check
        and _amid(absence, record.at_of(arrival.at_unix))
        and not record.starved(absence.begin, arrival.at)
    ]


def _amid(absence: Absence, moments: Sequence[float]) -> bool:
    begin, end = absence.begin + BELATED_S_MAX, absence.end - CLOCK_SLACK_S
    return bool(moments) and all(begin <= at <= end for at in moments)


def _repeats(record: RunRecord) -> tuple[int, list[str]]:
    """Return the number of repeated notices, and those that no fault explains."""
    count, wrong = 0, []
    first: dict[tuple[str, str], Arrival] = {}
    for arrival in sorted(record.arrivals, key=lambda a: a.at):
        earlier = first.setdefault((arrival.channel, arrival.ident), arrival)
        if earlier is arrival:
            continue
        count += 1
        begin = earlier.at - CALM_BEFORE_REPEAT_S
        excused = any(b < arrival.at and e > begin for b, e in record.troubles)
        if not excused and not record.starved(begin, arrival.at):
            wrong.append(
                f"told again without a reason: {earlier.in_words()}, then {arrival.in_words()}"
            )
    return count, wrong

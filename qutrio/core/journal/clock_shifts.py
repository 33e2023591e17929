"""Corrects the times in a journal for changes of the wall clock.

A node records when its wall clock was set, and by how much.  So a reader of its journal can
tell how long something lasted even if the clock was set in between.
"""

from collections.abc import Iterable, Sequence

from attrs import evolve

from qutrio.model.ids import Seconds, UnixTime
from qutrio.model.journal import ClockSet, Entry


def shifts(entries: Sequence[Entry]) -> list[Seconds]:
    """Return for each entry by how much the clock was set after it, in total."""
    shift, found = 0.0, list[Seconds]()
    for entry in reversed(entries):
        found.append(shift)
        if isinstance(entry.fact, ClockSet):
            shift += entry.fact.by_s
    return found[::-1]


def shifted(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return the entries with their times by the clock as it is set now."""
    lines = tuple(entries)
    return tuple(
        evolve(entry, at_unix=UnixTime(entry.at_unix + shift)) if shift else entry
        for entry, shift in zip(lines, shifts(lines), strict=True)
    )

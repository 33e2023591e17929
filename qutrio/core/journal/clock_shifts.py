"""Moments of a journal by the clock as it is set now: what a clock that was set does to old lines.

A node writes down when its wall clock was set, and by how much.  So whoever reads its journal can
tell how long something lasted although the clock was set in the middle.
"""

from collections.abc import Iterable, Sequence

from attrs import evolve

from qutrio.model.ids import Seconds, UnixTime
from qutrio.model.journal import ClockSet, Entry


def shifts(entries: Sequence[Entry]) -> list[Seconds]:
    """Return for each line by how much the clock was set after it, in all."""
    shift, found = 0.0, list[Seconds]()
    for entry in reversed(entries):
        found.append(shift)
        if isinstance(entry.fact, ClockSet):
            shift += entry.fact.by_s
    return found[::-1]


def shifted(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return the lines with the moments at which they were written, by the clock as it is now."""
    lines = tuple(entries)
    return tuple(
        evolve(entry, at_unix=UnixTime(entry.at_unix + shift)) if shift else entry
        for entry, shift in zip(lines, shifts(lines), strict=True)
    )

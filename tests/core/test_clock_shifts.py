"""Setting the wall clock does not change the order and distance of journal lines."""

from qutrio.core.journal.clock_shifts import shifted, shifts
from qutrio.model.ids import UnixTime
from qutrio.model.journal import ClockSet, Entry, Stopped

LINES = (
    Entry(UnixTime(100.0), Stopped()),
    Entry(UnixTime(50.0), ClockSet(by_s=-60.0)),
    Entry(UnixTime(55.0), Stopped()),
    Entry(UnixTime(3660.0), ClockSet(by_s=3600.0)),
    Entry(UnixTime(3665.0), Stopped()),
)


def test_times_are_shown_by_the_clock_as_it_is_set_now() -> None:
    assert shifts(LINES) == [3540.0, 3600.0, 3600.0, 0.0, 0.0]
    assert [entry.at_unix for entry in shifted(LINES)] == [3640.0, 3650.0, 3655.0, 3660.0, 3665.0]


def test_a_journal_without_a_clock_change_is_unchanged() -> None:
    assert shifted(LINES[4:]) == LINES[4:]

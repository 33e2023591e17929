"""A wrong wall clock is logged once and shown, and has no other effect."""

from qutrio.core.api.effects import LogFact
from qutrio.core.api.facts import WallClockAgrees, WallClockChanged, WallClockDiffers
from qutrio.core.leadership.wall_clocks import (
    NOTE_EVERY_S,
    NOTES_AT_ONCE,
    SKEW_S_MIN,
    WallClocks,
)
from qutrio.model.ids import UnixTime
from tests.core.samples import WALL, A, B, at


def test_a_small_difference_is_kept_and_not_logged() -> None:
    clocks = WallClocks()
    assert clocks.record_skew(A, SKEW_S_MIN - 0.1, at(0)) == []
    assert clocks.record_skew(B, 0.1 - SKEW_S_MIN, at(0)) == []
    assert clocks.skew == {A: SKEW_S_MIN - 0.1, B: 0.1 - SKEW_S_MIN}


def test_a_large_difference_in_either_direction_is_logged_once() -> None:
    clocks = WallClocks()
    assert clocks.record_skew(A, 3600.2, at(0)) == [LogFact(WallClockDiffers(A, 3600))]
    assert clocks.record_skew(A, 3601.0, at(0)) == []
    assert clocks.record_skew(B, -3600.0, at(0)) == [LogFact(WallClockDiffers(B, -3600))]


def test_the_end_of_a_difference_is_logged_once_and_a_new_one_is_logged_again() -> None:
    clocks = WallClocks()
    clocks.record_skew(A, 3600.0, at(0))
    assert (
        clocks.record_skew(A, SKEW_S_MIN / 2, at(0)) == []
    )  # so that one at the limit is not told for ever
    assert clocks.record_skew(A, 0.0, at(0)) == [LogFact(WallClockAgrees(A))]
    assert clocks.record_skew(A, 0.0, at(0)) == []
    assert len(clocks.record_skew(A, 3600.0, at(0))) == 1


def test_a_clock_that_goes_off_and_back_with_every_word_is_spoken_of_now_and_then() -> None:
    clocks = WallClocks()
    told = [note for n in range(600) for note in clocks.record_skew(A, 9e9 * (n % 2), at(n))]
    assert NOTES_AT_ONCE <= len(told) <= NOTES_AT_ONCE + 600 / NOTE_EVERY_S
    assert clocks.record_skew(B, 3600.0, at(600)) == [LogFact(WallClockDiffers(B, 3600))]
    clocks.forget_strangers({B})
    assert clocks.record_skew(A, 3600.0, at(600)) == [LogFact(WallClockDiffers(A, 3600))]


def test_what_was_not_said_at_once_is_said_later() -> None:
    clocks = WallClocks()
    for n in range(2 * NOTES_AT_ONCE):
        clocks.record_skew(A, 3600.0 * (n % 2), at(0))
    assert clocks.record_skew(A, 3600.0, at(1)) == []
    assert clocks.record_skew(A, 3600.0, at(NOTE_EVERY_S + 1)) == [
        LogFact(WallClockDiffers(A, 3600))
    ]


def test_a_node_that_is_no_member_is_forgotten() -> None:
    clocks = WallClocks()
    clocks.record_skew(A, 3600.0, at(0))
    clocks.record_skew(B, 1.0, at(0))
    clocks.forget_strangers({B})
    assert clocks.skew == {B: 1.0}
    assert len(clocks.record_skew(A, 3600.0, at(0))) == 1


def test_a_clock_that_was_set_is_logged_once_with_the_distance_and_direction() -> None:
    clocks = WallClocks()
    assert clocks.check_own_clock(at(5), WALL) == []
    assert clocks.check_own_clock(at(65), UnixTime(WALL + 60)) == []
    assert clocks.unreported == []
    assert clocks.check_own_clock(at(66), UnixTime(WALL + 61 - 3600)) == [
        LogFact(WallClockChanged(-3600))
    ]
    assert clocks.check_own_clock(at(67), UnixTime(WALL + 62 - 3600)) == []
    assert clocks.last_set == (-3600.0, at(66))
    assert clocks.unreported == [-3600.0]


def test_a_clock_that_is_slewed_was_not_set() -> None:
    clocks = WallClocks()
    for second in range(1000):
        assert clocks.check_own_clock(at(second), UnixTime(WALL + 1.05 * second)) == []

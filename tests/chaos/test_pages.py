"""The check of pages finds missing, false, repeated and unfinished ones."""

from collections.abc import Sequence

import pytest

from tests.chaos.arrivals import CHANNELS, Arrival
from tests.chaos.limits import ANNOUNCED_WITHIN_S, BELATED_S_MAX
from tests.chaos.pages import DOWN, RECOVERED, Absence, RunRecord, Verdict, judge
from tests.cluster.people import HOOK

OUTAGE = Absence("web", 100.0, 140.0)


def arrival(kind: str, at: float, *, incident: str = "i1", channel: str = HOOK) -> Arrival:
    ident = f"{incident}.{kind}.{channel}"
    return Arrival(at, channel, kind, "web", incident, ident, at_unix=at, sent_by="a")


def announced(down: float = 110.0, up: float = 145.0, incident: str = "i1") -> list[Arrival]:
    """Return the arrivals of one incident on every channel."""
    return [
        arrival(kind, at, incident=incident, channel=channel)
        for channel in sorted(CHANNELS)
        for kind, at in ((DOWN, down), (RECOVERED, up))
    ]


def judged(
    arrivals: Sequence[Arrival],
    *,
    absences: Sequence[Absence] = (OUTAGE,),
    periods: Sequence[tuple[str, float, float]] = (),
    troubles: Sequence[tuple[float, float]] = (),
    lost_s: float = 0.0,
    starved: bool = False,
) -> Verdict:
    record = RunRecord(
        absences=absences,
        arrivals=arrivals,
        periods=periods,
        troubles=troubles,
        lost_s=lambda begin, end: lost_s,
        starved=lambda begin, end: starved,
        at_of=lambda at_unix: [at_unix],
    )
    return judge(record)


def test_an_outage_that_is_announced_once_and_recovers_is_right() -> None:
    verdict = judged(announced(), periods=[("a", 0.0, 200.0)])
    assert verdict == Verdict(incidents=1)


def test_an_outage_under_a_long_period_must_be_announced() -> None:
    short, long = ANNOUNCED_WITHIN_S - 1, ANNOUNCED_WITHIN_S + 1
    assert judged([], periods=[("a", 100.0, 100.0 + short)]).wrong == []
    assert judged([], periods=[("a", 60.0, 60.0 + long)]).wrong == []
    assert len(judged([], periods=[("a", 100.0, 100.0 + long)]).wrong) == 1
    assert judged([], periods=[("a", 100.0, 100.0 + long)], lost_s=2.0).wrong == []


@pytest.mark.parametrize("at", [90.0, 141.0 + BELATED_S_MAX])
def test_a_page_for_a_target_that_was_up_is_false(at: float) -> None:
    assert len(judged(announced(at, at + 20)).wrong) == 1


def test_a_page_while_the_machine_stood_still_is_void() -> None:
    verdict = judged(announced(90.0, 99.0), starved=True)
    assert (verdict.wrong, len(verdict.void)) == ([], 1)


def test_one_outage_is_not_announced_as_two() -> None:
    twice = announced() + announced(120.0, 146.0, "i2")
    assert len(judged(twice).wrong) == 1


def test_every_channel_hears_the_beginning_and_then_the_end() -> None:
    assert len(judged(announced()[1:]).wrong) == 1
    assert len(judged(announced()[:-1]).wrong) == 1
    assert len(judged(announced(146.0, 145.0)).wrong) == len(CHANNELS)


def test_a_recovery_in_the_middle_of_an_outage_is_false() -> None:
    early = judged(announced(105.0, 100.0 + BELATED_S_MAX + 5)).wrong
    assert len(early) == len(CHANNELS)


def test_a_notice_comes_twice_only_when_there_was_trouble() -> None:
    again = [*announced(), arrival(DOWN, 111.0)]
    assert len(judged(again).wrong) == 1
    excused = judged(again, troubles=[(80.0, 109.0)])
    assert (excused.wrong, excused.repeats) == ([], 1)

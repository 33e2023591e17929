"""The schedule of probes, with the time passed in."""

import random
from collections.abc import Iterator
from itertools import pairwise

import pytest
from attrs import evolve

from qutrio.model.checks import Check, TcpCheck
from qutrio.model.ids import CheckId, Instant, NodeId, UnixTime
from qutrio.probes.schedule import LATE_S_MAX, Schedule, Start, offset_share

NODES = (NodeId("n0"), NodeId("n1"), NodeId("n2"))
WALL_AHEAD = 1_700_000_000.0


def tcp(name: str, interval_s: float = 30.0) -> Check:
    return TcpCheck(id=CheckId(name), name=name, address="127.0.0.1:9", interval_s=interval_s)


def take(schedule: Schedule, now: float) -> list[Start]:
    return schedule.start_due(Instant(now), UnixTime(WALL_AHEAD + now))


def begins(schedule: Schedule, until: float, now: float = 0.0) -> Iterator[tuple[float, str]]:
    """Let time jump from deadline to deadline; every probe ends at once."""
    while schedule.deadline is not None and schedule.deadline <= until:
        now = max(now, schedule.deadline)
        for start in take(schedule, now):
            yield now, start.check.id
            schedule.finish(start.ticket)


@pytest.fixture
def schedule() -> Schedule:
    return Schedule(random.Random(3), running_max=100)


def test_a_new_check_is_first_probed_within_a_second(schedule: Schedule) -> None:
    schedule.set_checks((tcp("a", 3600.0),), NODES[0], NODES, Instant(0.0))
    assert [name for _, name in begins(schedule, 1.0)] == ["a"]


def test_many_new_checks_are_spread_out(schedule: Schedule) -> None:
    schedule.set_checks(tuple(tcp(f"c{i:04}") for i in range(1000)), NODES[0], NODES, Instant(0.0))
    first = [when for when, _ in begins(schedule, 10.0)][:1000]
    per_second = [sum(1 for when in first if s <= when < s + 1) for s in range(10)]
    assert max(per_second) < 150


def test_probes_are_due_on_a_grid_of_the_wall_clock(schedule: Schedule) -> None:
    schedule.set_checks((tcp("a"),), NODES[1], NODES, Instant(0.0))
    times = [when for when, _ in begins(schedule, 300.0)]
    offset = 30.0 * offset_share(CheckId("a"), NODES[1], NODES)
    assert all((WALL_AHEAD + t) % 30.0 == pytest.approx(offset, abs=1e-3) for t in times[1:])
    assert 15.0 <= times[1] - times[0] <= 45.0
    assert all(b - a == pytest.approx(30.0) for a, b in pairwise(times[1:]))


def test_nodes_probe_a_check_out_of_phase() -> None:
    shares = sorted(offset_share(CheckId("a"), node, NODES) for node in NODES)
    gaps = [b - a for a, b in zip(shares, [*shares[1:], shares[0] + 1], strict=True)]
    assert gaps == pytest.approx([1 / 3] * 3)


def test_two_checks_of_one_node_have_different_phases() -> None:
    shares = {offset_share(CheckId(f"c{i}"), NODES[0], NODES) for i in range(50)}
    assert len(shares) == 50


def test_a_probe_that_is_due_during_a_long_one_is_skipped(schedule: Schedule) -> None:
    schedule.set_checks((tcp("a", 1.0),), NODES[0], NODES, Instant(0.0))
    (start,) = take(schedule, 1.0)
    assert [take(schedule, 1.0 + t) for t in (1.0, 2.0, 3.0)] == [[], [], []]
    schedule.finish(start.ticket)
    assert take(schedule, 4.0) == []
    assert len(take(schedule, 5.5)) == 1


def test_a_demand_starts_a_probe_at_once(schedule: Schedule) -> None:
    schedule.set_checks((tcp("a"),), NODES[0], NODES, Instant(0.0))
    list(begins(schedule, 1.0))
    schedule.demand(CheckId("a"))
    schedule.demand(CheckId("stranger"))
    assert [s.check.id for s in take(schedule, 1.5)] == ["a"]


def test_demands_during_a_probe_make_exactly_one_more(schedule: Schedule) -> None:
    schedule.set_checks((tcp("a"),), NODES[0], NODES, Instant(0.0))
    (start,) = take(schedule, 1.0)
    for _ in range(5):
        schedule.demand(CheckId("a"))
    assert take(schedule, 1.1) == []
    schedule.finish(start.ticket)
    (second,) = take(schedule, 1.2)
    schedule.finish(second.ticket)
    assert take(schedule, 1.3) == []


def test_an_edited_check_cancels_its_probe_and_is_probed_anew(schedule: Schedule) -> None:
    schedule.set_checks((tcp("a"), tcp("b")), NODES[0], NODES, Instant(0.0))
    tickets = {start.check.id: start.ticket for start in take(schedule, 1.0)}
    edited = evolve(tcp("a"), timeout_s=3.0)
    cancelled = schedule.set_checks((edited, tcp("b")), NODES[0], NODES, Instant(1.0))
    assert cancelled == [tickets[CheckId("a")]]
    schedule.demand(CheckId("a"))
    assert [start.check for start in take(schedule, 1.0)] == [edited]
    schedule.finish(tickets[CheckId("a")])  # the old probe ends late: nothing follows it
    assert take(schedule, 1.0) == []


@pytest.mark.parametrize("changed", [(), (evolve(tcp("a"), enabled=False),)])
def test_removed_and_disabled_checks_are_never_probed(
    schedule: Schedule, changed: tuple[Check, ...]
) -> None:
    schedule.set_checks((tcp("a"),), NODES[0], NODES, Instant(0.0))
    schedule.set_checks(changed, NODES[0], NODES, Instant(0.0))
    schedule.demand(CheckId("a"))
    assert list(begins(schedule, 1000.0)) == []


def test_no_more_than_the_cap_are_in_flight_and_the_rest_follow_in_turn() -> None:
    schedule = Schedule(random.Random(3), running_max=2)
    schedule.set_checks(tuple(tcp(f"c{i}") for i in range(5)), NODES[0], NODES, Instant(0.0))
    running = take(schedule, 1.0)
    started = [s.check.id for s in running]
    assert (len(running), schedule.waiting) == (2, 3)
    while running:
        schedule.finish(running.pop(0).ticket)
        fresh = take(schedule, 1.0)
        started += [s.check.id for s in fresh]
        running += fresh
    assert sorted(started) == ["c0", "c1", "c2", "c3", "c4"]


def test_probes_that_were_due_during_a_suspend_do_not_burst(schedule: Schedule) -> None:
    schedule.set_checks(tuple(tcp(f"c{i:03}") for i in range(90)), NODES[0], NODES, Instant(0.0))
    list(begins(schedule, 40.0))
    woken = 40.0 + 3600.0 + LATE_S_MAX
    assert take(schedule, woken) == []
    assert len(list(begins(schedule, woken + 1.0, woken))) >= 90


def test_endless_edits_do_not_grow_the_plan(schedule: Schedule) -> None:
    checks = tuple(tcp(f"c{i}", 86_400.0) for i in range(3))
    for round_number in range(2000):
        edited = evolve(checks[0], timeout_s=1.0 + round_number % 2)
        schedule.set_checks((edited, *checks[1:]), NODES[0], NODES, Instant(0.0))
    assert len(schedule._heap) < 200

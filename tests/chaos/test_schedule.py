"""A seed always gives the same schedule, within its limits, and different from others."""

from itertools import combinations

import pytest

from tests.chaos.faults import DISK_KINDS, MASTER, PROCESS_KINDS, SHORTSIGHTED_KINDS, Fault, Kind
from tests.chaos.schedule import plan_faults, plan_outages

HALF_AN_HOUR_S = 1800.0
seeds = pytest.mark.parametrize("seed", range(20))


def planned(seed: int) -> tuple[Fault, ...]:
    return plan_faults(seed, HALF_AN_HOUR_S, "abcde")


@seeds
def test_the_same_seed_gives_the_same_schedule(seed: int) -> None:
    assert planned(seed) == planned(seed)
    assert planned(seed) != planned(seed + 1)
    assert plan_outages(seed, HALF_AN_HOUR_S, 3) == plan_outages(seed, HALF_AN_HOUR_S, 3)


@seeds
def test_everything_is_over_at_the_end(seed: int) -> None:
    assert all(0 < f.at_s < f.ends_s <= HALF_AN_HOUR_S + 0.01 for f in planned(seed))
    outages = plan_outages(seed, HALF_AN_HOUR_S, 3)
    assert all(0 < o.begin_s < o.end_s <= HALF_AN_HOUR_S for o in outages)
    assert {o.target for o in outages} == {0, 1, 2}


@seeds
def test_half_an_hour_has_every_kind_of_fault(seed: int) -> None:
    """Each kind occurs in some seeds near this one, the hard kinds in all."""
    kinds = {f.kind for near in range(seed, seed + 3) for f in planned(near)}
    assert kinds == set(Kind)
    assert {f.kind for f in planned(seed)} >= PROCESS_KINDS
    assert any(f.victims == (MASTER,) for f in planned(seed))
    assert any(f.kind is Kind.KILL and len(f.victims) == 5 for f in planned(seed))


@seeds
def test_one_node_at_a_time_may_honestly_see_a_healthy_target_fail(seed: int) -> None:
    faults = [f for f in planned(seed) if f.kind in SHORTSIGHTED_KINDS]
    meeting = [(f, g) for f, g in combinations(faults, 2) if f.ends_s > g.at_s]
    assert meeting == []


@seeds
def test_no_node_is_killed_or_loses_its_disk_twice_at_a_time(seed: int) -> None:
    faults = [f for f in planned(seed) if f.kind in PROCESS_KINDS | DISK_KINDS]
    faults = [f for f in faults if len(f.victims) == 1 and f.victims != (MASTER,)]
    for earlier, later in combinations(faults, 2):
        assert earlier.ends_s <= later.at_s or earlier.victims != later.victims

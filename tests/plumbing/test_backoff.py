"""Waits grow, are capped, and are never nothing."""

import random

from hypothesis import given
from hypothesis import strategies as st

from qutrio.plumbing.backoff import Backoff


@given(seed=st.integers(), failures=st.integers(1, 200))
def test_every_wait_is_between_half_the_first_and_the_cap(seed: int, failures: int) -> None:
    backoff = Backoff(random.Random(seed), first_s=0.5, cap_s=30.0)
    waits = [backoff.next() for _ in range(failures)]
    assert min(waits) >= 0.25
    assert max(waits) <= 30.0
    assert waits[0] <= 0.5


def test_waits_grow_with_failures_and_start_again_after_a_success() -> None:
    backoff = Backoff(random.Random(1), first_s=0.5, cap_s=30.0)
    early = [backoff.next() for _ in range(3)]
    late = [backoff.next() for _ in range(20)]
    backoff.reset()
    assert max(early) <= 2.0 < max(late)
    assert backoff.next() <= 0.5


def test_nodes_that_failed_together_do_not_try_again_together() -> None:
    waits = {Backoff(random.Random(seed), first_s=4.0, cap_s=30.0).next() for seed in range(20)}
    assert len(waits) > 5

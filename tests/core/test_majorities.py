"""Majorities: any two of them share a voter, and strangers never count."""

from itertools import combinations

import pytest

from qutrio.core.quorum.majorities import holds_quorum, majority, quorum_until
from qutrio.model.ids import NodeId
from tests.core.samples import A, B, C, D, at


@pytest.mark.parametrize("voters", range(1, 9))
def test_a_majority_is_the_smallest_count_of_which_any_two_overlap(voters: int) -> None:
    everybody = range(voters)
    count = majority(voters)
    assert all(
        set(left) & set(right)
        for left in combinations(everybody, count)
        for right in combinations(everybody, count)
    )
    smaller = list(combinations(everybody, count - 1))
    assert any(not set(left) & set(right) for left in smaller for right in smaller)


def test_strangers_never_make_a_quorum() -> None:
    voters = {A, B, C}
    assert holds_quorum({A, B}, voters)
    assert not holds_quorum({A, D, NodeId("n9")}, voters)


def test_no_voters_have_no_quorum() -> None:
    assert not holds_quorum({A}, set())


def test_a_negative_count_of_voters_is_a_programming_error() -> None:
    with pytest.raises(AssertionError):
        majority(-1)


def test_a_majority_lasts_until_a_voter_it_needs_is_gone() -> None:
    until = {A: at(9), B: at(5), C: at(3)}
    assert quorum_until(until, {A, B, C}, at(0)) == at(5)
    assert quorum_until(until, {A, B}, at(0)) == at(5)
    assert quorum_until(until, {A}, at(0)) == at(9)


def test_an_absent_voter_is_present_until_never() -> None:
    assert quorum_until({A: at(9)}, {A, B, C}, at(-1)) == at(-1)
    assert quorum_until({A: at(9)}, set(), at(-1)) == at(-1)

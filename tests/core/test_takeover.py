"""Which record a claim adopts: what a majority may have accepted, or a later one."""

import pytest

from qutrio.core.leadership.takeover import newest_needed
from qutrio.core.quorum.majorities import JointConfig
from qutrio.model.ids import NodeId
from qutrio.model.stable import Position
from tests.core.samples import A, B, C, pos

THREE = JointConfig(frozenset({A, B, C}), frozenset({A, B, C}))
OLD, MIDDLE, NEW = pos(1), pos(11), pos(13)


@pytest.mark.parametrize(
    ("accepted", "among", "found"),
    [
        ({A: OLD, B: MIDDLE}, {B}, (MIDDLE, B)),
        ({A: OLD, B: MIDDLE, C: MIDDLE}, {B, C}, (MIDDLE, C)),
        ({A: OLD, B: MIDDLE, C: NEW}, {B, C}, (MIDDLE, B)),
        ({A: OLD, B: MIDDLE, C: NEW}, {C}, (NEW, C)),
    ],
)
def test_a_voter_that_sends_nothing_is_replaced_by_one_with_a_later_record_only(
    accepted: dict[NodeId, Position], among: set[NodeId], found: tuple[Position, NodeId]
) -> None:
    newest = newest_needed(accepted, A, among, THREE)
    assert newest is not None
    assert newest.found == found


@pytest.mark.parametrize(
    "accepted",
    [{A: NEW, B: MIDDLE}, {A: OLD, B: OLD}, {A: OLD, B: OLD, C: NEW}, {A: MIDDLE, B: OLD, C: NEW}],
)
def test_a_candidate_that_has_what_a_majority_may_hold_adopts_nothing(
    accepted: dict[NodeId, Position],
) -> None:
    assert newest_needed(accepted, A, {B, C} & accepted.keys(), THREE) is None

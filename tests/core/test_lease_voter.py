"""A voter insists on its engine's choice, but not forever when no node leads."""

import pytest

from qutrio.model.ids import NEVER, Instant, NodeId, Term
from qutrio.model.stable import Promise
from tests.core.leaderships import leadership
from tests.core.registers import THREE
from tests.core.samples import A, B, C, D, at


def said(
    now: float, wanted: NodeId | None, *, candidate: NodeId = A, freed_at: Instant = at(5)
) -> str | None:
    """Return the objection of B, whose last grant ended at `freed_at`."""
    voter = leadership(B, THREE, promise=Promise(Term(3), D)).voter
    voter.choice = lambda _: wanted
    voter.lease.bound_until = freed_at
    return voter.objection(candidate, Term(4), at(now), fit=True)


@pytest.mark.parametrize("wanted", [None, B])
def test_a_voter_gives_way_to_a_lower_id_when_nobody_led_for_long(wanted: NodeId | None) -> None:
    assert said(16.9, wanted) == f"prefers {wanted}"
    assert said(17, wanted) is None


def test_a_voter_without_a_choice_gives_way_to_anybody_and_one_with_a_choice_does_not() -> None:
    assert said(17, None, candidate=C) is None
    assert said(17, B, candidate=C) == f"prefers {B}"
    assert said(17, C, candidate=A) == f"prefers {C}"
    assert said(17, A, candidate=A) is None


def test_a_voter_that_was_never_bound_waits_for_its_engine() -> None:
    assert said(1000, None, freed_at=NEVER) == "prefers None"

"""The lowest-id engine: elect the lowest, keep an incumbent, hand over to who is back for good."""

from qutrio.core.election.engines import engine_named
from qutrio.core.election.interface import Electorate
from qutrio.core.election.lowest_id import LowestId
from qutrio.model.ids import NodeId
from tests.core.samples import A, B, C

COOLDOWN_S = 120.0


def electorate(
    me: NodeId, able: set[NodeId], incumbent: NodeId | None = None, **streaks: float
) -> Electorate:
    return Electorate(me, frozenset(able), incumbent, {NodeId(n): s for n, s in streaks.items()})


def test_without_an_incumbent_the_lowest_able_id_is_elected_at_once() -> None:
    assert LowestId().choice(electorate(C, {B, C})) == B


def test_nobody_is_elected_while_nobody_is_able() -> None:
    assert LowestId().choice(electorate(C, set())) is None


def test_a_living_incumbent_is_kept_whatever_returns() -> None:
    assert LowestId().choice(electorate(C, {A, B, C}, incumbent=C)) == C


def test_the_incumbent_hands_over_only_after_the_whole_cooldown() -> None:
    engine = LowestId()
    assert engine.successor(electorate(B, {A, B}, B, n1=COOLDOWN_S - 0.1), COOLDOWN_S) is None
    assert engine.successor(electorate(B, {A, B}, B, n1=COOLDOWN_S), COOLDOWN_S) == A


def test_the_lowest_of_those_who_waited_is_the_successor() -> None:
    seen = electorate(C, {A, B, C}, C, n1=300.0, n2=500.0)
    assert LowestId().successor(seen, COOLDOWN_S) == A


def test_nobody_hands_over_to_a_higher_or_an_unable_id() -> None:
    engine = LowestId()
    assert engine.successor(electorate(B, {B, C}, B, n1=500.0, n3=500.0), COOLDOWN_S) is None
    assert engine.successor(electorate(B, {A, B}, B), COOLDOWN_S) is None


def test_the_heir_is_the_lowest_able_id_beside_the_one_that_leaves() -> None:
    engine = LowestId()
    assert engine.heir(electorate(A, {A, B, C})) == B
    assert engine.heir(electorate(A, {A})) is None


def test_engines_are_found_by_name_and_unknown_ones_are_not() -> None:
    assert engine_named("lowest-id") == LowestId()
    assert engine_named("highest-bidder") is None

"""The lowest-id engine elects the lowest id, keeps a master, and transfers after the cooldown."""

from itertools import pairwise
from random import Random

from qutrio.core.election.engine_messages import LeaderHeartbeat
from qutrio.core.election.engines import ENGINES, engine_named
from qutrio.core.election.interface import Electorate, Role, RoleChange
from qutrio.core.election.lowest_id import TRANSITIONS, LowestId
from qutrio.core.quorum.majorities import JointConfig
from qutrio.model.document import Settings
from qutrio.model.ids import FOREVER, NodeId, Term
from qutrio.model.stable import NO_HARD_STATE, HardState
from tests.core.samples import A, B, C, at

COOLDOWN_S = 120.0
EVERYBODY = frozenset({A, B, C})


def electorate(
    me: NodeId, able: set[NodeId], master: NodeId | None = None, **streaks: float
) -> Electorate:
    return Electorate(
        me=me,
        joint_config=JointConfig(EVERYBODY, EVERYBODY),
        able=frozenset(able),
        living=EVERYBODY,
        master=master,
        streaks={NodeId(n): s for n, s in streaks.items()},
        settings=Settings(master_cooldown_s=COOLDOWN_S),
        term=Term(1),
    )


def test_without_a_master_the_lowest_able_id_is_elected_at_once() -> None:
    assert LowestId().choice(electorate(C, {B, C}), at(0)) == B


def test_nobody_is_elected_while_nobody_is_able() -> None:
    assert LowestId().choice(electorate(C, set()), at(0)) is None


def test_while_nobody_is_able_there_is_no_wait() -> None:
    assert LowestId().awaits(at(0)) is None


def test_a_living_master_is_kept_whichever_id_returns() -> None:
    assert LowestId().choice(electorate(C, {A, B, C}, master=C), at(0)) == C


def test_the_master_transfers_only_after_the_whole_cooldown() -> None:
    engine = LowestId()
    assert engine.successor(electorate(B, {A, B}, B, n1=COOLDOWN_S - 0.1), at(0)) is None
    assert engine.successor(electorate(B, {A, B}, B, n1=COOLDOWN_S), at(0)) == A


def test_the_lowest_id_that_waited_is_the_successor() -> None:
    seen = electorate(C, {A, B, C}, C, n1=300.0, n2=500.0)
    assert LowestId().successor(seen, at(0)) == A


def test_the_successor_is_neither_a_higher_nor_an_unable_id() -> None:
    engine = LowestId()
    assert engine.successor(electorate(B, {B, C}, B, n1=500.0, n3=500.0), at(0)) is None
    assert engine.successor(electorate(B, {A, B}, B), at(0)) is None


def test_the_heir_is_the_lowest_able_id_except_the_node_that_leaves() -> None:
    engine = LowestId()
    assert engine.next_leader(electorate(A, {A, B, C})) == B
    assert engine.next_leader(electorate(A, {A})) is None


def test_engines_are_found_by_name_and_unknown_ones_are_not() -> None:
    found = {
        name: engine_named(name, A, hard_state=NO_HARD_STATE, rng=Random(0), now=at(0))
        for name in ENGINES
    }
    assert isinstance(found["lowest-id"], LowestId)
    assert None not in found.values()
    assert (
        engine_named("highest-bidder", A, hard_state=NO_HARD_STATE, rng=Random(0), now=at(0))
        is None
    )


def test_each_change_of_role_is_reported_once_and_is_in_the_table() -> None:
    engine = LowestId()
    engine.advance(electorate(A, {A, B}), at(0))
    engine.advance(electorate(A, {A, B}), at(1))
    engine.advance(electorate(A, {A, B}, master=B), at(2))
    engine.advance(electorate(A, {A, B}, master=A), at(3))
    engine.close(at(4))
    role_changes = [news for news in engine.news() if isinstance(news, RoleChange)]
    roles = [Role.FOLLOWER, Role.LEADER, Role.FOLLOWER, Role.LEADER, Role.CLOSED]
    assert [(t.before, t.after) for t in role_changes] == list(pairwise(roles))
    assert {(t.before, t.reason, t.after) for t in role_changes} <= set(TRANSITIONS)
    assert engine.news() == []


def test_inputs_that_only_other_engines_need_change_nothing() -> None:
    engine, seen = LowestId(), electorate(B, {A, B})
    engine.restore(HardState(Term(4), A))
    engine.on_acting(B, Term(3), seen, at(0))
    engine.step_aside(seen, at(0))
    assert engine.on_message(A, LeaderHeartbeat(term=Term(9)), seen, at(0)) == []
    assert engine.choice(seen, at(0)) == A
    assert engine.deadline(at(0)) == FOREVER
    assert engine.hard_state == NO_HARD_STATE

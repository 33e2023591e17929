"""The feature level rises when every member's program is new enough, and never falls."""

import pytest
from attrs import evolve

from qutrio.core.api.events import Announced, Received
from qutrio.core.api.hand_edit import differences
from qutrio.core.api.messages import Fetched, HeartbeatAck, Ruling
from qutrio.core.api.mutations import Batch, Mutation, PutCheck, Refusal, RemoveMember
from qutrio.core.consensus.applying import apply
from qutrio.core.consensus.feature_level import RaiseLevel
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import CheckId, NodeId, Revision
from qutrio.model.levels import LEVEL
from tests.core.leaderships import leadership
from tests.core.node_cluster import API, HELD, NodeCluster, documents, elected_cluster
from tests.core.registers import write
from tests.core.samples import (
    WALL,
    A,
    B,
    C,
    D,
    at,
    bound_to,
    check,
    document,
    heartbeat,
    pos,
    record,
    register,
)

OLD = evolve(HELD, level=1)


def begun(**levels: int) -> NodeCluster:
    """Return a cluster at level 1, some of whose programs know only that."""
    cluster = NodeCluster(OLD, {NodeId(name): level for name, level in levels.items()})
    cluster.run(2.5)
    return cluster


def levels(cluster: NodeCluster) -> set[int]:
    return {held.level for held in documents(cluster)}


# --- rising ---------------------------------------------------------------------------------


def test_the_level_rises_once_every_member_has_announced_a_higher_one() -> None:
    cluster = begun()
    assert levels(cluster) == {LEVEL}
    assert {held.revision for held in documents(cluster)} == {OLD.revision + 1}
    cluster.run(60)
    assert {held.revision for held in documents(cluster)} == {OLD.revision + 1}


def test_one_old_member_holds_the_level_back_until_it_is_upgraded() -> None:
    cluster = begun(**{C: 1})
    cluster.run(60)
    assert levels(cluster) == {1}
    status = cluster.status(A)
    assert (status.level, status.held_back) == (LEVEL, (C,))
    assert {m.member.id: m.level for m in status.members} == {A: LEVEL, B: LEVEL, C: 1}
    del cluster.levels[C]
    cluster.crash(C)
    cluster.start(C)
    cluster.run(5)
    assert levels(cluster) == {LEVEL}
    assert cluster.status(A).held_back == ()


def test_an_old_member_that_is_removed_holds_nothing_back() -> None:
    cluster = begun(**{C: 1})
    cluster.propose(A, RemoveMember(node=C))
    del cluster.nodes[C]
    cluster.run(5)
    assert levels(cluster) == {LEVEL}


def test_a_dead_member_that_was_never_heard_holds_the_level_back() -> None:
    cluster = NodeCluster(OLD)
    cluster.crash(C)
    cluster.run(60)
    assert levels(cluster) == {1}
    assert cluster.status(A).held_back == (C,)
    cluster.start(C)
    cluster.run(5)
    assert levels(cluster) == {LEVEL}


def test_a_dead_member_counts_with_the_level_it_announced_last() -> None:
    cluster = begun(**{B: 1})
    cluster.crash(C)
    del cluster.levels[B]
    cluster.crash(B)
    cluster.start(B)
    cluster.run(10)
    assert levels(cluster) == {LEVEL}


def test_an_old_master_leaves_the_level_alone() -> None:
    cluster = begun(**{A: 1})
    cluster.run(60)
    assert cluster.masters() == [A]
    assert levels(cluster) == {1}


def test_a_member_that_joins_at_the_same_time_keeps_the_level() -> None:
    raised = RaiseLevel(level=2, members=frozenset({A, B, C}))
    assert isinstance(apply(raised, OLD, WALL), ClusterDocument)
    joined = document(A, B, C, learners=[D], level=1)
    assert isinstance(apply(raised, joined, WALL), Refusal)


# --- what is used below a level -------------------------------------------------------------


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let checks be of a kind that needs the level 2."""
    monkeypatch.setattr(type(check()), "needs_level", 2, raising=False)


@pytest.mark.usefixtures("newer")
@pytest.mark.parametrize("change", [API, Batch(mutations=(API,))], ids=["alone", "in a batch"])
def test_a_change_that_needs_a_higher_level_is_refused_by_the_node_that_is_asked(
    change: Mutation,
) -> None:
    cluster = begun(**{C: 1})
    for asked in (A, B):
        (reply,) = cluster.replies(cluster.propose(asked, change))
        assert reply.ruling is Ruling.REFUSED
        assert "this needs level 2 and the cluster runs level 1" in reply.reason
    cluster.crash(C)
    del cluster.levels[C]
    cluster.start(C)
    cluster.run(5)
    (reply,) = cluster.replies(cluster.propose(B, change))
    assert reply.ruling is Ruling.COMMITTED


@pytest.mark.usefixtures("newer")
def test_the_master_refuses_it_too() -> None:
    assert isinstance(apply(API, OLD, WALL), Refusal)
    assert isinstance(apply(API, HELD, WALL), ClusterDocument)


def test_checking_each_address_is_refused_until_all_programs_support_it() -> None:
    wanted = PutCheck(check=check(CheckId("api"), each_address=True))
    assert isinstance(apply(wanted, OLD, WALL), Refusal)
    assert isinstance(apply(wanted, HELD, WALL), ClusterDocument)
    plain = PutCheck(check=check(CheckId("api")))
    assert isinstance(apply(plain, OLD, WALL), ClusterDocument)


# --- never falling --------------------------------------------------------------------------


def test_a_hand_edit_does_not_change_the_level() -> None:
    for level in (1, LEVEL + 1):
        outcome = differences(HELD, evolve(HELD, level=level))
        assert isinstance(outcome, Refusal)
        assert "level cannot be changed" in outcome.reason


def test_no_batch_lowers_the_level() -> None:
    outcome = apply(Batch(mutations=(API, RemoveMember(node=C))), HELD, WALL)
    assert isinstance(outcome, ClusterDocument)
    assert outcome.level == LEVEL
    lower = RaiseLevel(level=1, members=HELD.ids)
    assert apply(lower, HELD, WALL) == HELD


@pytest.mark.parametrize("level", [1, LEVEL + 1], ids=["below", "beyond this program"])
def test_a_record_of_another_level_is_not_accepted(level: int) -> None:
    voter = register(B, HELD)
    other = evolve(HELD, level=level, revision=Revision(HELD.revision + 1))
    assert voter.on_write(write(pos(2), other), granted=True) is None
    assert voter.accepted == record(HELD)
    for accepted in (True, False):
        voter._asked[A, accepted] = at(0)
        shown = Fetched(accepted=accepted, record=record(other, pos(3)))
        voter.on_fetched(A, shown, bound_to(A, 3))
        assert (voter.accepted, voter.committed) == (record(HELD), record(HELD))


# --- a member that was downgraded -----------------------------------------------------------


def test_a_downgraded_member_is_neither_heard_nor_counted() -> None:
    cluster = elected_cluster()
    cluster.crash(C)
    cluster.levels[C] = 1
    cluster.start(C)
    cluster.run(10)
    status = cluster.status(A)
    assert {m.member.id: (m.level, m.live) for m in status.members} == {
        A: (LEVEL, True),
        B: (LEVEL, True),
        C: (1, False),
    }
    cluster.effects.clear()
    cluster.handle(A, Received(C, heartbeat(level=1)))
    assert [to for _, to, _ in cluster.messages(HeartbeatAck) if to == C] == []


def test_a_hello_announces_a_level_too() -> None:
    cluster = elected_cluster()
    cluster.handle(A, Announced(C, 1))
    assert cluster.status(A).members[2].level == 1
    cluster.effects.clear()
    cluster.handle(A, Received(C, heartbeat(level=1)))
    assert cluster.messages(HeartbeatAck) == []


def test_the_announced_level_of_a_removed_member_is_forgotten() -> None:
    """It may join again with an older program, so the level must wait for its announcement."""
    node = leadership(A, document(A, B))
    node.announcements.record(B, LEVEL)
    node.announcements.record(D, LEVEL)
    node.forget_strangers(frozenset({A, B}))
    assert (node.announcements.of(B), node.announcements.of(D)) == (LEVEL, None)

"""`yield` moves mastership under every engine, after the tenants have stopped."""

import pytest
from attrs import evolve

from qutrio.core.api.events import Stop, Tenancy, YieldRequested
from qutrio.core.api.messages import Heartbeat, Resign, Ruling, Yield
from qutrio.core.api.mutations import RemoveMember
from qutrio.core.leadership.transfer import YIELD_PATIENCE_S
from qutrio.model.document import Settings
from qutrio.model.ids import NodeId, Term, UnixTime
from tests.core.node_cluster import NodeCluster
from tests.core.samples import DEAD_S, A, B, C, at, document

COOLDOWN_S = 20.0
SETTLED_S = 30.0
ENGINES = ("gossip", "lowest-id", "raft")


def cluster_of_three(engine: str = "lowest-id") -> tuple[NodeCluster, NodeId]:
    """Return three nodes, and the master."""
    cluster = NodeCluster(
        document(A, B, C, settings=Settings(engine=engine, master_cooldown_s=COOLDOWN_S))
    )
    cluster.run(SETTLED_S)
    (master,) = cluster.masters()
    cluster.effects.clear()
    return cluster, master


def others(master: NodeId) -> list[NodeId]:
    """Return the two that are not master."""
    return [n for n in (A, B, C) if n != master]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_yield_moves_mastership_at_once_and_it_stays_there_for_a_while(engine: str) -> None:
    cluster, master = cluster_of_three(engine)
    cluster.handle(master, YieldRequested(None))
    cluster.run(1.5)
    (successor,) = cluster.masters()
    assert successor == others(master)[0]
    cluster.run(COOLDOWN_S - 2)
    assert cluster.masters() == [successor]
    assert {(m.by_hand, m.reason) for _, _, m in cluster.messages(Resign)} == {
        (True, "moved by hand")
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_a_yield_may_name_the_next_and_be_asked_for_at_any_node(engine: str) -> None:
    cluster, master = cluster_of_three(engine)
    last = others(master)[1]
    cluster.handle(others(master)[0], YieldRequested(last))
    cluster.run(1.5)
    assert cluster.masters() == [last]
    cluster.run(COOLDOWN_S - 2)
    assert cluster.masters() == [last]


def test_after_a_yield_the_lowest_id_is_master_again_when_the_cooldown_is_over() -> None:
    cluster, master = cluster_of_three()
    cluster.handle(master, YieldRequested(C))
    cluster.run(COOLDOWN_S + 3)
    assert cluster.masters() == [A]


def test_a_yield_to_one_that_cannot_lead_waits_for_it_and_is_then_forgotten() -> None:
    cluster, master = cluster_of_three()
    cluster.crash(C)
    cluster.run(DEAD_S + 1)
    cluster.handle(master, YieldRequested(C))
    cluster.run(5)
    assert cluster.masters() == [A]
    cluster.run(YIELD_PATIENCE_S)
    cluster.start(C)
    cluster.run(10)
    assert cluster.masters() == [A]


def test_a_yield_to_the_master_itself_changes_nothing() -> None:
    cluster, master = cluster_of_three()
    cluster.handle(master, YieldRequested(master))
    cluster.run(5)
    assert cluster.masters() == [master]
    assert cluster.messages(Resign) == []


def test_a_yield_of_an_earlier_term_is_ignored() -> None:
    cluster, master = cluster_of_three()
    node = cluster.nodes[master]
    node.transfer.on_yield(Yield(term=Term(99), to=B), at(cluster.now))
    cluster.run(3)
    assert cluster.masters() == [master]


def test_without_a_master_a_yield_is_not_sent() -> None:
    cluster = NodeCluster(document(A, B, C))
    cluster.cut_off(A)
    cluster.run(1)
    cluster.handle(A, YieldRequested(B))
    assert cluster.messages(Yield) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_a_node_that_stepped_aside_may_lead_again_after_a_while(engine: str) -> None:
    cluster, master = cluster_of_three(engine)
    for node in cluster.nodes.values():
        electorate = node.leadership.electorate(at(cluster.now))
        node.leadership.engine_host.step_aside(None, electorate, at(cluster.now))
        assert not node.leadership.able(at(cluster.now))
    cluster.nodes[master].leadership.resign(None, "a test", at(cluster.now))
    cluster.run(1)
    assert cluster.masters() == []
    cluster.run(100)
    assert len(cluster.masters()) == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_after_an_orderly_stop_the_heir_acts_at_once_under_every_engine(engine: str) -> None:
    cluster, master = cluster_of_three(engine)
    cluster.handle(master, Stop())
    cluster.crash(master)
    cluster.run(0.5)
    assert cluster.masters() == [others(master)[0]]


@pytest.mark.parametrize("engine", ENGINES)
def test_tenants_are_asked_to_stop_before_mastership_moves(engine: str) -> None:
    cluster, master = cluster_of_three(engine)
    cluster.handle(master, Tenancy(2))
    cluster.handle(master, YieldRequested(None))
    cluster.run(3)
    assert cluster.masters() == [master]
    assert cluster.nodes[master].view(at(cluster.now)).vacating
    cluster.handle(master, Tenancy(0))
    cluster.run(1.5)
    assert cluster.masters() == [others(master)[0]]
    assert not cluster.nodes[master].view(at(cluster.now)).vacating


@pytest.mark.parametrize("engine", ENGINES)
def test_a_claim_that_ends_under_tenants_frees_no_voter_before_the_lease_they_know_of(
    engine: str,
) -> None:
    cluster, master = cluster_of_three(engine)
    cluster.handle(master, Tenancy(1))
    told = cluster.nodes[master].view(at(cluster.now)).acting_until
    assert told is not None
    cluster.handle(master, Stop())
    assert cluster.messages(Resign) == []
    cluster.crash(master)
    while not cluster.masters():
        cluster.run(0.05)
    assert cluster.now >= told


def test_a_node_that_lost_the_lease_under_tenants_grants_nothing_meanwhile() -> None:
    cluster, master = cluster_of_three()
    cluster.handle(master, Tenancy(1))
    node = cluster.nodes[master]
    until = node.leadership.acting_until(at(cluster.now))
    assert until is not None
    node.leadership.resign(None, "a test", at(cluster.now))
    assert node.leadership.lease.bound_until == until
    assert node.leadership.lease.objection(B, Term(9), at(cluster.now)) == f"bound to {master}"


def test_a_late_message_of_the_last_master_does_not_undo_its_named_successor() -> None:
    cluster, _ = cluster_of_three()
    leadership = cluster.nodes[C].leadership
    now = at(cluster.now)
    beat = Heartbeat(
        number=10**6,
        heard_term=Term(1),
        claim=Term(1),
        acting=True,
        able=True,
        committed=leadership.register.committed.position,
        wall=UnixTime(0.0),
    )
    resign = Resign(term=Term(1), successor=B, by_hand=True, reason="moved by hand")
    leadership.on_resign(A, resign, now)
    leadership.on_heartbeat(A, beat, now, UnixTime(0.0))
    assert leadership.engine_host.nominee == B
    held = leadership.register.committed
    leadership.register.accepted = evolve(held, position=evolve(held.position, term=Term(2)))
    leadership.on_heartbeat(B, evolve(beat, claim=Term(2)), now, UnixTime(0.0))
    assert leadership.engine_host.nominee is None


def test_a_node_that_transfers_prefers_the_successor_it_named() -> None:
    """Even if another successor was named to it before."""
    cluster, _ = cluster_of_three()
    cluster.handle(A, YieldRequested(C))
    cluster.run(COOLDOWN_S + 3)
    assert cluster.masters() == [A]
    assert {(m.successor, m.by_hand) for _, _, m in cluster.messages(Resign)} == {
        (C, True),
        (A, False),
    }
    assert cluster.nodes[C].leadership.engine_host.nominee in {None, A}


def test_after_the_removal_of_the_master_another_acts_once_its_grants_ended() -> None:
    cluster, master = cluster_of_three()
    told = cluster.nodes[master].view(at(cluster.now)).acting_until
    request = cluster.propose(master, RemoveMember(node=master))
    assert [r.ruling for r in cluster.replies(request)] == [Ruling.COMMITTED]
    assert cluster.masters() == []
    began = cluster.now
    while not cluster.masters() and cluster.now < began + 60:
        cluster.run(0.05)
    assert told is not None
    assert cluster.now >= told, "programs that rely on the lease were told so"
    assert cluster.now <= began + DEAD_S + 0.5
    assert cluster.masters() == [others(master)[0]]

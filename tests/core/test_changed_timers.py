"""The master counts on shorter grants before any restarted voter waits for less time."""

from attrs import evolve

from qutrio.core.api.mutations import PutSettings
from qutrio.core.leadership.lease_voter import NEXT_BEAT_S_MIN
from qutrio.model.document import Settings
from qutrio.model.ids import Revision
from tests.core.leaderships import leadership, win
from tests.core.node_cluster import API, NodeCluster, elected_cluster
from tests.core.samples import A, B, C, at, document, pos, record

RAFT = Settings(engine="raft")


def test_the_master_relies_on_no_older_grant_for_longer_than_new_ones_last() -> None:
    node = leadership(A, document(A, B, C))
    win(node, 0.0, B, C)
    node.follow_document(at(0))
    before = node.acting_until(at(0))
    node.register.accepted = record(
        evolve(node.register.committed.document, settings=RAFT, revision=Revision(2)), pos(1, 2)
    )
    node.follow_document(at(0.1))
    after = node.acting_until(at(0.1))
    assert before is not None
    assert after is not None
    assert after == 0.1 + RAFT.raft_election_timeout_s * 0.9 < before
    assert node.heartbeats.next_beat == 0.1 + NEXT_BEAT_S_MIN


def test_longer_grants_shorten_nothing() -> None:
    node = leadership(A, document(A, B, C))
    win(node, 0.0, B, C)
    node.follow_document(at(0))
    before = node.acting_until(at(0.1))
    node.register.accepted = record(
        evolve(node.register.committed.document, settings=Settings(dead_after_s=9.0)), pos(1, 2)
    )
    node.follow_document(at(0.1))
    assert node.acting_until(at(0.1)) == before


def switched(cluster: NodeCluster, engine: str) -> None:
    """Change the engine of a running cluster, and check that it has a master at all times."""
    was = cluster.nodes[A].register.committed.document.settings
    cluster.propose(B, PutSettings(settings=evolve(was, engine=engine), expect=was))
    for _ in range(200):
        cluster.run(0.05)
        assert len(cluster.masters()) == 1


def test_a_running_cluster_switches_its_engine_without_a_gap() -> None:
    cluster = elected_cluster()
    for engine in ("raft", "gossip", "lowest-id", "gossip", "raft", "lowest-id"):
        switched(cluster, engine)
        assert {n.leadership.settings.engine for n in cluster.nodes.values()} == {engine}
    assert cluster.masters() == [A]
    assert cluster.replies(cluster.propose(C, API))


def test_a_node_whose_engine_is_unknown_neither_leads_nor_grants() -> None:
    cluster = NodeCluster(document(A, B, C, settings=Settings(engine="future")))
    cluster.run(30)
    assert cluster.masters() == []
    cluster.crash(A)
    cluster.run(1)
    assert cluster.nodes[B].leadership.engine_host.role.value == "follower"
    assert (
        cluster.nodes[B].leadership.engine_host.next_leader(
            cluster.nodes[B].leadership.electorate(at(31))
        )
        is None
    )

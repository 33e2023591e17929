"""A node that was away while members were removed catches up without another write."""

from collections.abc import Sequence
from random import Random

import pytest

from qutrio.core.api.mutations import RemoveMember
from qutrio.model.document import Settings
from qutrio.model.ids import NodeId
from tests.core.node_cluster import NodeCluster
from tests.core.samples import A, B, C, D, E, at, document

ENOUGH_S = 30.0


@pytest.mark.parametrize("engine", ["lowest-id", "raft", "gossip"])
@pytest.mark.parametrize("stays_up", [True, False], ids=["goes on", "is off"])
@pytest.mark.parametrize(
    ("members", "removed"),
    [((A, B, C, D), (C,)), ((A, B, C, D, E), (C, B)), ((A, B, C, D, E), (A, C))],
)
def test_a_node_that_was_away_while_members_were_removed_learns_of_it_from_an_idle_cluster(
    engine: str, members: Sequence[NodeId], removed: Sequence[NodeId], *, stays_up: bool
) -> None:
    cluster = NodeCluster(document(*members, settings=Settings(engine=engine)))
    for dice, node in enumerate(cluster.nodes.values()):
        node.leadership.engine_host.rng = Random(dice)  # otherwise all raft timers are equal
    cluster.run(ENOUGH_S)
    away = D
    cluster.crash(away)
    for gone in removed:
        cluster.run(ENOUGH_S)
        (master,) = cluster.masters()
        cluster.propose(master, RemoveMember(node=gone))
        cluster.run(ENOUGH_S)
        if not stays_up:
            cluster.crash(gone)
    cluster.start(away)
    cluster.run(ENOUGH_S)
    left = {*members} - {*removed}
    for name in left:
        assert cluster.nodes[name].register.committed.document.ids == left
    (master,) = cluster.masters()
    assert cluster.nodes[away].view(at(cluster.now)).master == master

"""A vote of a removed member does not count once its removal is committed."""

from qutrio.core.api.messages import HeartbeatAck, Wrote
from qutrio.core.api.mutations import RemoveMember
from qutrio.model.results import Outcome, State
from tests.core.node_cluster import NodeCluster
from tests.core.samples import WEB, A, B, C, check, document


def test_a_notice_that_waits_for_a_removal_does_not_rest_on_the_removed_vote() -> None:
    cluster = NodeCluster(document(A, B, C, checks=[check()]))
    cluster.run(5)
    cluster.set_outcome(WEB, Outcome.OK)
    assert cluster.masters() == [A]
    lost = {(peer, kind) for peer in (B, C) for kind in (Wrote, HeartbeatAck)}
    cluster.lost |= lost
    cluster.propose(A, RemoveMember(node=C))  # it is written, and the answers are lost
    for node in (B, C):
        cluster.sees[node, WEB] = Outcome.FAIL
    for _ in range(3):
        cluster.run(0.9)
        for node in (A, B, C):
            cluster._probe(node, WEB)
        cluster._drain()
    held = cluster.nodes[A]
    assert held.register.flight is not None
    assert held.exchange.verdicts.undisputed(WEB) is State.DOWN  # by the votes of B and C
    cluster.lost -= lost
    cluster.run(3)
    assert held.register.committed.document.voters == {A, B}
    assert held.register.committed.ledger.sequence == 0  # no notice: one of two is a tie

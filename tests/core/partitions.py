"""Clusters with a part cut off under gossip, for the tests of alerts from a minority."""

from qutrio.core.api.effects import Notify
from qutrio.core.api.events import Observed
from qutrio.model.document import ClusterDocument, Settings
from qutrio.model.ids import CheckId, NodeId
from qutrio.model.incidents import Notice, NoticeKind
from qutrio.model.results import Outcome
from tests.core.node_cluster import NodeCluster
from tests.core.samples import DEAD_S, WEB, A, B, C, check, document, hook, result

ELECTED_S = 6.0
"""More than a lifetime of a declaration, an election, and the time without a majority."""
ROUNDS_S = 2.0
API = CheckId("api")


def held(*members: NodeId, acting: str = "partition") -> ClusterDocument:
    settings = Settings(
        engine="gossip",
        acting=acting,
        gossip_startup_grace_s=1.0,
        gossip_sample_s=0.2,
        gossip_election_s=0.5,
        gossip_alive_s=1.0,
    )
    checks = [check(), check(API)]
    return document(*(members or (A, B, C)), checks=checks, channels=[hook()], settings=settings)


def gossip_cluster(*members: NodeId, acting: str = "partition") -> NodeCluster:
    """Return nodes that have a master and find both targets up."""
    some = NodeCluster(held(*members, acting=acting))
    some.run(ELECTED_S)
    assert len(some.masters()) == 1
    for ident in (WEB, API):
        some.set_outcome(ident, Outcome.OK)
    some.run(ROUNDS_S)
    some.effects.clear()
    return some


def split(some: NodeCluster, *side: NodeId) -> None:
    """Cut the links between these nodes and all others, and check that none of them acts."""
    others = set(some.disks) - set(side)
    some.cut = {(x, y) for x in side for y in others} | {(y, x) for x in side for y in others}
    some.run(2 * DEAD_S + ELECTED_S)
    assert not set(side) & set(some.masters())
    some.effects.clear()


def alone(*members: NodeId, acting: str = "partition") -> NodeCluster:
    """Return nodes after A was cut off from all others for long enough to alert alone."""
    some = gossip_cluster(*members, acting=acting)
    split(some, A)
    return some


def sees(some: NodeCluster, outcome: Outcome, *nodes: NodeId, ident: CheckId = WEB) -> None:
    """Set the outcome of the probes of some nodes, now and in the next rounds."""
    for _ in range(3):
        for node in nodes:
            some.sees[node, ident] = outcome
        for node in nodes:
            some.handle(node, Observed(result(outcome, ident)))
        some.run(ROUNDS_S)


def told(some: NodeCluster, *nodes: NodeId) -> list[Notice]:
    """Return the notices that these nodes tried to send, in order."""
    return [n.delivery.notice for name, n in some.effects_of(Notify) if name in nodes]


def leads(some: NodeCluster, node: NodeId) -> bool:
    return some.nodes[node].alerts.partition.leads


def kinds(notices: list[Notice]) -> list[NoticeKind]:
    return [notice.known_kind for notice in notices]


def written(some: NodeCluster, node: NodeId) -> object:
    register = some.nodes[node].register
    return register.accepted, register.committed, some.disks[node].committed

"""Checks without a verdict, in a cluster whose master changes."""

import pytest

from qutrio.core.api.effects import Notify
from qutrio.core.api.mutations import PutCheck, RemoveCheck
from qutrio.model.results import Outcome, State
from tests.core.node_cluster import NodeCluster
from tests.core.samples import DB, WEB, A, B, C, check, document, hook


def told_of(cluster: NodeCluster) -> list[tuple[str, str]]:
    """Return the notices that were sent, without repeats."""
    notices = {n.id: n for _, e in cluster.effects_of(Notify) for n in (e.delivery.notice,)}
    return [(n.kind.value, n.check_name) for n in notices.values()]


@pytest.fixture
def cluster() -> NodeCluster:
    """Three nodes whose probes all abstain."""
    return NodeCluster(document(A, B, C, checks=[check()], channels=[hook()]))


@pytest.mark.parametrize("crashes", [(), (40.0,), (100.0,), (40.0, 80.0)])
def test_a_new_master_does_not_restart_the_time(
    cluster: NodeCluster, crashes: tuple[float, ...]
) -> None:
    for moment in crashes:
        cluster.run(moment - cluster.now)
        (master,) = cluster.masters()
        cluster.crash(master)
        cluster.run(15)
        cluster.start(master)
    cluster.run(135 - cluster.now)
    assert told_of(cluster) == [("unseen", "web")]
    cluster.run(600)
    cluster.set_outcome(WEB, Outcome.OK)
    cluster.run(5)
    assert told_of(cluster) == [("unseen", "web"), ("seen", "web")]


def test_a_check_that_was_down_and_lost_its_verdict_is_announced_too(cluster: NodeCluster) -> None:
    cluster.run(3)
    cluster.set_outcome(WEB, Outcome.FAIL)
    cluster.run(3)
    cluster.set_outcome(WEB, Outcome.ABSTAIN)
    cluster.run(200)
    assert told_of(cluster) == [("down", "web"), ("unseen", "web")]
    (row,) = cluster.status(A).checks
    assert (row.state, row.incident is not None, row.unjudged is not None) == (
        State.UNKNOWN,
        True,
        True,
    )


def test_the_time_of_a_new_check_counts_from_when_it_was_added(cluster: NodeCluster) -> None:
    cluster.run(3)
    cluster.set_outcome(WEB, Outcome.OK)
    cluster.propose(A, PutCheck(check=check(DB), expect=None))
    cluster.propose(A, RemoveCheck(expect=check()))
    cluster.run(115)
    assert told_of(cluster) == []
    cluster.run(10)
    assert told_of(cluster) == [("unseen", "db")]

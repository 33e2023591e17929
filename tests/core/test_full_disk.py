"""A disk that refuses writes for long: the node does not lead, and says why."""

from qutrio.core.api.effects import LogFact, Persist
from qutrio.core.api.facts import DiskRefused
from qutrio.core.consensus.disk import DISK_RETRY_S
from qutrio.model.document import Settings
from tests.core.node_cluster import API, NodeCluster, elected_cluster
from tests.core.samples import A, B, C, check, document

HELD = document(A, B, C, checks=[check()], settings=Settings(master_cooldown_s=5.0))


def without_space() -> NodeCluster:
    """Return a cluster whose lowest id was master until its disk became full."""
    cluster = elected_cluster(HELD)
    cluster.full = {A}
    cluster.propose(A, API)
    cluster.run(2)
    assert cluster.masters() == [B]
    cluster.effects.clear()
    return cluster


def test_the_role_does_not_move_back_while_the_disk_is_full() -> None:
    cluster = without_space()
    cluster.run(20 * DISK_RETRY_S)
    assert cluster.masters() == [B]
    assert [e for _, e in cluster.effects_of(LogFact) if not isinstance(e.fact, DiskRefused)] == []


def test_the_role_moves_back_once_there_is_space() -> None:
    cluster = without_space()
    cluster.run(2 * DISK_RETRY_S)
    cluster.full = set()
    cluster.run(3 * DISK_RETRY_S)
    assert cluster.masters() == [A]
    cluster.propose(C, API)
    assert {d.accepted.document.revision for d in cluster.disks.values()} == {2}


def test_a_node_reports_its_disk_error_and_for_how_long_it_has_lasted() -> None:
    cluster = without_space()
    cluster.run(5 * DISK_RETRY_S)
    assert cluster.status(A).disk == "no space left"
    assert cluster.status(B).disk == ""
    cluster.full = set()
    cluster.run(DISK_RETRY_S)
    assert cluster.status(A).disk == ""


def test_a_healthy_node_makes_no_test_writes() -> None:
    cluster = elected_cluster(HELD)
    cluster.run(5 * DISK_RETRY_S)
    assert cluster.effects_of(Persist) == []

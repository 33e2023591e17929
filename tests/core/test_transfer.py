"""Mastership moves once, and only to a node that was alive for the whole cooldown."""

from qutrio.core.api.messages import Resign
from qutrio.model.document import Settings
from qutrio.model.ids import NodeId
from tests.core.node_cluster import NodeCluster
from tests.core.samples import DEAD_S, A, B, C, D, E, document

COOLDOWN_S = 20.0
FIVE = document(A, B, C, D, E, settings=Settings(master_cooldown_s=COOLDOWN_S))


def led_by_c() -> NodeCluster:
    """Five nodes led by the third, because the lower two are down."""
    cluster = NodeCluster(FIVE)
    cluster.crash(A)
    cluster.crash(B)
    cluster.run(DEAD_S + 2)
    assert cluster.masters() == [C]
    cluster.effects.clear()
    return cluster


def acting(cluster: NodeCluster, seconds: int) -> list[NodeId]:
    """Let time pass, and return the masters in order, without repeats in a row."""
    seen: list[NodeId] = []
    for _ in range(seconds * 10):
        cluster.run(0.1)
        masters = cluster.masters()
        assert len(masters) <= 1
        seen += [m for m in masters if m not in seen[-1:]]
    return seen


def test_a_lower_id_becomes_master_once_it_was_back_for_the_cooldown() -> None:
    cluster = led_by_c()
    cluster.start(B)
    assert acting(cluster, int(COOLDOWN_S) - 1) == [C]
    assert acting(cluster, int(COOLDOWN_S)) == [C, B]
    assert {m.successor for _, _, m in cluster.messages(Resign)} == {B}


def test_a_lower_id_that_flaps_waits_the_whole_cooldown_again() -> None:
    cluster = led_by_c()
    cluster.start(B)
    assert acting(cluster, 15) == [C]
    cluster.crash(B)
    cluster.run(DEAD_S)
    cluster.start(B)
    assert acting(cluster, int(COOLDOWN_S) - 1) == [C]
    assert acting(cluster, 5) == [C, B]


def test_an_id_that_just_came_back_is_not_chosen_because_another_waited_long_enough() -> None:
    cluster = led_by_c()
    cluster.start(B)
    cluster.run(COOLDOWN_S - 5)
    cluster.start(A)
    assert A not in acting(cluster, int(COOLDOWN_S) - 1)  # B is back for 34 s, A for 19 s
    assert acting(cluster, 5)[-1] == A

"""Networks cut in part or in one direction: never two masters, and soon one again."""

import pytest

from tests.cluster.clusters import Cluster
from tests.cluster.conftest import Lab
from tests.cluster.namespaces import LinkFault, Network, between
from tests.cluster.nodes import Node, acts
from tests.cluster.waiting import wait_for
from tests.cluster.watching import Watch

pytestmark = pytest.mark.cluster

STEP_S_MAX = 30.0


def add_through(node: Node, name: str) -> None:
    node.cli("check", "add", "tcp", name, "127.0.0.1:1", "--disabled")


def hears(node: Node, other: Node) -> bool:
    """Return True if a node considers another alive."""
    [member] = [m for m in node.status()["members"] if m["id"] == other.id]
    return bool(member["live"])


def whole(lab: Lab) -> tuple[Network, Cluster]:
    network = lab.network(3)
    return network, lab.cluster(3, network=network)


def test_two_nodes_that_each_see_a_majority_through_a_third_do_not_both_act(lab: Lab) -> None:
    """First the middle node keeps the master; then it loses it, and follows one successor."""
    network, cluster = whole(lab)
    master, rival, bridge = cluster.by_id
    term = cluster.settle().status()["term"]
    with Watch(cluster.nodes) as watch:
        with network.suffering(*between([master.name], [rival.name])):
            wait_for("they are deaf to each other", lambda: not hears(rival, master), STEP_S_MAX)
            wait_for("and mutually", lambda: not hears(master, rival), STEP_S_MAX)
            assert rival.status()["quorum"]["holds"], "through the third"
            add_through(bridge, "kept")
            assert acts(master.status())
            with network.suffering(*between([master.name], [bridge.name])):
                assert cluster.acting(others_than=master) is rival
                wait_for("the old master knows", lambda: not acts(master.look()), STEP_S_MAX)
                add_through(bridge, "taken-over")
        cluster.settle()
    assert watch.clashes() == []
    assert watch.masters()[:2] == [(master.name, term), (rival.name, term + 1)]
    assert {c["name"] for c in master.status()["checks"]} == {"kept", "taken-over"}


@pytest.mark.parametrize("silenced", [True, False], ids=["silenced", "deaf"])
def test_a_master_that_is_cut_off_in_one_direction_is_replaced_and_never_two_act(
    lab: Lab, silenced: bool
) -> None:
    """It cannot send, or cannot receive: either way it must stop by itself."""
    network, cluster = whole(lab)
    master = cluster.settle()
    term = master.status()["term"]
    one, rest = frozenset([master.name]), frozenset(n.name for n in cluster.others(master))
    cut = LinkFault(one, rest) if silenced else LinkFault(rest, one)
    with Watch(cluster.nodes) as watch:
        with network.suffering(cut):
            heir = cluster.acting(others_than=master)
            wait_for("the old master knows", lambda: not acts(master.look()), STEP_S_MAX)
            add_through(heir, "taken-over")
        wait_for("the lowest id acts again", lambda: cluster.settle() is master, STEP_S_MAX)
        wait_for("the samples show it", lambda: len(watch.masters()) > 2, STEP_S_MAX)
    assert watch.clashes() == []
    assert watch.masters() == [(master.name, term), (heir.name, term + 1), (master.name, term + 2)]
    assert [c["name"] for c in master.status()["checks"]] == ["taken-over"]

"""Nodes that come back: two with an old document, and all of them at once."""

import pytest

from tests.cluster.conftest import Lab
from tests.cluster.nodes import Node
from tests.cluster.people import People
from tests.cluster.probing import INTERVAL, wait_for_probes, wait_until
from tests.cluster.waiting import wait_for
from tests.cluster.watching import Watch

pytestmark = pytest.mark.cluster

STEP_S_MAX = 30.0
ROUNDS = 2


def add(node: Node, name: str) -> None:
    node.cli("check", "add", "tcp", name, "127.0.0.1:1", "--disabled")


def names(node: Node) -> set[str]:
    return {row["name"] for row in node.status()["checks"]}


def test_two_nodes_that_return_with_a_stale_document_outvote_nobody(lab: Lab) -> None:
    """They and the remaining node are a majority, but only its newer record counts."""
    cluster = lab.cluster(5)
    first, second, *rest = cluster.by_id
    add(rest[0], "before")
    cluster.settle()
    for node in (first, second):
        node.kill()
    cluster.acting()
    add(rest[0], "meanwhile")
    for node in rest[:2]:
        node.cli("check", "edit", "before", "--interval", f"{40 + rest.index(node)}s")
    cluster.settle()
    [keeper] = rest[2:]
    with Watch([first, second, keeper]) as watch:
        for node in rest[:2]:
            node.kill()
        for node in (first, second):
            node.launch()
        wait_for("they agree with the keeper", lambda: cluster.settle() is first, STEP_S_MAX)
    assert watch.clashes() == []
    for node in (first, second, keeper):
        assert names(node) == {"before", "meanwhile"}
        shown = node.ask("check.show", name="before")["check"]
        assert shown["interval"] == "41s"


def test_a_cluster_whose_power_fails_forgets_nothing_and_repeats_no_notice(
    lab: Lab, people: People
) -> None:
    nginx, cluster = lab.nginx(), lab.cluster(3)
    people.attach(cluster.nodes[0])
    cluster.nodes[0].cli("check", "add", "http", "web", nginx.url, *INTERVAL)
    master = cluster.settle()
    wait_until(master, "web", "up", ok=3)
    nginx.stop()
    people.wait_for("down", master)
    for node in cluster.nodes:
        add(node, f"through-{node.name}")
    before = {node.name: node.status()["term"] for node in cluster.nodes}

    for node in cluster.nodes:
        node.kill()
    with Watch(cluster.nodes) as watch:
        for node in cluster.nodes:
            node.launch()
        heir = cluster.settle(cluster.nodes)
        wait_until(heir, "web", "down", fail=3)
        wait_for_probes(cluster.nodes, "web", ROUNDS)
    assert watch.clashes() == []
    assert heir.status()["term"] > max(before.values())
    for node in cluster.nodes:
        assert names(node) == {"web", "through-a", "through-b", "through-c"}
    assert people.counts() == {"down": (1, 1), "recovered": (0, 0)}

    nginx.start()
    people.wait_for("recovered", heir)
    wait_for_probes(cluster.nodes, "web", ROUNDS)
    assert people.counts() == {"down": (1, 1), "recovered": (1, 1)}

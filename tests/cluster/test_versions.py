"""Nodes of the version before feature levels, beside nodes of this one: up and down again."""

import json
from functools import partial
from pathlib import Path

import pytest

from qutrio.model.levels import LEVEL
from tests.cluster.clusters import Cluster
from tests.cluster.conftest import Lab
from tests.cluster.nodes import ROOT, Node, Status
from tests.cluster.people import People
from tests.cluster.probing import INTERVAL, wait_until
from tests.cluster.targets import Nginx
from tests.cluster.versions import FIRST_LEVEL, program_of
from tests.cluster.waiting import wait_for

pytestmark = pytest.mark.cluster

RISE_S_MAX = 30.0


@pytest.fixture
def older(tmp_path: Path) -> Path:
    return program_of(FIRST_LEVEL, tmp_path)


def install(cluster: Cluster, node: Node, program: Path) -> Node:
    """Stop a node, start it as another version, wait until all agree; return the master."""
    node.stop()
    node.program = program
    node.start()
    lowest = cluster.by_id[0]
    wait_for("the lowest id acts", lambda: cluster.settle() is lowest, RISE_S_MAX)
    return lowest


def level(node: Node) -> int:
    return int(node.status()["level"])


def says(node: Node, reason: str) -> bool:
    return reason in node.output.read_text()


def row_of(node: Node, other: Node) -> Status:
    rows: list[Status] = node.status()["members"]
    return next(row for row in rows if row["id"] == other.id)


def change_through(cluster: Cluster, label: str, *nodes: Node, seen_by: list[Node]) -> None:
    """Change the document through each of these nodes, and check that all members have it."""
    added = {f"{label}-{node.name}" for node in nodes}
    for node in nodes:
        node.cli("check", "add", "tcp", f"{label}-{node.name}", "127.0.0.1:9", "--disabled")
    cluster.settle(seen_by)
    for node in seen_by:
        assert added <= {row["name"] for row in node.status()["checks"]}


def outage(nginx: Nginx, people: People, master: Node, rounds: int) -> None:
    """Stop and start a target, and wait until both notices were sent."""
    wait_until(master, "web", "up", ok=3)
    nginx.stop()
    told(people, "down", rounds)
    nginx.start()
    told(people, "recovered", rounds)
    wait_for("nothing waits", lambda: master.status()["outbox"] == 0, RISE_S_MAX)
    assert people.counts() == {"down": (rounds, rounds), "recovered": (rounds, rounds)}


def told(people: People, kind: str, rounds: int) -> None:
    """Wait until both channels accepted so many notices of a kind."""
    enough = (rounds, rounds)
    wait_for(f"{kind}, {rounds}", lambda: people.counts()[kind] >= enough, RISE_S_MAX)


def test_an_old_cluster_is_upgraded_node_by_node_and_then_refuses_an_old_node(
    lab: Lab, people: People, older: Path
) -> None:
    nginx, cluster = lab.nginx(), lab.cluster(3, program=older)
    master, one, other = cluster.by_id
    people.attach(master)
    master.cli("check", "add", "http", "web", nginx.url, *INTERVAL)
    install(cluster, one, ROOT)
    install(cluster, other, ROOT)
    assert "level" not in master.status(), "the master still runs the older version"
    assert one.status()["level_held_back_by"] == [master.name]
    outage(nginx, people, master, 1)
    change_through(cluster, "mixed", master, one, seen_by=cluster.nodes)

    install(cluster, master, ROOT)
    wait_for("the level rises", lambda: {level(n) for n in cluster.nodes} == {LEVEL}, RISE_S_MAX)
    cluster.settle()
    assert master.status()["level_held_back_by"] == []
    outage(nginx, people, master, 2)

    other.stop()
    other.program = older
    other.launch()
    reason = f"{other.name} runs level 1, the cluster needs {LEVEL}; upgrade {other.name}"
    for node in (master, other):
        wait_for(f"{node.name} says why", partial(says, node, reason), RISE_S_MAX)
    assert row_of(master, other)["level"] == 1
    assert not row_of(master, other)["live"]
    assert f"{other.name} runs level 1" in master.cli("status").stdout
    change_through(cluster, "without", master, one, seen_by=[master, one])
    install(cluster, other, ROOT)


def test_a_new_master_leads_old_nodes_and_may_be_downgraded_while_they_are(
    lab: Lab, people: People, older: Path
) -> None:
    nginx, cluster = lab.nginx(), lab.cluster(3, program=older)
    master, one, other = cluster.by_id
    people.attach(one)
    one.cli("check", "add", "http", "web", nginx.url, *INTERVAL)
    install(cluster, master, ROOT)
    assert level(master) == 1
    assert set(master.status()["level_held_back_by"]) == {one.name, other.name}
    outage(nginx, people, master, 1)
    change_through(cluster, "mixed", master, one, seen_by=cluster.nodes)

    install(cluster, master, older)
    outage(nginx, people, master, 2)
    change_through(cluster, "old", other, seen_by=cluster.nodes)


def test_an_old_node_cannot_join_a_new_cluster(lab: Lab, older: Path) -> None:
    cluster = lab.cluster(1)
    (first,) = cluster.nodes
    assert level(first) == LEVEL
    stranger = Node("b", lab.home / "b", bind="127.0.0.2", port=9901)
    stranger.program = older
    made = json.loads(first.cli("enroll", "create", "--auto-approve", "--json").stdout)
    with pytest.raises(AssertionError, match="b runs level 1, the cluster needs 3; upgrade b"):
        stranger.join(made["token"])

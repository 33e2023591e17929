"""A removed node can do nothing, even if it keeps running."""

import json

import pytest

from qutrio.cli.exits import ExitCode
from tests.cluster.clusters import Cluster
from tests.cluster.conftest import Lab
from tests.cluster.nodes import Node
from tests.cluster.waiting import wait_for

pytestmark = pytest.mark.cluster

NOTICE_S_MAX = 30.0


def has_no_say(cluster: Cluster, node: Node) -> None:
    """Assert that the node can change nothing, neither alone nor through the cluster."""
    wait_for("the node knows that it is out", lambda: node.status()["removed"], NOTICE_S_MAX)
    seen = node.status()
    assert not seen["acting"]
    status = node.cli("status", "--json", expect=ExitCode.NO_MASTER)
    assert json.loads(status.stdout)["removed"]
    before = cluster.nodes[0].status()["revision"]
    refused = node.cli("check", "add", "tcp", "evil", "127.0.0.1:1", expect=None)
    assert refused.returncode in {ExitCode.ERROR, ExitCode.NO_MASTER}
    node.cli("enroll", "create", expect=refused.returncode)
    for member in cluster.others(node):
        row = member.status()
        assert node.id not in {m["id"] for m in row["members"]}
        assert row["revision"] == before
        assert "evil" not in {c["name"] for c in row["checks"]}


def test_a_removed_node_that_keeps_running_can_do_nothing(lab: Lab) -> None:
    """It is the master, which makes it the hardest case."""
    cluster = lab.cluster(3)
    nginx = lab.nginx()
    master = cluster.settle()
    keeper = cluster.others(master)[0]
    keeper.cli("check", "add", "http", "web", nginx.url, "--interval", "1s", "--timeout", "1s")
    keeper.cli("node", "remove", master.name)
    heir = wait_for(
        "another node acts",
        lambda: next((n for n in cluster.others(master) if n.status()["acting"]), None),
        NOTICE_S_MAX,
    )
    assert master.running
    cluster.nodes.sort(key=lambda n: n is master)
    has_no_say(cluster, master)
    wait_for(
        "the removed node's votes are gone",
        lambda: heir.check("web")["votes"] == {"ok": 2, "fail": 0, "abstain": 0},
        NOTICE_S_MAX,
    )
    assert master.id not in {e["node"] for e in heir.check("web")["evidence"]}
    term = heir.status()["term"]

    master.restart()
    has_no_say(cluster, master)
    assert heir.status()["term"] == term
    assert heir.status()["acting"]


def test_a_node_removed_while_it_was_off_learns_it_at_its_return(lab: Lab) -> None:
    cluster = lab.cluster(3)
    cluster.settle()
    gone = cluster.by_id[-1]
    gone.stop()
    cluster.nodes.sort(key=lambda n: n is gone)
    cluster.nodes[0].cli("node", "remove", gone.name)
    cluster.settle()
    gone.start()
    has_no_say(cluster, gone)

"""Mastership moves once, and never to two nodes; without a majority there is no master."""

import json

import pytest

from qutrio.cli.exits import ExitCode
from tests.cluster.conftest import Lab
from tests.cluster.waiting import wait_for
from tests.cluster.watching import Watch

pytestmark = pytest.mark.cluster

SUCCESSION_S_MAX = 30.0


def test_a_returning_lower_id_becomes_master_once_and_never_two_act(lab: Lab) -> None:
    cluster = lab.cluster(3, master_cooldown="3s")
    lowest = cluster.by_id[0]
    lowest.kill()
    deputy = cluster.acting(others_than=lowest)
    cluster.settle()
    term = deputy.status()["term"]

    with Watch(cluster.nodes) as watch:
        lowest.start()
        wait_for("the lowest id acts again", lambda: cluster.acting() is lowest, SUCCESSION_S_MAX)
        cluster.settle()
        wait_for("the samples show it", lambda: len(watch.masters()) > 1, SUCCESSION_S_MAX)
    assert watch.masters() == [(deputy.name, term), (lowest.name, term + 1)]
    assert watch.clashes() == []
    assert len(watch.samples) > 3 * 20


def test_the_last_of_three_nodes_decides_nothing_and_recovers_by_itself(lab: Lab) -> None:
    cluster = lab.cluster(3)
    *stopped, survivor = cluster.by_id
    for node in stopped:
        assert node.stop() == 0
    wait_for(
        "the survivor knows that it is alone",
        lambda: not survivor.status()["quorum"]["holds"],
        SUCCESSION_S_MAX,
    )
    status = survivor.cli("status", "--json", expect=ExitCode.NO_MASTER)
    seen = json.loads(status.stdout)
    assert seen["quorum"] == {"holds": False, "have": 1, "need": 2}
    assert not seen["acting"]
    refused = survivor.cli("check", "add", "tcp", "x", "127.0.0.1:1", expect=ExitCode.NO_MASTER)
    assert refused.stderr.startswith("qutrio: ")
    assert "Traceback" not in refused.stderr
    assert not survivor.status()["checks"]

    for node in stopped:
        node.start()
    cluster.settle()
    survivor.cli("status")
    survivor.cli("check", "add", "tcp", "x", "127.0.0.1:1")
    cluster.settle()
    assert all(n.check("x") for n in cluster.nodes)

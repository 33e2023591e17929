"""Two things that are no outage: a probe of an edited check, and one bad round."""

import pytest

from tests.cluster.conftest import Lab
from tests.cluster.people import People
from tests.cluster.probing import INTERVAL, wait_for_probes, wait_until
from tests.cluster.rough import failing_site, waiter
from tests.cluster.waiting import wait_for

pytestmark = pytest.mark.cluster

STEP_S_MAX = 30.0
ROUNDS = 4


def test_a_probe_that_was_in_flight_during_an_edit_casts_no_vote(lab: Lab, people: People) -> None:
    """The old target hangs and then fails, after the check was given another one."""
    nginx, cluster = lab.nginx(), lab.cluster(3)
    people.attach(cluster.nodes[0])
    master = cluster.settle()
    with waiter() as slow:
        url = f"http://127.0.0.1:{slow.port}/"
        patient = ["--interval", "1s", "--timeout", "60s"]
        cluster.nodes[1].cli("check", "add", "http", "web", url, *patient)
        wait_for("all nodes wait for the target", lambda: slow.taken == 3, STEP_S_MAX)
        cluster.nodes[2].cli("check", "edit", "web", "--url", nginx.url)
        slow.let_go()
    wait_until(master, "web", "up", ok=3)
    wait_for_probes(cluster.nodes, "web", ROUNDS)
    for node in cluster.nodes:
        row = node.check("web")
        assert row["incident"] is None
        assert {e["outcome"] for e in row["evidence"]} == {"ok"}
    assert people.counts() == {"down": (0, 0), "recovered": (0, 0)}


def test_one_bad_round_on_every_node_alerts_nobody(lab: Lab) -> None:
    network = lab.network(3)
    cluster = lab.cluster(3, network=network)
    hub, visitors = network.addresses["hub"], {network.addresses[n.name] for n in cluster.nodes}
    with network.hub.entered(), failing_site(hub) as site:
        check = ["check", "add", "http", "web", site.url, *INTERVAL]
        cluster.nodes[0].cli(*check)
        master = cluster.settle()
        wait_until(master, "web", "up", ok=3)
        before = master.check("web")
        site.fail_once(visitors)
        wait_for("every node saw a failure", lambda: len(site.failed) == 3, STEP_S_MAX)
        wait_for_probes(cluster.nodes, "web", ROUNDS)
        row = master.check("web")
    assert sorted(site.failed) == sorted(visitors)
    assert (row["state"], row["incident"]) == ("up", None)
    assert row["since"] == before["since"], "it was something else meanwhile"

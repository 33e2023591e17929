"""An outage is announced once, by the master, and only when enough nodes see it."""

import time
from pathlib import Path

import pytest

from tests import needs
from tests.cluster.conftest import Lab
from tests.cluster.people import People
from tests.cluster.probing import INTERVAL, VERDICT_S_MAX, wait_for_probes, wait_until
from tests.cluster.rough import with_file
from tests.cluster.waiting import measured, wait_for

pytestmark = pytest.mark.cluster

DEAD_AFTER = "60s"
TAKEOVER_S_MAX = 30.0
"""Who waits for a silent master to be dead cannot be that quick."""

ROUNDS = 5


def test_an_outage_is_one_mail_and_one_post_and_so_is_its_end(lab: Lab, people: People) -> None:
    nginx, cluster = lab.nginx(), lab.cluster(3)
    people.attach(cluster.nodes[0])
    cluster.nodes[1].cli("check", "add", "http", "web", nginx.url, *INTERVAL)
    master = cluster.settle()
    wait_until(master, "web", "up", ok=3)
    assert people.counts() == {"down": (0, 0), "recovered": (0, 0)}, "unknown to up is silent"

    nginx.stop()
    people.wait_for("down", master)
    wait_until(master, "web", "down", fail=3)
    wait_for_probes(cluster.nodes, "web", ROUNDS)
    assert people.counts() == {"down": (1, 1), "recovered": (0, 0)}

    nginx.start()
    people.wait_for("recovered", master)
    wait_until(master, "web", "up", ok=3)
    wait_for_probes(cluster.nodes, "web", ROUNDS)
    assert people.counts() == {"down": (1, 1), "recovered": (1, 1)}

    [down], [recovered] = people.posts_of("down"), people.posts_of("recovered")
    assert down["incident_id"] == recovered["incident_id"]
    assert sum(e["outcome"] == "fail" for e in down["evidence"]) >= 2
    assert "refused" in people.mails_of("down")[0].message.get_content()


@needs.because(needs.lacking_hosts())
def test_one_node_that_cannot_reach_a_healthy_target_alerts_nobody(
    lab: Lab, people: People
) -> None:
    """Node c has a hosts file of its own, which leads it to an address where nobody listens."""
    hosts = Path("/etc/hosts").read_text()
    good, bad = lab.home / "hosts", lab.home / "hosts.c"
    good.write_text(f"{hosts}\n127.0.0.1 target.test\n")
    bad.write_text(f"{hosts}\n127.0.0.99 target.test\n")
    nginx = lab.nginx()
    cluster = lab.cluster(
        3, launchers={n: with_file(bad if n == "c" else good, "/etc/hosts") for n in "abc"}
    )
    people.attach(cluster.nodes[0])
    url = f"http://target.test:{nginx.port}/"
    cluster.nodes[0].cli("check", "add", "http", "web", url, *INTERVAL)
    master = cluster.settle()
    wait_until(master, "web", "up", ok=2, fail=1)
    wait_for_probes(cluster.nodes, "web", ROUNDS)

    for node in cluster.nodes:
        row = node.check("web")
        if node is master:
            assert row["state"] == "up"
            assert row["votes"] == {"ok": 2, "fail": 1, "abstain": 0}
    [failing] = [e for e in master.check("web")["evidence"] if e["outcome"] == "fail"]
    assert failing["name"] == "c"
    assert "refused" in failing["detail"]
    assert "fail: " in master.cli("check", "show", "web").stdout
    assert people.counts() == {"down": (0, 0), "recovered": (0, 0)}


def test_a_killed_master_is_replaced_in_an_outage_and_no_notice_is_repeated(
    lab: Lab, people: People
) -> None:
    nginx, cluster = lab.nginx(), lab.cluster(3)
    people.attach(cluster.nodes[0])
    cluster.nodes[0].cli("check", "add", "http", "web", nginx.url, *INTERVAL)
    master = cluster.settle()
    wait_until(master, "web", "up", ok=3)
    nginx.stop()
    people.wait_for("down", master)
    before = master.status()["term"]

    master.kill()
    begun = time.monotonic()
    heir = cluster.acting(others_than=master)
    took_s = time.monotonic() - begun
    survivors = cluster.others(master)
    wait_for(
        "the survivors agree on the term",
        lambda: len({n.status()["term"] for n in survivors}) == 1,
        VERDICT_S_MAX,
    )
    measured(f"takeover after kill -9: {took_s:.2f} s, term {before} -> {heir.status()['term']}")
    assert {n.status()["term"] for n in survivors} == {before + 1}
    wait_until(heir, "web", "down", fail=2)
    wait_for_probes(survivors, "web", ROUNDS)
    assert people.counts() == {"down": (1, 1), "recovered": (0, 0)}

    nginx.start()
    people.wait_for("recovered", heir)
    wait_for_probes(survivors, "web", ROUNDS)
    assert people.counts() == {"down": (1, 1), "recovered": (1, 1)}


def test_a_master_that_is_stopped_hands_over_at_once(lab: Lab) -> None:
    cluster = lab.cluster(3, dead_after=DEAD_AFTER)
    master = cluster.settle()
    survivors = cluster.others(master)
    begun = time.monotonic()
    master.ask_to_stop()  # a second SIGTERM would end it at once
    while not any(n.status()["acting"] for n in survivors):
        assert time.monotonic() - begun < TAKEOVER_S_MAX
    took_s = time.monotonic() - begun
    measured(f"takeover after SIGTERM: {took_s:.3f} s")
    assert master.wait() == 0

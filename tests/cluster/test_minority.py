"""The last of three nodes alerts nobody by default, and may in partition mode."""

import pytest

from tests.cluster.conftest import Lab
from tests.cluster.people import People
from tests.cluster.probing import INTERVAL, wait_for_probes, wait_until
from tests.cluster.waiting import wait_for

pytestmark = pytest.mark.cluster

GOSSIP = {
    "gossip_startup_grace": "1s",
    "gossip_sample": "200ms",
    "gossip_election": "500ms",
    "gossip_alive": "2s",
}
LEADS_S_MAX = 30.0
ROUNDS = 8


@pytest.mark.parametrize("acting", ["majority", "partition"])
def test_the_last_of_three_alerts_only_in_partition_mode_and_says_that_it_is_a_minority(
    lab: Lab, people: People, acting: str
) -> None:
    """Nothing else differs: two are killed, and then the target goes down."""
    nginx, cluster = lab.nginx(), lab.cluster(3)
    people.attach(cluster.nodes[0])
    cluster.nodes[1].cli("check", "add", "http", "web", nginx.url, *INTERVAL)
    timers = [f"{name}={value}" for name, value in GOSSIP.items()]
    cluster.nodes[0].cli("settings", "set", "engine=gossip", f"acting={acting}", *timers)
    wait_until(cluster.settle(), "web", "up", ok=3)

    last, *others = cluster.nodes
    for node in others:
        node.kill()
    before = last.status()
    if acting == "partition":
        wait_for("it leads a minority", lambda: last.status()["leads_minority"], LEADS_S_MAX)
        shown = last.cli("status", expect=4).stdout
        assert "! leads a minority: may page, writes nothing" in shown
    nginx.stop()
    if acting == "majority":
        wait_for("it leads", lambda: last.status()["role"] == "leader", LEADS_S_MAX)
        wait_for_probes([last], "web", ROUNDS)
        assert people.counts() == {"down": (0, 0), "recovered": (0, 0)}
        return

    people.wait_for("down", last)
    nginx.start()
    people.wait_for("recovered", last)
    wait_for_probes([last], "web", ROUNDS)
    assert people.counts() == {"down": (1, 1), "recovered": (1, 1)}
    [mail], [post] = people.mails_of("down"), people.posts_of("down")
    assert "(from a minority: 1 of 3 members hear each other)" in mail.message["Subject"]
    assert "No majority confirmed it." in mail.message.get_content()
    assert post["minority"] == "1 of 3"
    after = last.status()
    assert (after["revision"], after["digest"]) == (before["revision"], before["digest"])
    assert after["checks"][0]["incident"] is None, "nothing is written"

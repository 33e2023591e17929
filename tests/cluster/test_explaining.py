"""Real nodes explain an incident after a failover: the new master, and the dead one once back."""

from pathlib import Path

import pytest

from qutrio.cli.exits import ExitCode
from tests.cluster.conftest import Lab
from tests.cluster.nodes import Node
from tests.cluster.people import People
from tests.cluster.probing import INTERVAL, wait_until
from tests.cluster.waiting import wait_for

pytestmark = pytest.mark.cluster

SECONDS = 30.0


def test_an_incident_is_explained_by_every_node_that_saw_it(lab: Lab, people: People) -> None:
    nginx, cluster = lab.nginx(), lab.cluster(3)
    people.attach(cluster.nodes[0])
    cluster.nodes[0].cli("check", "add", "http", "web", nginx.url, *INTERVAL)
    master = cluster.settle()
    wait_until(master, "web", "up", ok=3)
    nginx.stop()
    people.wait_for("down", master)
    [mail] = people.mails_of("down")
    incident = people.posts_of("down")[0]["incident_id"]
    assert f"qutrio explain {incident}" in mail.message.get_content()
    assert f"web is DOWN, incident {incident}:" in master.cli("status").stdout

    told = master.cli("explain", incident).stdout
    assert "second round, " in told
    assert "3 of 3 voters answered, 3 failed: all, so DOWN" in told
    assert f"DOWN to mail delivered by {master.name}: taken by 127.0.0.1:" in told
    assert "is marked delivered" in told

    master.kill()
    heir = cluster.acting(others_than=master)
    nginx.start()
    people.wait_for("recovered", heir)
    told = heir.cli("explain", "web").stdout
    assert f"{heir.name} (this node) is master now, in term " in told
    assert f"RECOVERED to hook delivered by {heir.name}: HTTP 2" in told
    assert f"who delivered DOWN for mail: run the same command on {master.name}" in told

    master.start()
    wait_for("the killed node hears of the end", lambda: ended(master, incident), SECONDS)
    told = master.cli("explain").stdout
    assert incident in told
    assert "recovered" in told
    told = master.cli("explain", incident).stdout
    assert "this node started; it did not see what happened while it was down" in told
    unknown = master.cli("explain", "nope", expect=ExitCode.BAD_INPUT)
    assert unknown.stderr.count("\n") == 1
    [file] = Path(master.home, "data", "journal").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def ended(node: Node, incident: str) -> bool:
    """Return whether a node knows that an incident is over."""
    answer = node.ask("incident.explain", name=incident)
    return bool(answer["incident"]["state"] == "recovered")

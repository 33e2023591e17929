"""A node whose wall clock is an hour off votes and leads, and a warning is shown."""

from functools import partial

import pytest

from tests import needs
from tests.cluster.clocks import LIBRARY, clock_library, shifted
from tests.cluster.clusters import Cluster
from tests.cluster.conftest import Lab
from tests.cluster.nodes import Node
from tests.cluster.people import People
from tests.cluster.probing import INTERVAL, wait_for_probes, wait_until
from tests.cluster.waiting import wait_for

pytestmark = pytest.mark.cluster

AN_HOUR_S = 3600.0
SLACK_S = 5.0
STEP_S_MAX = 30.0
ROUNDS = 2


def with_wrong_clock(lab: Lab) -> Cluster:
    """Return three nodes; once they are a cluster, the clock of the second jumps by an hour.

    Not before: tokens expire by the wall clock of the master, which may be this node.
    """
    needs.require(needs.lacking_file(LIBRARY, "faketime"))
    library = clock_library()
    assert library is not None
    file = lab.home / "clock"
    file.write_text("+0\n")
    setting = [f"{name}={value}" for name, value in shifted(library, file).items()]
    cluster = lab.cluster(3, launchers={"b": ["env", *setting]})
    file.write_text(f"+{AN_HOUR_S:.0f}\n")
    return cluster


def sees(node: Node, other: str, skew_s: float) -> bool:
    """Return True if a node shows another's clock as off by so much."""
    skews: dict[str, float] = {m["name"]: m["skew_s"] for m in node.status()["members"]}
    return abs(skews[other] - skew_s) < SLACK_S


def test_a_node_whose_clock_is_an_hour_off_votes_and_a_warning_is_shown(
    lab: Lab, people: People
) -> None:
    nginx, cluster = lab.nginx(), with_wrong_clock(lab)
    a, b, c = cluster.nodes
    people.attach(a)
    a.cli("check", "add", "http", "web", nginx.url, *INTERVAL)
    master = cluster.settle()
    wait_until(master, "web", "up", ok=3)
    for node, other, skew_s in ((a, "b", AN_HOUR_S), (b, "a", -AN_HOUR_S), (a, "c", 0.0)):
        wait_for("the skew is seen", partial(sees, node, other, skew_s), STEP_S_MAX)
    assert "! the clock of b is " in c.cli("status").stdout

    c.kill()
    wait_until(a, "web", "up", ok=2)
    nginx.stop()
    wait_until(a, "web", "down", fail=2)
    people.wait_for("down", a)
    nginx.start()
    people.wait_for("recovered", a)
    wait_for_probes([a, b], "web", ROUNDS)
    assert people.counts() == {"down": (1, 1), "recovered": (1, 1)}

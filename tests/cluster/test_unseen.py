"""A check without a verdict is announced once, with the reasons, and its end once."""

import pytest

from tests.cluster.conftest import Lab
from tests.cluster.people import People
from tests.cluster.probing import INTERVAL, wait_for_probes, wait_until
from tests.cluster.resolving import resolver
from tests.cluster.waiting import wait_for
from tests.probes.name_servers import Zone

pytestmark = pytest.mark.cluster

BOUND_S = 120.0
"""The least that the setting `unseen_after` takes."""

UNSEEN_AFTER, DEAD_AFTER = f"{BOUND_S:g}s", "10s"
"""A node that a busy machine keeps waiting must not count as dead: that is another cause."""

NAME = "target.test"
REASON = "this node's resolver gives no answers"
DELIVERY_S_MAX = 30.0
ROUNDS = 5
KINDS = ("down", "recovered", "unseen", "seen")


def counts(people: People) -> dict[str, tuple[int, int]]:
    """Return how many mails and posts arrived, by kind."""
    found = {k: (len(people.mails_of(k)), len(people.posts_of(k))) for k in KINDS}
    return {kind: both for kind, both in found.items() if both != (0, 0)}


def test_a_resolver_that_is_silent_for_long_is_one_unseen_and_its_return_is_one_seen(
    lab: Lab, people: People
) -> None:
    """All nodes ask the same resolver, and the target is up all the time.

    This takes two minutes, because no setting allows an earlier notice.
    """
    nginx = lab.nginx()
    with resolver(Zone({NAME: ["127.0.0.1"]}, ttl_s=1)) as asked:
        cluster = lab.cluster(
            3, resolvers=asked.address, unseen_after=UNSEEN_AFTER, dead_after=DEAD_AFTER
        )
        people.attach(cluster.nodes[0])
        url = f"http://{NAME}:{nginx.port}/"
        cluster.nodes[1].cli("check", "add", "http", "web", url, *INTERVAL)
        master = cluster.settle()
        wait_until(master, "web", "up", ok=3)

        asked.silent = True
        wait_until(master, "web", "unknown", abstain=3)
        assert counts(people) == {}
        wait_for(
            "people are told that nobody can judge",
            lambda: people.mails_of("unseen") and people.posts_of("unseen"),
            BOUND_S + DELIVERY_S_MAX,
            lambda: master.check("web"),
        )
        wait_for_probes(cluster.nodes, "web", ROUNDS)
        assert counts(people) == {"unseen": (1, 1)}
        [mail], [unseen] = people.mails_of("unseen"), people.posts_of("unseen")
        assert unseen["check"]["name"] == "web"
        assert [(c["name"], c["state"]) for c in unseen["checks"]] == [("web", "unknown")]
        assert unseen["cause"] == "; ".join(f"{n.name}: {REASON}" for n in cluster.nodes)
        assert {e["name"]: e["outcome"] for e in unseen["evidence"]} == dict.fromkeys(
            (n.name for n in cluster.nodes), "abstain"
        )
        assert all(e["detail"].startswith(f"{REASON}, not only for") for e in unseen["evidence"])
        assert unseen["duration_s"] >= BOUND_S
        assert "web" in mail.message["Subject"]
        assert f"Why: {unseen['cause']}." in mail.message.get_content().replace("\n", " ")

        asked.silent = False
        people.wait_for("seen", master)
        wait_until(master, "web", "up", ok=3)
        wait_for_probes(cluster.nodes, "web", ROUNDS)
        assert counts(people) == {"unseen": (1, 1), "seen": (1, 1)}
        [seen] = people.posts_of("seen")
        assert seen["incident_id"] == unseen["incident_id"]
        assert [(c["name"], c["state"]) for c in seen["checks"]] == [("web", "up")]

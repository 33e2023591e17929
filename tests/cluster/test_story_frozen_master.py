"""The master is suspended while it sends a mail, and resumes when another has taken over."""

import threading

import pytest

from tests.alerts.servers import mail_server, web_server
from tests.cluster.conftest import Lab
from tests.cluster.people import People
from tests.cluster.probing import INTERVAL, wait_for_probes, wait_until
from tests.cluster.waiting import wait_for
from tests.cluster.watching import Watch

pytestmark = pytest.mark.cluster

DELIVERY_S_MAX = 60.0
ROUNDS = 2


def test_a_master_that_resumes_while_sending_a_mail_does_not_act_beside_its_successor(
    lab: Lab,
) -> None:
    """Suspended for over twice `dead_after`; its successor repeats the mail, with the same id."""
    nginx, cluster = lab.nginx(), lab.cluster(3)
    master = cluster.settle()
    term = master.status()["term"]
    asleep = threading.Event()

    def freeze_once() -> None:
        if not asleep.is_set():
            master.freeze()
            asleep.set()

    with (
        mail_server(on_mail=freeze_once) as mail,
        web_server() as web,
        Watch(cluster.nodes) as watch,
    ):
        people = People(mail, web)
        people.attach(cluster.nodes[0])
        cluster.nodes[0].cli("check", "add", "http", "web", nginx.url, *INTERVAL)
        wait_until(master, "web", "up", ok=3)
        nginx.stop()
        assert asleep.wait(DELIVERY_S_MAX)
        others = [n for n in cluster.nodes if n is not master]
        heir = wait_for(
            "another acts", lambda: next((n for n in others if n.status()["acting"]), None), 30.0
        )
        wait_for("all is said", lambda: heir.status()["outbox"] == 0, DELIVERY_S_MAX)
        wait_until(heir, "web", "down", fail=2)
        wait_for_probes([heir, *(n for n in others if n is not heir)], "web", 2 * ROUNDS)

        master.thaw()
        cluster.settle()
        wait_for_probes(cluster.nodes, "web", ROUNDS)
        down = people.mails_of("down")
        assert len(down) == 2, "nobody could know of the mail that the sleeper had sent"
        assert len({m.message["Message-ID"] for m in down}) == 1
        assert len({p["notice_id"] for p in people.posts_of("down")}) == 1

        nginx.start()
        people.wait_for("recovered", heir)
        wait_for_probes(cluster.nodes, "web", ROUNDS)
        assert people.counts()["recovered"] == (1, 1)
        assert len(people.mails_of("down")) == 2
    assert watch.clashes() == []
    assert watch.masters()[:2] == [(master.name, term), (heir.name, term + 1)]

"""The master dies after it sent a mail and before it could report that."""

import threading

import pytest

from tests.alerts.servers import mail_server, web_server
from tests.cluster.conftest import Lab
from tests.cluster.people import People
from tests.cluster.probing import INTERVAL, wait_for_probes, wait_until
from tests.cluster.waiting import wait_for

pytestmark = pytest.mark.cluster

DELIVERY_S_MAX = 60.0
ROUNDS = 3


def test_a_mail_whose_sender_died_before_it_could_report_it_is_repeated_at_most_once(
    lab: Lab,
) -> None:
    """The repeat has the same Message-ID, so a mail program shows one; RECOVERED is sent once."""
    nginx, cluster = lab.nginx(), lab.cluster(3)
    master = cluster.settle()
    doomed = [master]
    lock = threading.Lock()

    def strike() -> None:
        with lock:
            if doomed:
                doomed.pop().kill()

    with mail_server(on_mail=strike) as mail, web_server() as web:
        people = People(mail, web)
        people.attach(cluster.nodes[0])
        cluster.nodes[0].cli("check", "add", "http", "web", nginx.url, *INTERVAL)
        wait_until(master, "web", "up", ok=3)
        nginx.stop()
        wait_for("the master died of its mail", lambda: not master.running, DELIVERY_S_MAX)
        heir = cluster.acting(others_than=master)
        survivors = cluster.others(master)
        wait_until(heir, "web", "down", fail=2)
        wait_for("all is said", lambda: heir.status()["outbox"] == 0, DELIVERY_S_MAX)
        wait_for_probes(survivors, "web", ROUNDS)
        down = people.mails_of("down")
        assert len(down) == 2, "a mail that nobody knows of has to be sent again"
        assert len({m.message["Message-ID"] for m in down}) == 1
        assert 1 <= len(people.posts_of("down")) <= 2

        nginx.start()
        people.wait_for("recovered", heir)
        master.start()
        cluster.settle()
        wait_for_probes(cluster.nodes, "web", ROUNDS)
        assert people.counts()["recovered"] == (1, 1)
        assert len(people.mails_of("down")) == 2

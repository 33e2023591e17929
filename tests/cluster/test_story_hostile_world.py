"""Name servers and mail servers that never answer do not affect the rest of the node."""

import time
from collections import Counter
from pathlib import Path
from queue import Queue

import pytest
from attrs import evolve

from tests import needs
from tests.alerts.servers import MailServer
from tests.cluster.conftest import Lab
from tests.cluster.nodes import Node
from tests.cluster.people import People
from tests.cluster.probing import INTERVAL, VERDICT_S_MAX, wait_until
from tests.cluster.rough import silent_name_server, waiter, with_file
from tests.cluster.waiting import measured, wait_for
from tests.cluster.watching import Watch

pytestmark = pytest.mark.cluster

HANGING = 40
ROUNDS = 5
WRITES = 10
STOP_S_MAX = 20.0
LATE_S_MAX = 15.0
WRITE_S_MAX = 15.0
"""Far above what either takes on a busy machine, far below what a name server is waited for."""

nameless = needs.root("replace the name server")


def slowest_write(node: Node) -> float:
    """Change the document again and again; return the longest time that one change took."""
    worst = 0.0
    for number in range(WRITES):
        begun = time.monotonic()
        node.ask("check.edit", name="web", set={"timeout": f"{1000 + number}ms"}, unset=[])
        worst = max(worst, time.monotonic() - begun)
    return worst


def oldest_vote(nodes: list[Node], check: str, rounds: int) -> float:
    """Watch some rounds of a check; return the greatest age of a vote that was shown."""
    worst, last, renewed = 0.0, dict.fromkeys((n.name for n in nodes), 0.0), Counter[str]()

    def enough() -> bool:
        nonlocal worst
        ages = {e["name"]: e["age_s"] for e in nodes[0].check(check)["evidence"]}
        worst = max(worst, *ages.values())
        renewed.update(name for name, age in ages.items() if age < last[name])
        last.update(ages)
        return min(renewed[n.name] for n in nodes) >= rounds

    wait_for(f"every node probed {check} {rounds} times", enough, VERDICT_S_MAX, lambda: renewed)
    return worst


@nameless
@needs.because(needs.lacking_hosts())
def test_forty_names_that_never_resolve_delay_nothing_and_one_vote_of_five_alerts_nobody(
    lab: Lab, people: People
) -> None:
    """One name has an address on node a only, where nothing listens: one "fail", four abstain."""
    nginx, hosts = lab.nginx(), lab.home / "hosts"
    hosts.write_text(f"{Path('/etc/hosts').read_text()}\n127.0.0.99 lone.test\n")
    with silent_name_server(lab.home) as launcher:
        launchers = dict.fromkeys("bcde", launcher)
        cluster = lab.cluster(
            5, launchers={"a": launcher + with_file(hosts, "/etc/hosts"), **launchers}
        )
        node = cluster.nodes[0]
        people.attach(node)
        for name in ["lone", *(f"t{number}" for number in range(HANGING))]:
            check = {"kind": "tcp", "name": name, "address": f"{name}.test:80"}
            node.ask("check.add", check=check | {"interval": "1s", "timeout": "1s"})
        node.cli("check", "add", "http", "web", nginx.url, *INTERVAL)
        master = cluster.settle()
        wait_until(master, "web", "up", ok=5)
        wait_until(master, "lone", "unknown", fail=1, abstain=4)
        wait_until(master, f"t{HANGING - 1}", "unknown", abstain=5)

        with Watch(cluster.nodes) as watch:
            late = oldest_vote(cluster.nodes, "web", ROUNDS)
            slow = slowest_write(node)
        measured(f"oldest vote {late:.2f} s, slowest of {WRITES} writes {slow:.3f} s")
        assert late < 1.0 + LATE_S_MAX
        assert slow < WRITE_S_MAX
        assert len(watch.masters()) == 1
        wait_until(master, "web", "up", ok=5)
        wait_until(master, "lone", "unknown", fail=1, abstain=4)
        assert {c["state"] for c in master.status()["checks"] if c["name"] != "web"} == {"unknown"}
        assert people.counts() == {"down": (0, 0), "recovered": (0, 0)}
        begun = time.monotonic()
        assert master.stop() == 0
        assert time.monotonic() - begun < STOP_S_MAX, "look-ups held up the end"


def test_a_mail_server_that_never_answers_disturbs_no_vote_and_no_other_channel(
    lab: Lab, people: People
) -> None:
    nginx, cluster = lab.nginx(), lab.cluster(3)
    node = cluster.nodes[0]
    with waiter() as deaf:
        evolve(people, mail_server=MailServer(deaf.port, Queue())).attach(node)
        node.cli("check", "add", "http", "web", nginx.url, *INTERVAL)
        master = cluster.settle()
        wait_until(master, "web", "up", ok=3)
        with Watch(cluster.nodes) as watch:
            nginx.stop()
            wait_for("the post came", lambda: people.posts_of("down"), VERDICT_S_MAX)
            wait_for("the mail server was asked", lambda: deaf.taken, VERDICT_S_MAX)
            assert master.status()["outbox"] >= 1
            late = oldest_vote(cluster.nodes, "web", ROUNDS)
            slow = slowest_write(node)
            nginx.start()
            wait_for("the other post came", lambda: people.posts_of("recovered"), VERDICT_S_MAX)
        measured(f"oldest vote {late:.2f} s, slowest of {WRITES} writes {slow:.3f} s")
        assert late < 1.0 + LATE_S_MAX
        assert slow < WRITE_S_MAX
        assert len(watch.masters()) == 1
        assert people.counts() == {"down": (0, 1), "recovered": (0, 1)}

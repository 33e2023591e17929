"""Acknowledged writes are kept by every node, whichever node dies."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import TYPE_CHECKING

import pytest

from qutrio.control.protocol import Code, ControlFailure
from tests.cluster.conftest import Lab
from tests.cluster.nodes import Node
from tests.cluster.waiting import measured, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.cluster

WRITES = 200
WRITERS = 24
KILL_AFTER = 60
WRITES_S_MAX = 120.0


def test_acknowledged_writes_survive_the_master_that_took_them(lab: Lab) -> None:
    """200 at once, over all three nodes, and the master dies in the middle."""
    cluster = lab.cluster(3)
    master = cluster.settle()
    outcomes: dict[str, Code | None] = {}
    enough = threading.Event()

    def write(number: int, node: Node) -> None:
        name = f"check{number:03}"
        check = {"kind": "tcp", "name": name, "address": "127.0.0.1:1", "enabled": False}
        try:
            node.ask("check.add", check=check)
            outcomes[name] = None
        except ControlFailure as failure:
            outcomes[name] = failure.code
        if len(outcomes) >= KILL_AFTER:
            enough.set()

    doors: Iterator[Node] = cycle(cluster.nodes)
    with ThreadPoolExecutor(WRITERS) as pool:
        for number in range(WRITES):
            pool.submit(write, number, next(doors))
        assert enough.wait(WRITES_S_MAX)
        master.kill()
    assert len(outcomes) == WRITES
    taken = {name for name, code in outcomes.items() if code is None}
    doubtful = {name for name, code in outcomes.items() if code is Code.UNKNOWN}
    refused = outcomes.keys() - taken - doubtful
    measured(f"{len(taken)} acknowledged, {len(doubtful)} unknown, {len(refused)} refused:")
    measured(str({str(outcomes[name]) for name in refused}))

    cluster.settle()
    master.start()
    cluster.settle(cluster.nodes)
    for node in cluster.nodes:
        kept = {row["name"] for row in node.status()["checks"]}
        assert taken <= kept, "an acknowledged write is lost"
        assert not refused & kept, "a refused write took effect"
        assert kept <= taken | doubtful
    assert len(taken) >= KILL_AFTER / 2
    assert len(taken | doubtful) > KILL_AFTER, "writes went on after the master died"


def test_a_write_through_any_node_is_seen_on_all(lab: Lab) -> None:
    cluster = lab.cluster(3)
    for node in cluster.nodes:
        node.cli("check", "add", "tcp", f"from-{node.name}", "127.0.0.1:1", "--disabled")
    wait_for(
        "all nodes hold all checks",
        lambda: all(len(n.status()["checks"]) == 3 for n in cluster.nodes),
        WRITES_S_MAX,
    )
    assert len({n.status()["digest"] for n in cluster.nodes}) == 1

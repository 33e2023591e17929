"""A running cluster changes its election engine while people change its checks."""

import time
from functools import partial
from itertools import count, pairwise
from typing import TYPE_CHECKING

import pytest

from qutrio.control.protocol import Code, ControlFailure
from tests.cluster.background import Background, Work
from tests.cluster.conftest import Lab
from tests.cluster.nodes import Node
from tests.cluster.waiting import measured, wait_for
from tests.cluster.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.cluster

TOUR = ("raft", "gossip", "lowest-id")
WRITE_EVERY_S = 0.05
WRITES_PER_ENGINE = 20
SWITCH_S_MAX = 60.0


class Writer(Background):
    """Adds one check after another through each node, and records each answer."""

    def __init__(self, nodes: list[Node]) -> None:
        self.outcomes: dict[str, Code | None] = {}
        self._numbers: Iterator[int] = count()
        super().__init__(Work(lambda: WRITE_EVERY_S, partial(self._write, n)) for n in nodes)

    def taken(self) -> set[str]:
        """Return the names of the checks that were acknowledged."""
        return {name for name, code in dict(self.outcomes).items() if code is None}

    def took(self, count: int) -> bool:
        """Return True if so many changes were acknowledged."""
        return len(self.taken()) >= count

    def _write(self, node: Node) -> None:
        name = f"check{next(self._numbers):05}"
        check = {"kind": "tcp", "name": name, "address": "127.0.0.1:1", "enabled": False}
        try:
            node.ask("check.add", check=check)
            self.outcomes[name] = None
        except ControlFailure as failure:
            self.outcomes[name] = failure.code


def all_run(nodes: list[Node], engine: str) -> bool:
    """Return True if every node's document names this engine."""
    return all((n.look() or {}).get("engine") == engine for n in nodes)


def longest_gap(watch: Watch) -> float:
    """Return the longest time, in seconds, without a sample of a master."""
    acting = sorted(s.answered for s in watch.samples if s.acting)
    return max(later - earlier for earlier, later in pairwise(acting))


def test_a_tour_of_all_engines_under_load_loses_nothing_and_never_has_two_masters(
    lab: Lab,
) -> None:
    cluster = lab.cluster(5)
    with Watch(cluster.nodes) as watch, Writer(cluster.nodes) as writer:
        for engine in TOUR:
            before = len(writer.taken())
            cluster.settle().ask("settings.set", set={"engine": engine})
            everywhere = partial(all_run, cluster.nodes, engine)
            wait_for(f"all nodes run {engine}", everywhere, SWITCH_S_MAX)
            enough = partial(writer.took, before + WRITES_PER_ENGINE)
            wait_for(f"changes are made under {engine}", enough, SWITCH_S_MAX)
    gap = longest_gap(watch)
    measured(f"{len(writer.taken())} of {len(writer.outcomes)} changes acknowledged")
    measured(f"longest time without a master seen: {gap:.2f} s")
    assert watch.clashes() == []
    late = max(watch.pauses())
    assert gap < 10.0 + 10 * late, "no switch takes longer than one failover"
    deadline = time.monotonic() + SWITCH_S_MAX
    while len({n.status()["digest"] for n in cluster.nodes}) > 1:
        assert time.monotonic() < deadline
    taken = writer.taken()
    refused = {n for n, c in writer.outcomes.items() if c not in {None, Code.UNKNOWN}}
    for node in cluster.nodes:
        kept = {row["name"] for row in node.status()["checks"]}
        assert taken <= kept, "an acknowledged write is lost"
        assert not refused & kept, "a refused write took effect"

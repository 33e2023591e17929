"""Real clusters: n nodes on loopback addresses of their own, joined as an operator would."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.cluster.namespaces import Network
from tests.cluster.nodes import ROOT, Node, Status, acts
from tests.cluster.waiting import wait_for
from tests.workers import free_port

QUICK = {"heartbeat": "500ms", "dead_after": "2s", "master_cooldown": "1s"}
"""Timers of a cluster whose tests do not wait for people."""

PORT = 9901
SETTLE_S_MAX = 30.0
NAMES = "abcdefg"


class Cluster:
    """The nodes, in the order in which they joined."""

    def __init__(
        self,
        home: Path,
        n: int,
        launchers: Mapping[str, list[str]],
        network: Network | None = None,
        program: Path = ROOT,
    ) -> None:
        self.nodes = []
        for number, name in enumerate(NAMES[:n], start=1):
            launcher = launchers.get(name, [])
            bind = f"127.0.0.{number}" if network is None else network.addresses[name]
            port = free_port(bind) if network is None else PORT
            inside = () if network is None else network.hosts[name].inside
            node = Node(name, home / name, bind=bind, port=port, launcher=launcher, inside=inside)
            node.program = program
            self.nodes.append(node)

    def start(self, settings: Mapping[str, str]) -> None:
        """Set up the first node, let the others join it, and wait until all have a vote.

        At the end the lowest id is master, so mastership moves only if something happens.
        """
        first, *others = self.nodes
        first.init()
        first.start()
        wait_for("the first node acts", lambda: acts(first.look()), SETTLE_S_MAX)
        first.cli("settings", "set", *(f"{name}={value}" for name, value in settings.items()))
        for node in others:
            made = first.cli("enroll", "create", "--auto-approve", "--json")
            node.join(json.loads(made.stdout)["token"])
            node.start()
            self.settle(self.nodes[: self.nodes.index(node) + 1])
        lowest = self.by_id[0]
        wait_for("the lowest id acts", lambda: self.settle() is lowest, SETTLE_S_MAX)

    def settle(self, nodes: Iterable[Node] | None = None) -> Node:
        """Wait until these nodes (default: those that run) agree on a master and a document.

        They must hear one another, all have a vote, and hold the same revision.
        """
        some = list(nodes) if nodes is not None else [n for n in self.nodes if n.running]
        return wait_for(
            "the nodes agree",
            lambda: self._agreed(some),
            SETTLE_S_MAX,
            lambda: [brief(n.look()) for n in some],
        )

    def acting(self, others_than: Node | None = None) -> Node:
        """Wait until exactly one node is master, and return it."""
        return wait_for(
            "one node acts",
            lambda: self._acting_now(others_than),
            SETTLE_S_MAX,
            lambda: [brief(n.look()) for n in self.nodes],
        )

    def others(self, *nodes: Node) -> list[Node]:
        """Return the running nodes without these."""
        return [n for n in self.nodes if n.running and n not in nodes]

    @property
    def by_id(self) -> list[Node]:
        """The nodes, the lowest id first."""
        return sorted(self.nodes, key=lambda n: n.id)

    def end(self) -> None:
        """End all processes."""
        for node in self.nodes:
            node.end()

    def _acting_now(self, others_than: Node | None) -> Node | None:
        some = [n for n in self.nodes if n is not others_than and acts(n.look())]
        return some[0] if len(some) == 1 else None

    def _agreed(self, nodes: list[Node]) -> Node | None:
        statuses = [n.look() for n in nodes]
        seen = [s for s in statuses if s is not None]
        if len(seen) < len(nodes):
            return None
        ids = {s["node_id"] for s in seen}
        one_mind = len({(s["term"], s["digest"], (s["master"] or {}).get("id")) for s in seen}) == 1
        heard = all(ids <= _live_voters(s) for s in seen)
        acting = [node for node, s in zip(nodes, seen, strict=True) if s["acting"]]
        return acting[0] if one_mind and heard and len(acting) == 1 else None


def _live_voters(status: Status) -> set[str]:
    return {m["id"] for m in status["members"] if m["live"] and m["voter"]}


def brief(status: Status | None) -> str:
    """Return a status in one line."""
    if status is None:
        return "silent"
    master = (status["master"] or {}).get("name")
    return (
        f"{status['name']}: term {status['term']} master {master} acting {status['acting']} "
        f"quorum {status['quorum']} revision {status['revision']} removed {status['removed']}"
    )

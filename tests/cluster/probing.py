"""Waiting for verdicts and probes of a check."""

import time

from tests.cluster.nodes import Node
from tests.cluster.waiting import wait_for

INTERVAL = ["--interval", "1s", "--timeout", "1s"]
VERDICT_S_MAX = 30.0


def wait_until(node: Node, check: str, state: str, **votes: int) -> None:
    """Wait until a node counts a check as this state, with at least these votes."""

    def counted() -> bool:
        row = node.check(check)
        return row["state"] == state and all(row["votes"][v] >= n for v, n in votes.items())

    wait_for(
        f"{check} is {state} on {node.name}", counted, VERDICT_S_MAX, lambda: node.check(check)
    )


def wait_for_probes(nodes: list[Node], check: str, rounds: int) -> None:
    """Wait until each of these nodes has probed again this often, as the first one hears it."""
    names = {n.name for n in nodes}
    for _ in range(rounds):
        begun = time.monotonic()

        def all_newer(begun: float = begun) -> bool:
            evidence = nodes[0].check(check)["evidence"]
            ages = [e["age_s"] for e in evidence if e["name"] in names]
            return len(ages) == len(nodes) and max(ages) < time.monotonic() - begun

        wait_for(f"every node probes {check} again", all_newer, VERDICT_S_MAX)

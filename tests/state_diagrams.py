"""Draws the state diagrams of the election engines into docs/engines.md.

`python -m tests.state_diagrams` does it; a test of the documentation holds the page to it.
"""

import re
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from qutrio.core.election import gossip, lowest_id
from qutrio.core.election.interface import Role
from qutrio.core.election.raft import votes

PAGE = Path(__file__).parents[1] / "docs" / "engines.md"
TABLES: dict[str, Iterable[tuple[Role, str, Role]]] = {
    "lowest-id": lowest_id.TRANSITIONS,
    "raft": votes.TRANSITIONS,
    "gossip": gossip.TRANSITIONS,
}
START = Role.FOLLOWER
_PLACE = re.compile(r"(<!-- states of (\S+) -->\n).*?(?=<!-- end -->)", re.DOTALL)


def drawn(page: str) -> str:
    """Return the page with every state diagram replaced by a new drawing."""
    return _PLACE.sub(lambda place: place[1] + picture(TABLES[place[2]]), page)


def picture(table: Iterable[tuple[Role, str, Role]]) -> str:
    """Return a diagram and a list of the reasons; both have one line for each two roles."""
    order = list(Role)
    steps = sorted(table, key=lambda step: (order.index(step[0]), order.index(step[2])))
    diagram, rows = [f"    [*] --> {START.value}"], []
    for number, ((before, after), some) in enumerate(groupby(steps, lambda s: (s[0], s[2])), 1):
        reasons = "; ".join(str(why) for _, why, _ in some)
        diagram.append(f"    {before.value} --> {after.value}: {number}")
        rows.append(f"| {number} | {before.value} | {after.value} | {reasons} |")
    return "\n".join(
        [
            "```mermaid",
            "stateDiagram-v2",
            *diagram,
            "```",
            "",
            "| | from | to | because |",
            "|---|---|---|---|",
            *rows,
            "",
            "",
        ]
    )


def main() -> None:
    """Draw all diagrams again."""
    PAGE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()

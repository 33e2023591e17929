"""Hand edits with mistakes: nothing is lost, and the file explains what happened."""

from pathlib import Path

import pytest

from tests.cluster.conftest import Lab
from tests.cluster.nodes import Node
from tests.cluster.waiting import wait_for

pytestmark = pytest.mark.cluster

STEP_S_MAX = 30.0
CHECKS = {"api": "127.0.0.1:1", "db": "127.0.0.1:2"}


def addresses(node: Node) -> dict[str, str]:
    return {row["name"]: row["target"] for row in node.status()["checks"]}


def refused(node: Node) -> list[Path]:
    return sorted((node.home / "data").glob("cluster.yaml.refused-*"))


def refusal_of(node: Node, text: str) -> str:
    """Save `text` as an editor would, and return the reason from the refused file."""
    file, before = node.home / "data" / "cluster.yaml", refused(node)
    good = file.read_text()
    file.write_text(text)
    wait_for("the edit is judged", lambda: len(refused(node)) > len(before), STEP_S_MAX)
    wait_for("the file is mended", lambda: file.read_text() == good, STEP_S_MAX)
    [kept] = set(refused(node)) - set(before)
    content = kept.read_text()
    reason = "".join(line for line in content.splitlines(True) if line.startswith("# Refused: "))
    assert content == reason + text
    assert addresses(node) == CHECKS
    return reason


def add_checks(node: Node) -> str:
    """Add two checks, and return the file once it shows them."""
    file = node.home / "data" / "cluster.yaml"
    for name, address in CHECKS.items():
        node.cli("check", "add", "tcp", name, address, "--disabled")
    wait_for("the file has both", lambda: CHECKS["db"] in file.read_text(), STEP_S_MAX)
    return file.read_text()


def test_empty_torn_invalid_and_stale_edits_lose_nothing_and_are_explained(lab: Lab) -> None:
    cluster = lab.cluster(1)
    node = cluster.nodes[0]
    file = node.home / "data" / "cluster.yaml"
    good = add_checks(node)
    lines = good.splitlines(keepends=True)

    assert "empty" in refusal_of(node, "")
    assert "cut off" in refusal_of(node, "".join(lines[: lines.index("checks:\n")]))
    torn = good[: good.index(CHECKS["api"]) + 3]
    assert f"cluster.yaml:{len(torn.splitlines())}: is not YAML" in refusal_of(node, torn)
    assert "address" in refusal_of(node, good.replace(CHECKS["db"], "127.0.0.1:99999"))

    node.cli("check", "edit", "db", "--interval", "40s")
    wait_for("the file follows", lambda: "40s" in file.read_text(), STEP_S_MAX)
    stale = good.replace(CHECKS["db"], "127.0.0.1:3")
    assert "db" in refusal_of(node, stale)

    wait_for("the file is put back", lambda: CHECKS["db"] in file.read_text(), STEP_S_MAX)
    file.write_text(file.read_text().replace(CHECKS["db"], "127.0.0.1:4"))
    wait_for("a good edit is taken", lambda: addresses(node)["db"].endswith(":4"), STEP_S_MAX)
    assert len(refused(node)) == 5


def test_an_edit_without_a_quorum_is_refused_with_that_reason_and_kept(lab: Lab) -> None:
    cluster = lab.cluster(2)
    node, other = cluster.nodes
    good = add_checks(node)
    other.stop()
    reason = refusal_of(node, good.replace(CHECKS["db"], "127.0.0.1:3"))
    assert "no quorum: 1 of 2 voting members answer, 2 are needed" in reason
    other.start()
    cluster.settle()
    [kept] = refused(node)
    (node.home / "data" / "cluster.yaml").write_text(kept.read_text())
    taken = {**CHECKS, "db": "127.0.0.1:3"}
    wait_for("what was kept is taken", lambda: addresses(other) == taken, STEP_S_MAX)

"""A command that `qutrio lead` runs is never alive on two nodes, and its terms only grow."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.clusters import Cluster
from tests.cluster.conftest import Lab
from tests.cluster.waiting import measured, wait_for
from tests.leading.troupe import DEEDS, Troupe

pytestmark = pytest.mark.cluster

HOOK_S_MAX = 20.0


@pytest.fixture
def troupe(lab: Lab) -> Iterator[Troupe]:
    """Give a cluster of three with a `qutrio lead` on each node, one of which leads."""
    everybody = Troupe(lab.cluster(3), lab.home)
    everybody.start()
    everybody.leading()
    yield everybody
    everybody.end()


@pytest.mark.parametrize("deeds", [DEEDS[:3], DEEDS[3:]], ids=["killed", "moved and frozen"])
def test_no_two_commands_ever_run_at_once(troupe: Troupe, deeds: tuple[str, ...]) -> None:
    for deed in deeds:
        troupe.does(deed)
    assert troupe.ledger.faults() == []
    assert len(troupe.ledger.runs()) > len(deeds)
    measured(f"nobody led for {[round(gap, 2) for gap in troupe.ledger.gaps()]} s")


def test_cut_off_master_stops_its_command_before_another_starts(troupe: Troupe) -> None:
    """The majority dies and comes back; the one that led alone ran nothing meanwhile."""
    led = troupe.leading()
    others = [n for n in troupe.cluster.nodes if n.name != led.node]
    for node in others:
        node.kill()
    wait_for(
        "the command is stopped",
        lambda: not Path("/proc", led.run).exists(),
        HOOK_S_MAX,
        troupe.outputs,
    )
    for node in others:
        node.start()
    wait_for(
        "another life began",
        lambda: troupe.leading().first > led.first,
        HOOK_S_MAX,
        troupe.outputs,
    )
    assert troupe.ledger.faults() == []


def test_hooks_hear_that_the_role_came_and_went(lab: Lab) -> None:
    """Also of a daemon that is asked to stop; and the command line tells how they ended."""
    cluster = lab.cluster(1)
    node = cluster.nodes[0]
    said = lab.home / "said"
    script = f'echo "$QUTRIO_EVENT $QUTRIO_TERM $QUTRIO_NODE" >> {said}; echo done'
    _add_hooks(cluster, script)
    os.kill(node.pid, signal.SIGHUP)
    wait_for(
        "a restart is asked for",
        lambda: "restart to apply" in node.output.read_text(),
        HOOK_S_MAX,
    )
    assert "this node has no hooks" in node.cli("cluster", "hooks").stdout
    node.restart()
    wait_for("the hook of the gain", lambda: _lines(said, 1), HOOK_S_MAX)
    term = node.status()["term"]
    shown = wait_for("it has ended", lambda: _shown_run(cluster), HOOK_S_MAX)
    assert shown[:2] == ["gain", str(term)]
    node.stop()
    assert said.read_text().splitlines() == [f"gain {term} a", f"loss {term} a"]
    assert 'what="hook ended" event=loss' in node.output.read_text()


def _add_hooks(cluster: Cluster, script: str) -> None:
    file = cluster.nodes[0].home / "data" / "node.yaml"
    words = f'["/bin/sh", "-c", {script!r}]'
    text = f"{file.read_text()}hooks:\n  gain: {words}\n  loss: {words}\n"
    file.write_text(text)


def _shown_run(cluster: Cluster) -> list[str]:
    lines = cluster.nodes[0].cli("cluster", "hooks").stdout.splitlines()
    rows = [line.split() for line in lines if line.endswith("exit 0")]
    return rows[0] if rows else []


def _lines(file: Path, count: int) -> bool:
    return file.exists() and len(file.read_text().splitlines()) >= count

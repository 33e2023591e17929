"""A command that `qutrio lead` runs is never alive on two nodes, and its terms only grow."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.clusters import Cluster
from tests.cluster.conftest import Lab
from tests.cluster.waiting import measured, wait_for
from tests.leading.lead_commands import FAILURES, LeadCommands

pytestmark = pytest.mark.cluster

HOOK_S_MAX = 20.0


@pytest.fixture
def leads(lab: Lab) -> Iterator[LeadCommands]:
    """Give a cluster of three with a `qutrio lead` on each node, one of which leads."""
    everybody = LeadCommands(lab.cluster(3), lab.home)
    everybody.start()
    everybody.leading()
    yield everybody
    everybody.end()


@pytest.mark.parametrize(
    "failures", [FAILURES[:3], FAILURES[3:]], ids=["killed", "moved and frozen"]
)
def test_no_two_commands_ever_run_at_once(leads: LeadCommands, failures: tuple[str, ...]) -> None:
    for failure in failures:
        leads.cause(failure)
    assert leads.ledger.faults() == []
    assert len(leads.ledger.runs()) > len(failures)
    measured(f"nobody led for {[round(gap, 2) for gap in leads.ledger.gaps()]} s")


def test_cut_off_master_stops_its_command_before_another_starts(leads: LeadCommands) -> None:
    """The majority dies and comes back; the former master ran nothing meanwhile."""
    led = leads.leading()
    others = [n for n in leads.cluster.nodes if n.name != led.node]
    for node in others:
        node.kill()
    wait_for(
        "the command is stopped",
        lambda: not Path("/proc", led.run).exists(),
        HOOK_S_MAX,
        leads.outputs,
    )
    for node in others:
        node.start()
    wait_for(
        "another life began",
        lambda: leads.leading().first > led.first,
        HOOK_S_MAX,
        leads.outputs,
    )
    assert leads.ledger.faults() == []


def test_hooks_run_when_a_node_becomes_master_and_when_it_stops_being_one(lab: Lab) -> None:
    """Also in a daemon that is asked to stop; the command line shows how they ended."""
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

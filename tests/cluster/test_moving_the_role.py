"""People transfer mastership, change the engine, and read the history of masters."""

import json
from functools import partial
from typing import Any

import pytest

from qutrio.cli.exits import ExitCode
from tests.cluster.conftest import Lab
from tests.cluster.nodes import Node
from tests.cluster.waiting import wait_for

pytestmark = pytest.mark.cluster

SECONDS = 30.0


def history(node: Node) -> list[dict[str, Any]]:
    """Return the periods of masters that a node reports, the newest first."""
    told = json.loads(node.cli("cluster", "history", "--json").stdout)
    periods: list[dict[str, Any]] = told["reigns"]
    return periods


def test_mastership_moves_by_hand_and_the_history_shows_that_and_a_failover(lab: Lab) -> None:
    cluster = lab.cluster(3)
    first, second, third = cluster.by_id
    assert cluster.acting() is first
    first.cli("settings", "set", "master_cooldown=5m")
    cluster.settle()
    term = first.status()["term"]
    assert first.status()["role"] == "leader"

    said = third.cli("cluster", "yield").stdout  # from a node that does not act
    assert said == f"{second.name} is master now, in term {term + 1}; before: {first.name}\n"
    cluster.settle()
    said = second.cli("cluster", "yield", "--to", third.name, "--json").stdout
    assert json.loads(said)["master"]["id"] == third.id
    cluster.settle()
    again = first.cli("cluster", "yield", "--to", third.name, expect=ExitCode.ERROR)
    assert again.stderr == f"qutrio: {third.name} is master already, in term {term + 2}\n"

    third.kill()
    heir = cluster.acting(others_than=third)
    cluster.settle()
    wait_for("its heir counts it as dead", lambda: not hears(heir, third), SECONDS)
    refused = heir.cli("cluster", "yield", "--to", third.name, expect=ExitCode.ERROR)
    assert refused.stderr == f"qutrio: {third.name} is not alive: it is not heard\n"
    unknown = heir.cli("cluster", "yield", "--to", "nobody", expect=ExitCode.BAD_INPUT)
    assert unknown.stderr.count("\n") == 1
    assert cluster.acting() is heir

    for survivor in (first, second):
        wait_for("the last change of master is written", partial(acts, survivor, heir), SECONDS)
        now, killed, moved, lowest, *_ = history(survivor)
        assert (now["state"], now["term"]) == ("acting", heir.status()["term"])
        assert (killed["master"]["name"], killed["reason"]) == (third.name, "fell silent")
        assert (moved["master"]["name"], moved["reason"]) == (second.name, "moved by hand")
        assert (lowest["master"]["name"], lowest["reason"]) == (first.name, "moved by hand")
        assert [r["term"] for r in (moved, lowest)] == [term + 1, term]
        assert lowest["until_unix"] <= moved["since_unix"] <= moved["until_unix"]
    told = first.cli("cluster", "history", "--limit", "2").stdout.splitlines()
    assert len(told) == 3
    assert "still master" in told[1]
    assert told[2].endswith("fell silent")


def hears(node: Node, other: Node) -> bool:
    """Return True if a node considers another alive."""
    return any(m["live"] for m in node.status()["members"] if m["id"] == other.id)


def acts(node: Node, master: Node) -> bool:
    """Return True if a node recorded that another is master."""
    newest = history(node)[0]
    return bool(newest["master"]["id"] == master.id and newest["state"] == "acting")


def test_the_engine_is_changed_while_the_cluster_runs_and_mastership_still_moves(lab: Lab) -> None:
    cluster = lab.cluster(3)
    node = cluster.nodes[0]
    wrong = node.cli("cluster", "engine", "set", "paxos", expect=ExitCode.BAD_INPUT)
    assert "known are gossip, lowest-id, raft" in wrong.stderr
    timers = ["--timer", "heartbeat=300ms", "--timer", "election_timeout=2s"]
    node.cli("cluster", "engine", "set", "raft", *timers)
    master = cluster.settle()
    wait_for("the master leads", lambda: master.status()["role"] == "leader", SECONDS)
    shown = json.loads(node.cli("cluster", "engine", "show", "--json").stdout)
    assert shown["engine"] == "raft"
    assert [t["value"] for t in shown["timers"]] == ["300ms", "2s"]
    wait_for(
        "every member says that it runs it",
        lambda: all(m["knows_engine"] for m in node.ask("engine.show")["members"]),
        SECONDS,
    )
    said = json.loads(master.cli("cluster", "yield", "--json").stdout)
    assert said["master"]["id"] != master.id
    assert cluster.settle() is not master

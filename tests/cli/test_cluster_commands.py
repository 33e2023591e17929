"""`qutrio cluster`: the engine, moving the role by hand, and the history, as people read them."""

import json

import pytest
from attrs import evolve

from qutrio.cli.exits import ExitCode
from qutrio.model.document import Settings
from tests.cli.in_process import CommandRunner
from tests.control.scripted_node import ME, PEER
from tests.core.journal_facts import ALPHA, BRAVO, role_left, role_taken, started

ENGINE = """\
engine   lowest-id
role     leader (a, this node)
master   a
term     3
can run  gossip, lowest-id, raft
! has not said yet whether it knows the engine: b

TIMER            VALUE  MEANING
heartbeat        1s     time between heartbeats
dead_after       4s     silence that counts as death
master_cooldown  2m     how long a lower id must live before it leads again
"""

HISTORY = """\
MASTER  TERM  SINCE                    UNTIL                    LASTED  ENDED BECAUSE
bravo   4     2023-11-14 22:12:20 UTC  still master             1m
bravo   3     -                        2023-11-14 22:12:10 UTC  -       moved by hand
alpha   1     2023-11-14 22:11:35 UTC  -                        -       not seen: this node was away
alpha   0     2023-11-14 22:11:20 UTC  2023-11-14 22:11:35 UTC  15s     fell silent
"""


async def test_the_engine_is_shown_with_its_timers_and_their_meaning(qutrio: CommandRunner) -> None:
    assert (await qutrio("cluster", "engine", "show")).out == ENGINE
    shown = json.loads((await qutrio("cluster", "engine", "show", "--json")).out)
    assert (shown["engine"], shown["role"], "ok" in shown) == ("lowest-id", "leader", False)


async def test_a_node_and_its_peers_that_do_not_know_the_engine_are_warned_of(
    qutrio: CommandRunner,
) -> None:
    scripted = qutrio.scripted
    scripted.publish(evolve(scripted.document, settings=Settings(engine="future")))
    scripted.engines, scripted.role = {ME: "", PEER: ""}, "follower"
    scripted.master = None
    warning = (
        "! this node does not know the engine 'future'; it neither leads nor grants; upgrade it"
    )
    shown = (await qutrio("cluster", "engine", "show")).out
    assert warning in shown
    assert "! does not know the engine, neither leads nor grants: b" in shown
    assert "master   none is heard" in shown
    assert "TIMER" not in shown
    assert warning in (await qutrio("status")).out


async def test_the_status_tells_the_role_of_this_node(qutrio: CommandRunner) -> None:
    assert "engine    lowest-id, this node is leader" in (await qutrio("status")).out
    shown = json.loads((await qutrio("status", "--json")).out)
    assert (shown["role"], shown["knows_engine"]) == ("leader", True)


async def test_the_engine_is_set_with_its_timers(qutrio: CommandRunner) -> None:
    done = await qutrio("cluster", "engine", "set", "raft", "--timer", "election_timeout=3s")
    assert (done.code, done.out) == (0, "engine raft (revision 2)\n")
    assert qutrio.scripted.document.settings.raft_election_timeout_s == 3
    await qutrio("cluster", "engine", "set", "gossip", "--acting", "partition")
    assert qutrio.scripted.document.settings.acting == "partition"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["paxos"], "there is no election engine 'paxos'; known are gossip, lowest-id, raft"),
        (["raft", "--timer", "sample=1s"], "has no timer 'sample'; known are raft_heartbeat, "),
        (["raft", "--timer", "heartbeat"], "'heartbeat' is not NAME=VALUE"),
        (["raft", "--timer", "heartbeat=1s", "--timer", "heartbeat=2s"], "is given twice"),
        (["raft", "--acting", "partition"], "engine 'raft' has no timer 'acting'; known are"),
        (["gossip", "--acting", "alone"], "is not one of: majority, partition"),
    ],
)
async def test_a_wrong_engine_or_timer_is_bad_input(
    qutrio: CommandRunner, arguments: list[str], words: str
) -> None:
    failed = await qutrio("cluster", "engine", "set", *arguments)
    assert (failed.code, failed.out, failed.err.count("\n")) == (ExitCode.BAD_INPUT, "", 1)
    assert words in failed.err


async def test_a_yield_prints_the_new_master(qutrio: CommandRunner) -> None:
    qutrio.scripted.heirs = [PEER, ME]
    done = await qutrio("cluster", "yield")
    assert (done.code, done.out) == (0, "b is master now, in term 4; before: a\n")
    done = await qutrio("cluster", "yield", "--to", "a", "--wait", "20s", "--json")
    assert json.loads(done.out)["term"] == 5


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--to", "nobody"], ExitCode.BAD_INPUT, "there is no node named 'nobody'"),
        (["--to", "a"], ExitCode.ERROR, "a is master already, in term 3"),
        (["--wait", "1s"], ExitCode.UNKNOWN, "a is still master, in term 3, after 1s"),
        (["--wait", "1h"], ExitCode.BAD_INPUT, "out of range: 1s to 2m"),
    ],
)
async def test_a_yield_that_cannot_be_is_one_sentence_and_an_exit_code(
    qutrio: CommandRunner, arguments: list[str], code: ExitCode, words: str
) -> None:
    failed = await qutrio("cluster", "yield", *arguments)
    assert (failed.code, failed.out, failed.err.count("\n")) == (code, "", 1)
    assert words in failed.err


async def test_a_yield_without_a_master_ends_with_4(qutrio: CommandRunner) -> None:
    scripted = qutrio.scripted
    scripted.view.publish(evolve(scripted.view.value, master=None))
    assert (await qutrio("cluster", "yield")).code == ExitCode.NO_MASTER


async def test_the_history_is_a_table_with_the_newest_first(qutrio: CommandRunner) -> None:
    qutrio.scripted.journal.entries += [
        role_taken(-120, ALPHA, 0), role_left(-105, ALPHA, 0, "fell silent"),
        role_taken(-105, ALPHA, 1), started(-80), role_left(-70, BRAVO, 3, "moved by hand"),
        role_taken(-60, BRAVO, 4),
    ]  # fmt: skip
    assert (await qutrio("cluster", "history")).out == HISTORY
    short = (await qutrio("cluster", "history", "--limit", "1")).out
    assert short.count("\n") == 2
    shown = json.loads((await qutrio("cluster", "history", "--json")).out)
    assert [r["state"] for r in shown["reigns"]] == ["acting", "ended", "unseen", "ended"]


async def test_masters_that_were_not_recorded_are_counted(qutrio: CommandRunner) -> None:
    qutrio.scripted.journal.entries += [role_taken(-120, ALPHA, 9, untold=7)]
    text = (await qutrio("cluster", "history")).out
    assert text.endswith("7 masters before it were not recorded\n")


async def test_a_master_that_the_journal_lacks_is_reported(qutrio: CommandRunner) -> None:
    qutrio.scripted.journal.entries += [
        role_taken(-120, ALPHA, 1),
        role_left(-105, ALPHA, 1, "bye"),
    ]
    text = (await qutrio("cluster", "history")).out
    assert text.endswith("a is master now, in term 3; the journal does not have this yet\n")


async def test_an_empty_history_says_so(qutrio: CommandRunner) -> None:
    assert (await qutrio("cluster", "history")).out == "no master is recorded on this node (a)\n"


async def test_a_damaged_moment_in_the_history_is_one_sentence(qutrio: CommandRunner) -> None:
    qutrio.scripted.journal.entries.append(role_taken(1e15, ALPHA, 1))
    failed = await qutrio("cluster", "history")
    assert failed.code == ExitCode.ERROR
    assert "holds a time that is not a date" in failed.err

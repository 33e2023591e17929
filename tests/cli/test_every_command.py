"""Lists that may be old, answers in JSON, and warnings: the same words in every command."""

import json

import pytest
from attrs import evolve

from qutrio.cli.exits import ExitCode
from qutrio.model.results import Outcome
from tests.cli.in_process import CommandRunner
from tests.cli.test_commands import MAIL, WEB
from tests.control.scripted_node import ME, PEER


async def test_lists_without_a_quorum_say_so_mark_what_is_old_and_end_with_4(
    qutrio: CommandRunner,
) -> None:
    """Like `status`: a script that reads a list must not take it for the truth."""
    await qutrio(*WEB)
    qutrio.scripted.master = None
    for words, marked in (
        (("check", "list"), "UP (stale)"),
        (("check", "show", "web"), "UP (stale)"),
        (("node", "list"), "voter (stale)"),
    ):
        shown = await qutrio(*words)
        assert shown.code == ExitCode.NO_MASTER
        assert marked in shown.out
        assert shown.err.count("\n") == 1
        assert "no master is heard" in shown.err
        as_json = await qutrio(*words, "--json")
        assert as_json.code == ExitCode.NO_MASTER
        assert '"stale": true' in as_json.out


async def test_lists_of_a_removed_node_say_so(qutrio: CommandRunner) -> None:
    scripted = qutrio.scripted
    scripted.view.publish(evolve(scripted.view.value, removed=True))
    shown = await qutrio("node", "list")
    assert shown.code == ExitCode.NO_MASTER
    assert "this node was removed from the cluster" in shown.err
    assert (await qutrio("check", "list")).code == ExitCode.NO_MASTER


@pytest.mark.parametrize(
    "words",
    [
        ("check", "test", "web"),
        ("cluster", "show"),
        ("cluster", "engine", "show"),
        ("cluster", "yield"),
        ("explain",),
    ],
)
async def test_what_a_removed_node_is_asked_says_so_once(
    qutrio: CommandRunner, words: tuple[str, ...]
) -> None:
    await qutrio(*WEB)
    scripted = qutrio.scripted
    scripted.view.publish(evolve(scripted.view.value, removed=True))
    for more in ((), ("--json",)):
        shown = await qutrio(*words, *more)
        assert shown.code == ExitCode.NO_MASTER
        assert shown.err.count("this node was removed from the cluster") == 1


async def test_what_else_may_be_old_says_so(qutrio: CommandRunner) -> None:
    """A token or a channel of yesterday must not be taken for one of today."""
    await qutrio(*MAIL)
    scripted = qutrio.scripted
    scripted.view.publish(evolve(scripted.view.value, removed=True))
    for words in (("alert", "list"), ("enroll", "list"), ("settings", "show")):
        for more in ((), ("--json",)):
            shown = await qutrio(*words, *more)
            assert shown.code == ExitCode.NO_MASTER, words
            assert shown.out
            assert shown.err.count("this node was removed from the cluster") == 1


async def test_check_list_json_holds_the_whole_configuration(qutrio: CommandRunner) -> None:
    await qutrio(*WEB, "--interval", "7s", "--bearer-token", "hunter2")
    (row,) = json.loads((await qutrio("check", "list", "--json")).out)
    assert (row["state"], row["check"]["interval"], row["check"]["redirects_max"]) == (
        "up",
        "7s",
        5,
    )
    assert "hunter2" not in json.dumps(row)


async def test_every_change_answers_in_json(qutrio: CommandRunner) -> None:
    """The same words everywhere: what it is, and the revision that holds it."""
    for words in (
        WEB,
        ("check", "edit", "web", "--interval", "9s"),
        ("check", "disable", "web"),
        ("check", "enable", "web"),
        ("check", "add", "tcp", "db", "db:1"),
        ("check", "remove", "db"),
        MAIL,
        ("alert", "add", "webhook", "hook", "https://x/"),
        ("alert", "add", "discord", "team", "https://x/1"),
        ("alert", "edit", "hook", "--disable"),
        ("alert", "remove", "hook"),
        ("node", "edit", "b", "--name", "bravo"),
        ("node", "remove", "bravo"),
        ("settings", "set", "heartbeat=2s", "dead_after=8s"),
        ("cluster", "engine", "set", "raft"),
        ("enroll", "create", "--name", "c"),
        ("enroll", "revoke", "c"),
    ):
        done = await qutrio(*words, "--json")
        assert done.code == ExitCode.OK, (words, done.err)
        answer = json.loads(done.out)
        assert answer["revision"] == qutrio.scripted.document.revision
        assert "ok" not in answer


async def test_a_timeout_above_the_interval_is_warned_of_and_taken(qutrio: CommandRunner) -> None:
    added = await qutrio(*WEB, "--interval", "5s", "--timeout", "30s", "--json")
    assert added.code == ExitCode.OK
    assert added.err.startswith("qutrio: warning: the timeout (30s) is above the interval (5s)")
    assert json.loads(added.out)["warnings"][0].startswith("the timeout (30s)")
    assert "! the timeout" in (await qutrio("check", "show", "web")).out


async def test_check_test_without_a_verdict_says_why(qutrio: CommandRunner) -> None:
    await qutrio(*WEB)
    qutrio.scripted.votes = {ME: Outcome.ABSTAIN, PEER: Outcome.ABSTAIN}
    told = (await qutrio("check", "test", "web")).err
    assert told == "qutrio: web has no verdict: no node could tell; abstained: connection refused\n"

"""Every operation and every command, asked of a cluster that is full of secrets: none shows one."""

import json
from pathlib import Path
from typing import Any

import pytest

from qutrio.control.operations import CONVERSATIONS, OPERATIONS
from qutrio.control.protocol import ControlFailure
from qutrio.model.checks import HttpCheck
from qutrio.model.results import Outcome
from qutrio.model.rules import MASK
from tests.cli.in_process import CommandRunner
from tests.cli.test_help import PATHS
from tests.control.requests import ask
from tests.control.scripted_node import ME, PEER, ScriptedNode, new_scripted_node, served
from tests.secrets.planted import CHANNELS, CHECKS, HOST, SECRET

BAD = [{SECRET: 1}, [SECRET], f"({SECRET}", f"http://u:{SECRET}@h/ä b?{SECRET}", 7]
NAMED: dict[str, object] = {"name": "basic"}

REQUESTS: dict[str, list[dict[str, Any]]] = {
    "status": [{}],
    "document": [{}],
    "hooks.show": [{}],
    "engine.show": [{}],
    "engine.set": [{"engine": "raft"}],
    "cluster.yield": [{"wait": "1s"}],
    "cluster.history": [{}],
    "node.list": [{}],
    "node.edit": [{"name": "b", "set": {"name": "bravo"}}],
    "node.remove": [{"name": "bravo"}],
    "settings.show": [{}],
    "settings.set": [{"set": {"heartbeat": "1s"}}],
    "check.add": [{"check": {**c, "name": f"new-{c['name']}"}} for c in CHECKS]
    + [{"check": {**CHECKS[0], f: bad}} for f in CHECKS[0] for bad in BAD if f != "name"],
    "check.edit": [{**NAMED, "set": {"retries": 2}}, {**NAMED, "unset": ["body"]}]
    + [{**NAMED, "set": {f: bad}} for f in CHECKS[0] for bad in BAD if f != "name"]
    + [{"name": "bearer", "set": {"bearer_token": bad}} for bad in BAD],
    "check.disable": [{"name": "bearer"}],
    "check.enable": [{"name": "bearer"}],
    "check.list": [{}, {"config": True}],
    "check.show": [NAMED],
    "check.test": [NAMED],
    "check.remove": [{"name": "bearer"}],
    "alert.add": [{"channel": {**c, "name": f"new-{c['name']}"}} for c in CHANNELS]
    + [{"channel": {**c, f: bad}} for c in CHANNELS for f in c for bad in BAD if f != "name"],
    "alert.edit": [{"name": c["name"], "set": {"enabled": True}} for c in CHANNELS]
    + [
        {"name": c["name"], "set": {f: bad}}
        for c in CHANNELS
        for f in ("url", "secret", "password")
        for bad in BAD
    ],
    "alert.list": [{}],
    "alert.test": [{"name": c["name"]} for c in CHANNELS],
    "alert.remove": [{"name": "team"}],
    "incident.list": [{}],
    "incident.explain": [{"name": "basic"}],
    "enroll.create": [{}],
    "enroll.list": [{}],
    "enroll.approve": [{"name": "t1"}],
    "enroll.revoke": [{"name": "t1"}],
}
"""What is asked; the names of fields that are public may be quoted, such as `name` itself."""


async def planted() -> ScriptedNode:
    """Return a cluster with a secret in every field that can hold one."""
    scripted = new_scripted_node()
    scripted.votes = {ME: Outcome.FAIL, PEER: Outcome.FAIL}
    for channel in CHANNELS:
        await ask(scripted, "alert.add", channel=channel)
    for check in CHECKS:
        await ask(scripted, "check.add", check=check)
    return scripted


def test_every_operation_is_asked() -> None:
    """A new one must be added to the table."""
    assert set(REQUESTS) == set(OPERATIONS)
    assert set(CONVERSATIONS) == {"role.follow"}, "it tells the role and the term alone"


PUBLIC_FIELDS = {"kind", "method", "host", "username", "sender", "recipients"}


@pytest.mark.parametrize("op", list(REQUESTS))
async def test_no_answer_holds_a_secret(op: str) -> None:
    for request in REQUESTS[op]:
        given = request.get("check") or request.get("channel") or request.get("set") or {}
        assert isinstance(given, dict)
        if any(given.get(f) in BAD for f in PUBLIC_FIELDS):
            continue  # what is wrong with a public field is quoted
        scripted = await planted()
        try:
            said = json.dumps(await ask(scripted, op, **request))
        except* ControlFailure as failures:
            said = repr(failures.exceptions)
        assert SECRET not in said, request


COMMANDS: dict[str, list[str]] = {
    "status": [],
    "check list": [],
    "check show": ["basic"],
    "check edit": ["basic", "--retries", "1"],
    "check test": ["basic"],
    "check disable": ["bearer"],
    "check enable": ["bearer"],
    "check remove": ["bearer"],
    "check add http": ["x", f"https://h/?{SECRET}", "--header", f"A: {SECRET}", "--body", SECRET],
    "check add tcp": ["db", "h:1"],
    "check add icmp": ["gateway", "192.0.2.1"],
    "check add tls": ["mail", "h:1"],
    "check add dns": ["zone", "example.org"],
    "alert list": [],
    "alert edit": ["hook", "--secret", SECRET],
    "alert test": ["hook"],
    "alert remove": ["team"],
    "alert add webhook": ["x", f"https://h/{SECRET}", "--secret", SECRET],
    "alert add discord": ["x", f"https://h/{SECRET}"],
    "alert add smtp": [
        *("x", "--host", "h", "--from", "a@example.org", "--to", "b@example.org"),
        *("--username", "u", "--password", SECRET),
    ],
    "explain": [],
    "enroll list": [],
    "enroll create": [],
    "enroll approve": ["t1"],
    "enroll revoke": ["t1"],
    "node list": [],
    "node edit": ["b", "--name", "bravo"],
    "node remove": ["b"],
    "settings show": [],
    "settings set": ["heartbeat=1s"],
    "cluster show": [],
    "cluster history": [],
    "cluster hooks": [],
    "cluster yield": ["--wait", "1s"],
    "cluster engine show": [],
    "cluster engine set": ["raft"],
}
ELSEWHERE = {"init", "serve", "enroll join", "lead", "sim", "demo", "version"}
"""They ask no daemon for its document: tests of their own follow them."""


def test_every_command_is_run() -> None:
    paths = {" ".join(path) for path in PATHS}
    groups = {path for path in paths if any(other.startswith(f"{path} ") for other in paths)}
    assert paths - groups - ELSEWHERE == set(COMMANDS), "add new commands to the table"


@pytest.fixture
async def full(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    """Give a door to a cluster full of secrets, and its log."""
    monkeypatch.setenv("QUTRIO_SOCKET", str(folder / "q.sock"))
    scripted = await planted()
    async with served(folder / "q.sock", scripted) as log:
        yield CommandRunner(scripted, capsys), log


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("command", list(COMMANDS))
async def test_no_command_prints_or_logs_a_secret(
    full: tuple[CommandRunner, list[object]], command: str, as_json: bool
) -> None:
    door, log = full
    told = await door(*command.split(), *COMMANDS[command], *(["--json"] if as_json else []))
    assert told.out or told.err
    assert SECRET not in told.out + told.err
    assert SECRET not in repr(log)


async def test_only_whoever_asks_for_secrets_is_shown_them(
    full: tuple[CommandRunner, object],
) -> None:
    door, _ = full
    shown = await door("check", "show", "basic", "--secrets")
    assert f"token={SECRET}" in shown.out
    plain = json.loads((await door("check", "show", "basic", "--secrets", "--json")).out)["check"]
    assert {name: plain[name] for name in CHECKS[0]} == CHECKS[0]
    masked = json.loads((await door("check", "show", "basic", "--json")).out)
    assert masked["check"]["url"] == f"https://{HOST}/p?{MASK}#{MASK}"
    assert masked["status"]["target"] == masked["check"]["url"]
    assert set(masked["check"]["headers"].values()) == {MASK}


async def test_words_that_are_left_over_are_not_repeated(
    full: tuple[CommandRunner, object],
) -> None:
    door, _ = full
    add = ("check", "add", "http", "x", "https://h/")
    told = await door(*add, "Bearer", SECRET)
    assert "Got unexpected extra arguments; see" in told.err
    for words in ([f"--beaer-token={SECRET}"], [f"-x{SECRET}"]):
        told = await door(*add, *words)
        assert told.code == 2
        assert SECRET not in told.err


async def test_a_mask_that_is_given_back_is_the_old_value_or_refused(
    full: tuple[CommandRunner, object],
) -> None:
    door, _ = full
    was = door.scripted.document.checks
    shown = json.loads((await door("check", "show", "basic", "--json")).out)["check"]
    kept = await door("check", "edit", "basic", "--url", shown["url"], "--header", f"X-Own: {MASK}")
    assert kept.code == 0
    (basic, _) = sorted(door.scripted.document.checks, key=lambda c: c.name)
    assert isinstance(basic, HttpCheck)
    assert basic.url == CHECKS[0]["url"]
    assert basic.headers == (("X-Own", SECRET),)
    for options in (["--url", f"https://other.example/?{MASK}"], ["--header", f"New: {MASK}"]):
        refused = await door("check", "edit", "basic", *options)
        assert refused.code == 2
        assert "only stands for a value that is not shown" in refused.err
    added = await door("check", "add", "http", "y", "https://h/", "--bearer-token", MASK)
    assert added.code == 2
    assert len(door.scripted.document.checks) == len(was)


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda c: str(c["kind"]))
async def test_a_masked_channel_comes_back_whole(channel: dict[str, Any]) -> None:
    scripted = await planted()
    before = scripted.document.channels
    rows = (await ask(scripted, "alert.list"))["channels"]
    [row] = [r for r in rows if r["name"] == channel["name"]]
    changes = {n: v for n, v in row.items() if n in channel and n not in {"kind", "name"}}
    await ask(scripted, "alert.edit", name=channel["name"], set=changes)
    assert scripted.document.channels == before

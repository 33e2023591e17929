"""A real node full of secrets reveals none in an outage, bad edits or a hand edit."""

import json
from pathlib import Path

import pytest

from tests.alerts.servers import web_server
from tests.cluster.conftest import Lab
from tests.cluster.nodes import Node
from tests.cluster.people import People
from tests.cluster.probing import INTERVAL, wait_until
from tests.cluster.waiting import wait_for
from tests.secrets.planted import SECRET

pytestmark = pytest.mark.cluster

STEP_S_MAX = 30.0
MASKED = "?********"
SHOWING = [
    ["status"],
    ["check", "list"],
    ["check", "show", "web"],
    ["check", "test", "web"],
    ["alert", "list"],
    ["alert", "test", "echo"],
    ["explain"],
    ["explain", "web"],
    ["cluster", "show"],
    ["cluster", "history"],
]
WRONG = [
    ["check", "edit", "web", "--url", f"http://u:{SECRET}@h/?{SECRET}"],
    ["check", "edit", "web", "--body-regex", f"({SECRET}"],
    ["check", "edit", "web", "--header", f"X Bearer: {SECRET}", "--header", SECRET],
    ["check", "edit", "web", "--basic-user", SECRET, "--bearer-token", SECRET],
    ["alert", "edit", "echo", "--url", f"{SECRET} {SECRET}"],
]


def plant(node: Node, url: str, echo: str) -> None:
    node.cli("alert", "add", "webhook", "echo", f"{echo}/{SECRET}?k={SECRET}", "--secret", SECRET)
    asked = ["--method", "POST", "--header", f"X-Own: {SECRET}", "--body", f"say {SECRET}"]
    asked += ["--basic-user", f"u{SECRET}", "--basic-password", SECRET]
    wanted = ["--body-contains", f"{SECRET}1", "--body-regex", f"{SECRET}2"]
    wanted += ["--body-not-contains", f"{SECRET}3", "--expect-status", "200-599"]
    query = f"?token={SECRET}#{SECRET}"
    node.cli("check", "add", "http", "web", url + query, *asked, *wanted, *INTERVAL)


def hand_edit(node: Node, old: str, new: str) -> str:
    """Change cluster.yaml so that it is refused, and return the reason at its top."""
    folder = node.home / "data"
    file, before = folder / "cluster.yaml", set(folder.glob("*.refused-*"))
    good = file.read_text()
    assert old in good
    file.write_text(good.replace(old, new, 1))
    wait_for("the edit is judged", lambda: set(folder.glob("*.refused-*")) > before, STEP_S_MAX)
    wait_for("the file is mended", lambda: file.read_text() == good, STEP_S_MAX)
    [kept] = set(folder.glob("*.refused-*")) - before
    return "".join(x for x in kept.read_text().splitlines() if x.startswith("# Refused: "))


def test_a_node_reveals_no_secret_in_an_outage(lab: Lab, people: People) -> None:
    nginx, node = lab.nginx(), lab.cluster(1).nodes[0]
    people.attach(node)
    with web_server(status=404, body=f"Cannot POST /{SECRET}".encode()) as echo:
        plant(node, nginx.url, f"http://127.0.0.1:{echo.port}")
        wait_until(node, "web", "down", fail=1)
        wait_for("people are told", lambda: bool(people.mails_of("down")), STEP_S_MAX)
        wait_for("people are told", lambda: bool(people.posts_of("down")), STEP_S_MAX)
        told = [node.cli(*words, expect=None) for words in [*SHOWING, *WRONG]]
        told += [node.cli(*words, "--json", expect=None) for words in [*SHOWING, *WRONG]]
        reasons = [
            hand_edit(node, f'basic_password: "{SECRET}"', f"basic_password: [{SECRET}]"),
            hand_edit(node, f'body_regex: "{SECRET}2"', f'body_regex: "({SECRET}"'),
            hand_edit(node, f'basic_password: "{SECRET}"', 'basic_password: "********"'),
            hand_edit(node, f'body: "say {SECRET}"', f"body: !{SECRET}!x"),
        ]
        posted = [echo.posts.get(timeout=STEP_S_MAX).content.decode()]
    shown = "".join(done.stdout + done.stderr for done in told)
    assert "the body lacks the text of body_contains" in shown
    assert MASKED in shown
    assert all(reasons)
    journal = [p.read_text() for p in (node.home / "data" / "journal").iterdir()]
    log = "".join(x for x in node.output.read_text().splitlines() if x.startswith("time="))
    mails = [m.message.as_string() for m in people.mails_of("down")]
    posted += [json.dumps(post) for post in people.posts_of("down")]
    assert MASKED in "".join(journal)
    assert "HTTP 404: Cannot POST ********" in log
    for source in (shown, log, *reasons, *journal, *mails, *posted):
        assert SECRET not in source
    assert SECRET in node.cli("check", "show", "web", "--secrets").stdout


def test_only_the_owner_can_read_files_with_secrets(lab: Lab) -> None:
    node = lab.cluster(1).nodes[0]
    plant(node, "http://127.0.0.1:1/", "http://127.0.0.1:1")
    data = node.home / "data"
    wait_for("it is written", lambda: SECRET in (data / "cluster.yaml").read_text(), STEP_S_MAX)

    def holds(path: Path) -> bool:
        return path.is_file() and SECRET.encode() in path.read_bytes()

    found = {path.relative_to(data).parts[0]: path for path in data.rglob("*") if holds(path)}
    assert set(found) == {"cluster.yaml", "state"}
    open_to_others = [p for p in data.rglob("*") if holds(p) and p.stat().st_mode & 0o077]
    assert open_to_others == []

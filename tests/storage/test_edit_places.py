"""What is refused of a hand edit names the line of the file, whoever refuses it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve

from qutrio.codec.cluster_yaml import line_of
from qutrio.core.mutations import Batch, PutCheck
from qutrio.model.channels import WebhookChannel
from qutrio.model.ids import ChannelId
from qutrio.storage.edits import mistake_of
from tests.storage.test_mirror import DATABASE, DOCUMENT, MAIL, REFUSED, WRITTEN, running

pytestmark = pytest.mark.slow

HOOK = WebhookChannel(id=ChannelId("a1"), name="hook", url="https://example.org/x")
NEW = "checks:\n  - name: %s\n    kind: tcp\n    address: %s\n"


def added(name: str, address: str = "h:1") -> Callable[[str], str]:
    return lambda text: text.replace("checks:\n", NEW % (name, address))


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (lambda t: "colour: red\n" + t, "colour: red", "colour: is not a field here"),
        (lambda t: t.replace("  heartbeat:", "  hartbeat:"), "hartbeat:", "settings: hartbeat: "),
        (lambda t: t.replace("retries: 0", "retriez: 0"), "retriez:", "check 'db': retriez: "),
        (lambda t: t.replace('"https', '"https://example.org/********" #'), "****", "url: holds"),
        (lambda t: t.replace('"https', '"https://ann@example.org/" #'), "ann@", "url: holds cred"),
        (added("DB"), "name: DB", "check 'DB': a check named 'db' exists"),
        (added("db"), 'name: "db"', "name: 'db' is given twice"),
        (added("t", "0.0.0.0:80"), "0.0.0.0", "check 't': address: '0.0.0.0' is where a server"),
        (lambda t: t.replace("127.0.0.1:9901", "[::]:9901"), "[::]", "member 'one': address: "),
    ],
)
async def test_a_refused_edit_names_the_line(
    tmp_path: Path, change: Callable[[str], str], line: str, words: str
) -> None:
    async with running(tmp_path, evolve(DOCUMENT, channels=(HOOK,))) as node:
        await node.log.wait(WRITTEN)
        text = node.edit(change)
        reason = str((await node.log.wait(REFUSED))["reason"])
    number = next(n for n, row in enumerate(text.splitlines(), 1) if line in row)
    assert reason.startswith(f"cluster.yaml:{number}: ")
    assert words in reason


def test_a_refusal_that_none_of_the_changes_explains_has_no_line() -> None:
    changes = Batch(mutations=(PutCheck(check=MAIL),))
    assert mistake_of(changes, DOCUMENT, "no majority is heard") is None
    wrong = Batch(mutations=(PutCheck(check=evolve(DATABASE, retries=2)),))
    assert mistake_of(wrong, DOCUMENT, "no majority is heard") is None


def test_what_is_not_in_the_text_has_the_line_of_what_is_around_it() -> None:
    text = "settings:\n  heartbeat: 1s\nchecks:\n  - id: c1\n    name: a\n"
    assert line_of(text, "checks", "c1", "name") == 5
    assert line_of(text, "checks", "c1", "") == 4
    assert line_of(text, "checks", "c2", "name") == 3
    assert line_of(text, "settings", "", "heartbeat") == 2
    assert line_of(text, "", "", "checks") == 3

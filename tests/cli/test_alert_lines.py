"""What is said of channels that do not deliver as they should."""

import json
from typing import Any

from qutrio.cli.alert_lines import troubles
from qutrio.model.ids import UnixTime
from qutrio.model.parts import RefusedRecipient
from tests.cli.in_process import CommandRunner

NOW = 1_767_268_800.0


def lines(*, master: str | None = "alpha", **going: Any) -> list[str]:
    quiet = {
        "name": "ops",
        "waiting": 0,
        "trying": False,
        "next_try_s": None,
        "last_error": "",
        "asked_to_wait_until_unix": None,
        "refused": [],
    }
    named = None if master is None else {"id": "n1", "name": master}
    return list(troubles({"now_unix": NOW, "master": named, "channels": [quiet | going]}))


def test_a_channel_in_good_health_needs_no_words() -> None:
    assert lines() == []


def test_the_master_says_when_the_next_try_is_and_why_the_last_one_failed() -> None:
    [line] = lines(waiting=2, next_try_s=75.2, last_error="mail: 451 later")
    assert line == (
        "ops: 2 notices wait; the next try is in 1m 15s; the last try failed: mail: 451 later"
    )


def test_an_attempt_under_way_is_said() -> None:
    assert lines(waiting=1, trying=True) == ["ops: 1 notice waits; an attempt is under way"]


def test_another_node_names_the_one_to_ask() -> None:
    [line] = lines(waiting=1)
    assert line.endswith("the next try is shown on the master, alpha")
    assert lines(waiting=1, master=None) == ["ops: 1 notice waits"]


def test_a_receiver_that_asked_to_wait_is_said_on_every_node_until_it_is_over() -> None:
    [line] = lines(waiting=1, asked_to_wait_until_unix=NOW + 60)
    assert line == ("ops: 1 notice waits; the receiver asked to wait until 2026-01-01 12:01:00 UTC")
    assert lines(asked_to_wait_until_unix=NOW - 1) == []


def test_a_refused_recipient_is_shown_with_the_servers_words() -> None:
    refused = {"recipient": "gone@example.org", "said": "550 no such user", "at_unix": NOW}
    assert lines(refused=[refused]) == [
        "ops: refused for gone@example.org since 2026-01-01 12:00:00 UTC: 550 no such user"
    ]


def test_a_daemon_of_an_older_version_says_nothing_of_it() -> None:
    assert list(troubles({"channels": [{"name": "ops"}]})) == []


async def test_recipients_that_a_server_refuses_are_counted_and_listed(
    qutrio: CommandRunner,
) -> None:
    await qutrio("alert", "add", "smtp", "ops", "--host", "h", "--from", "q@b", "--to", "x@y")
    assert "refused" not in (await qutrio("status")).out
    [channel] = qutrio.scripted.document.channels
    one = RefusedRecipient(
        channel=channel.id, recipient="x@y", said="550 no such user", at_unix=UnixTime(0)
    )
    qutrio.scripted.refusals = (one,)
    assert "! 1 recipient is refused by the mail server: see 'qutrio alert list'" in (
        (await qutrio("status")).out
    )
    listed = (await qutrio("alert", "list")).out
    assert "ops: 2 notices wait; the next try is in 12s" in listed
    assert "ops: refused for x@y since 1970-01-01 00:00:00 UTC: 550 no such user" in listed
    [row] = json.loads((await qutrio("alert", "list", "--json")).out)
    assert row["refused"][0]["said"] == "550 no such user"
    qutrio.scripted.refusals = (one, one)
    assert "2 recipients are refused" in (await qutrio("status")).out

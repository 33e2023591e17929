"""Every command against a running cluster: what it prints, and how it ends."""

import json
from pathlib import Path

import pytest
from attrs import evolve

from qutrio.cli.exits import ExitCode
from qutrio.cli.status import repeat
from qutrio.control.protocol import Code, ControlFailure
from qutrio.core.api.messages import Ruling
from qutrio.model.channels import SmtpChannel, WebhookChannel
from qutrio.model.checks import HttpCheck, StatusRange
from qutrio.model.levels import LEVEL
from qutrio.model.results import Outcome
from tests.cli.in_process import CommandRunner
from tests.control.scripted_node import ME, PEER

WEB = ("check", "add", "http", "web", "https://example.org/")
MAIL = (
    *("alert", "add", "smtp", "ops", "--host", "mail.example.org"),
    *("--from", "q@example.org", "--to", "oncall@example.org"),
)


async def test_status_shows_master_quorum_nodes_and_checks(qutrio: CommandRunner) -> None:
    """The one page that people look at."""
    await qutrio(*WEB)
    shown = await qutrio("status")
    assert shown.code == 0
    assert "master    a (this node), term 3" in shown.out
    assert "holds: 2 heard, 2 needed" in shown.out
    assert "127.0.0.1:9901" in shown.out
    assert "web    UP     2m 5s  1 ok   https://example.org/" in shown.out


async def test_status_json_is_one_object_without_the_envelope(qutrio: CommandRunner) -> None:
    """What scripts read."""
    shown = json.loads((await qutrio("status", "--json")).out)
    assert shown["master"]["name"] == "a"
    assert "ok" not in shown


async def test_status_of_a_leaderless_node_ends_with_4(qutrio: CommandRunner) -> None:
    """And still shows what it knows, with the reason."""
    qutrio.scripted.master = None
    shown = await qutrio("status")
    assert shown.code == ExitCode.NO_MASTER
    assert "LOST" in shown.out or "not yet" in shown.out
    assert shown.out.count("may be old") == 1
    assert "no quorum" not in shown.out, "the line of the quorum says it"
    assert "nothing was changed" not in shown.out


async def test_removed_node_says_so_and_ends_with_4(qutrio: CommandRunner) -> None:
    """Whoever looks at a removed node must not think that it watches."""
    scripted = qutrio.scripted
    scripted.view.publish(evolve(scripted.view.value, removed=True))
    shown = await qutrio("status")
    assert shown.code == ExitCode.NO_MASTER
    assert "removed from the cluster" in shown.out
    assert "quorum    none: this node has no vote any more" in shown.out


async def test_a_disk_that_refuses_writes_is_shown_with_its_words(qutrio: CommandRunner) -> None:
    """Also when another node leads meanwhile: somebody has to make room."""
    assert "disk" not in (await qutrio("status")).out
    qutrio.scripted.disk = "cannot write to /x: No space left on device"
    assert "! this node cannot lead, its disk refuses writes: cannot write to /x: No space" in (
        (await qutrio("status")).out
    )
    assert json.loads((await qutrio("status", "--json")).out)["disk"] == qutrio.scripted.disk


async def test_a_node_that_may_page_for_a_minority_says_so(qutrio: CommandRunner) -> None:
    assert "minority" not in (await qutrio("status")).out
    qutrio.scripted.leads_minority = True
    assert "! leads a minority: may page, writes nothing" in (await qutrio("status")).out
    assert json.loads((await qutrio("status", "--json")).out)["leads_minority"] is True


def test_watch_goes_on_after_an_error_and_ends_with_ctrl_c(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A daemon that restarts does not end the watch; the last round gives the exit code."""
    rounds = iter([0, None, 4])

    def once() -> int:
        code = next(rounds)
        if code is None:
            raise ControlFailure(Code.NO_DAEMON, "nobody there")
        return code

    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    assert repeat(once, pause, as_json=False) == 4
    assert capsys.readouterr().err == "qutrio: nobody there\n"


async def test_http_check_takes_every_option(qutrio: CommandRunner) -> None:
    """From the command line into the document."""
    added = await qutrio(
        *WEB,
        *("--interval", "10s", "--timeout", "500ms", "--retries", "2", "--method", "POST"),
        *("--header", "X-Team: ops: night", "--header", "Accept:*/*", "--body", "ping"),
        *("--expect-status", "200,300-399", "--expect-status", "404"),
        *("--body-contains", "pong", "--body-max", "2MiB", "--redirects-max", "0"),
        *("--no-verify-tls", "--bearer-token", "t", "--ip-family", "4", "--disabled"),
    )
    assert (added.code, added.err) == (0, "")
    assert added.out == "check web added (revision 2)\n"
    (check,) = qutrio.scripted.document.checks
    assert isinstance(check, HttpCheck)
    assert (check.interval_s, check.timeout_s, check.retries) == (10.0, 0.5, 2)
    assert set(check.headers) == {("X-Team", "ops: night"), ("Accept", "*/*")}
    expected = (StatusRange(200, 200), StatusRange(300, 399), StatusRange(404, 404))
    assert check.expect_status == expected
    assert (check.body_bytes_max, check.redirects_max) == (2 * 1024 * 1024, 0)
    assert not check.verify_tls
    assert not check.enabled


async def test_check_is_edited_shown_listed_and_removed(qutrio: CommandRunner) -> None:
    """The life of a check."""
    await qutrio(*WEB, "--basic-user", "u", "--basic-password", "hunter2")
    await qutrio("check", "edit", "web", "--interval", "5s", "--name", "site")
    shown = await qutrio("check", "show", "site")
    assert "interval" in shown.out
    assert "5s" in shown.out
    assert "hunter2" not in shown.out
    listed = json.loads((await qutrio("check", "list", "--json")).out)
    assert [c["name"] for c in listed] == ["site"]
    assert (await qutrio("check", "disable", "site")).code == 0
    assert "disabled" in (await qutrio("check", "list")).out
    assert (await qutrio("check", "enable", "site")).code == 0
    assert (await qutrio("check", "remove", "site")).out == "check site removed (revision 6)\n"
    assert "no checks" in (await qutrio("check", "list")).out


async def test_tcp_check_is_edited_by_its_own_fields_only(qutrio: CommandRunner) -> None:
    """A field of the other kind is bad input that names the field."""
    await qutrio("check", "add", "tcp", "db", "db.example.org:5432")
    assert (await qutrio("check", "edit", "db", "--address", "db:1")).code == 0
    wrong = await qutrio("check", "edit", "db", "--url", "http://x/")
    assert wrong.code == ExitCode.BAD_INPUT
    assert "url" in wrong.err


@pytest.mark.parametrize(
    ("votes", "code", "word"),
    [
        ({ME: Outcome.OK, PEER: Outcome.OK}, ExitCode.OK, "is UP"),
        ({ME: Outcome.FAIL, PEER: Outcome.FAIL}, ExitCode.TARGET_FAILING, "is DOWN"),
        ({ME: Outcome.ABSTAIN, PEER: Outcome.ABSTAIN}, ExitCode.ERROR, "is UNKNOWN"),
    ],
)
async def test_check_test_ends_as_the_target_is(
    qutrio: CommandRunner, votes: dict[object, Outcome], code: ExitCode, word: str
) -> None:
    """0 up, 6 failing, 1 when nobody can tell; each node's words are shown."""
    await qutrio(*WEB)
    qutrio.scripted.votes = votes  # type: ignore[assignment]
    tested = await qutrio("check", "test", "web")
    assert tested.code == code
    assert word in tested.out
    assert len(tested.out.splitlines()) == 3


async def test_check_test_in_a_minority_decides_nothing(qutrio: CommandRunner) -> None:
    """What this side sees is shown, and that nobody else was asked."""
    await qutrio(*WEB)
    qutrio.scripted.votes = {ME: Outcome.OK, PEER: Outcome.OK}
    qutrio.scripted.master = None
    tested = await qutrio("check", "test", "web")
    assert tested.code == ExitCode.NO_MASTER
    assert "is UNKNOWN" in tested.out
    assert "a  ok" in tested.out
    assert "no majority was asked" in tested.err
    as_json = json.loads((await qutrio("check", "test", "web", "--json")).out)
    assert (as_json["state"], as_json["quorum"]["holds"]) == ("unknown", False)


async def test_password_can_come_from_a_file(qutrio: CommandRunner, folder: Path) -> None:
    """So that it stands in no process list; the final newline is not part of it."""
    (folder / "password").write_text("hunter2\n")
    added = await qutrio(*MAIL, "--username", "u", "--password", f"@{folder}/password")
    assert added.code == 0
    (channel,) = qutrio.scripted.document.channels
    assert isinstance(channel, SmtpChannel)
    assert channel.password == "hunter2"
    listed = await qutrio("alert", "list")
    assert "every check" in listed.out
    assert "hunter2" not in listed.out


async def test_webhook_and_discord_can_be_added_and_edited(qutrio: CommandRunner) -> None:
    """The other kinds of channel."""
    await qutrio("alert", "add", "webhook", "hook", "https://example.org/h", "--no-default")
    await qutrio("alert", "add", "discord", "team", "https://discord.example/api/1/x")
    await qutrio("alert", "edit", "hook", "--disable", "--secret", "k")
    hook = next(c for c in qutrio.scripted.document.channels if c.name == "hook")
    assert isinstance(hook, WebhookChannel)
    assert (hook.default, hook.enabled, hook.secret) == (False, False, "k")
    listed = json.loads((await qutrio("alert", "list", "--json")).out)
    assert [(c["name"], c["kind"]) for c in listed] == [("hook", "webhook"), ("team", "discord")]
    assert (await qutrio("alert", "remove", "team")).code == 0


async def test_alert_test_ends_with_1_when_nothing_was_delivered(qutrio: CommandRunner) -> None:
    """The server's words are shown."""
    await qutrio(*MAIL)
    assert (await qutrio("alert", "test", "ops")).code == 0
    qutrio.scripted.delivered = lambda _: (False, "535 no")
    failed = await qutrio("alert", "test", "ops")
    assert failed.code == ExitCode.ERROR
    assert failed.out == "test notice to ops NOT delivered: 535 no\n"


@pytest.mark.parametrize(
    ("skew_s", "words"),
    [
        (3600.0, "! the clock of b is 1h ahead of this node's"),
        (-95.0, "! the clock of b is 1m 35s behind this node's"),
    ],
)
async def test_status_warns_of_a_clock_that_is_off(
    qutrio: CommandRunner, skew_s: float, words: str
) -> None:
    """Which of the two is right cannot be told from here."""
    qutrio.scripted.skews[PEER] = skew_s
    assert words in (await qutrio("status")).out


async def test_status_does_not_warn_of_a_clock_that_is_nearly_right(qutrio: CommandRunner) -> None:
    """Heartbeats take their time, and no clock is exact."""
    qutrio.scripted.skews[PEER] = 2.0
    assert "clock" not in (await qutrio("status")).out


async def test_token_is_printed_with_the_commands_to_use_it(qutrio: CommandRunner) -> None:
    """Copy, paste, approve."""
    made = await qutrio("enroll", "create", "--name", "c", "--ttl", "10m")
    assert "qutrio enroll join qt1_secret --name c\n" in made.out
    assert "qutrio enroll approve c" in made.out
    listed = await qutrio("enroll", "list")
    assert "10m" in listed.out
    assert "qt1_secret" not in listed.out
    assert (await qutrio("enroll", "revoke", "c")).code == 0
    assert "no open tokens" in (await qutrio("enroll", "list")).out


async def test_automatic_approval_needs_no_second_command(qutrio: CommandRunner) -> None:
    """And JSON has the token for scripts."""
    made = await qutrio("enroll", "create", "--auto-approve", "--json")
    assert json.loads(made.out)["token"] == "qt1_secret"
    assert json.loads(made.out)["auto_approve"] is True


async def test_nodes_are_listed_renamed_and_removed(qutrio: CommandRunner) -> None:
    """The members, from this node's side."""
    listed = await qutrio("node", "list")
    assert "a (this node)" in listed.out
    assert "master" in listed.out
    await qutrio("node", "edit", "b", "--name", "bravo")
    assert (await qutrio("node", "remove", "bravo")).out == "node bravo removed (revision 3)\n"


async def test_settings_are_shown_and_set(qutrio: CommandRunner) -> None:
    """All given ones at once."""
    done = await qutrio("settings", "set", "heartbeat=2s", "dead_after=8s")
    assert done.code == 0
    assert json.loads((await qutrio("settings", "show", "--json")).out)["dead_after"] == "8s"
    assert "heartbeat" in (await qutrio("settings", "show")).out


async def test_settings_that_are_not_set_say_what_holds_instead(qutrio: CommandRunner) -> None:
    qutrio.scripted.publish(evolve(qutrio.scripted.document, level=LEVEL))
    shown = _columns((await qutrio("settings", "show")).out)
    assert shown["resolvers"] == "each node's own"
    assert shown["unseen_after"] == "five intervals of the check, at least 2m and at most 1h"
    as_json = json.loads((await qutrio("settings", "show", "--json")).out)
    assert (as_json["resolvers"], as_json["unseen_after"]) == ([], "0s")
    await qutrio("settings", "set", "unseen_after=10m", "resolvers=192.0.2.53,192.0.2.54")
    shown = _columns((await qutrio("settings", "show")).out)
    assert shown["resolvers"] == "192.0.2.53, 192.0.2.54"
    assert shown["unseen_after"] == "10m"


def _columns(text: str) -> dict[str, str]:
    return dict(line.split(maxsplit=1) for line in text.splitlines())


async def test_document_is_shown_as_json(qutrio: CommandRunner) -> None:
    """The whole of it, for whoever wants to compare nodes."""
    shown = json.loads((await qutrio("cluster", "show")).out)
    assert json.loads((await qutrio("cluster", "show", "--json")).out) == shown
    assert shown["cluster_id"] == "c0"


async def test_what_a_target_said_cannot_move_the_cursor(qutrio: CommandRunner) -> None:
    """Names and details reach a terminal: control characters do not."""
    scripted = qutrio.scripted
    rude = evolve(scripted.document.members[1], address="x\x1b[2J:1")
    scripted.publish(evolve(scripted.document, members=(scripted.document.members[0], rude)))
    assert "\x1b" not in (await qutrio("status")).out


async def test_unknown_outcome_ends_with_5(qutrio: CommandRunner) -> None:
    """Neither yes nor no: the caller must look."""
    qutrio.scripted.ruling = (Ruling.UNKNOWN, "the master did not answer in time; look")
    lost = await qutrio(*WEB)
    assert (lost.code, lost.out) == (ExitCode.UNKNOWN, "")
    assert lost.err == "qutrio: the master did not answer in time; look\n"


async def test_refusal_ends_with_1_and_no_quorum_with_4(qutrio: CommandRunner) -> None:
    """ "No" and "not now" are different answers."""
    scripted = qutrio.scripted
    scripted.ruling = (Ruling.REFUSED, "no")
    assert (await qutrio(*WEB)).code == ExitCode.ERROR
    scripted.master = None
    scripted.publish(scripted.document)
    assert (await qutrio(*WEB)).code == ExitCode.NO_MASTER

"""Values that may be secrets come from a file or from standard input, by one rule."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from qutrio.cli import alert, alert_add, check, check_add, enroll
from qutrio.cli.inputs import INPUT_BYTES_MAX, Inputs
from qutrio.cli.options import SECRET_HELP
from qutrio.codec.plain_fields import FIELDS
from qutrio.errors import InvalidValueError
from qutrio.model.channels import DiscordChannel, SmtpChannel, WebhookChannel
from qutrio.model.checks import HttpCheck
from tests.cli.in_process import CommandRunner
from tests.patience import HANG_S

FROM_STDIN = """
import sys
from qutrio.cli.inputs import Inputs
inputs = Inputs()
try:
    print(repr(inputs.text(sys.argv[1], "--body")), repr(inputs.line("-", "--secret")))
except Exception as error:
    print(error)
"""


def piped(content: bytes, first: str = "plain") -> str:
    """Return what another process reads of standard input, or why it refuses."""
    command = [sys.executable, "-c", FROM_STDIN, first]
    done = subprocess.run(command, input=content, capture_output=True, check=True, timeout=HANG_S)
    return done.stdout.decode().strip()


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"s3cret", "s3cret"),
        (b"s3cret\n", "s3cret"),
        (b"s3cret\r\n", "s3cret"),
        (b" s3cret \n", " s3cret "),
        (b"\xef\xbb\xbfs3cret\n", "s3cret"),
        (b"-\n", "-"),
        (b"@x\n", "@x"),
    ],
)
def test_a_file_and_standard_input_give_the_same_value(
    content: bytes, value: str, tmp_path: Path
) -> None:
    file = tmp_path / "value"
    file.write_bytes(content)
    assert Inputs().line(f"@{file}", "--secret") == value
    assert piped(content) == f"'plain' {value!r}"


REFUSED: list[tuple[bytes, str]] = [
    (b"", "--secret: what was read is empty"),
    (b"\n", "--secret: what was read is empty"),
    (b"a\nb\n", "--secret: holds more than one line"),
    (b"\xff\xfe", "--secret: what was read is not UTF-8 text"),
    (b"a\0b", "--secret: what was read is not text: it holds a NUL byte"),
    (b"a" * (INPUT_BYTES_MAX + 1), "--secret: what was read is longer than 262144 bytes"),
]


@pytest.mark.parametrize(("content", "problem"), REFUSED, ids=[p[-12:] for _, p in REFUSED])
def test_what_is_no_value_is_refused_in_one_sentence(
    content: bytes, problem: str, tmp_path: Path
) -> None:
    file = tmp_path / "value"
    file.write_bytes(content)
    with pytest.raises(InvalidValueError) as caught:
        Inputs().line(f"@{file}", "--secret")
    assert str(caught.value) == problem
    assert piped(content) == problem


def test_a_body_keeps_its_lines_and_loses_one_newline(tmp_path: Path) -> None:
    file = tmp_path / "body"
    file.write_bytes(b"a\r\nb\n\n")
    assert Inputs().text(f"@{file}", "--body") == "a\r\nb\n"


@pytest.mark.parametrize(
    ("value", "meant"), [("plain", "plain"), ("@@x", "@x"), ("@@", "@"), ("", ""), (None, None)]
)
def test_what_is_given_in_plain_stays_as_it_is(value: str | None, meant: str | None) -> None:
    assert Inputs().line(value, "--secret") == meant


@pytest.mark.parametrize(("name", "why"), [("/nowhere/at/all", "No such file"), ("/", "directory")])
def test_a_file_that_cannot_be_read_is_named_with_the_way_out(name: str, why: str) -> None:
    with pytest.raises(InvalidValueError, match=f"^--secret: cannot read the file '{name}'.*@@"):
        Inputs().line(f"@{name}", "--secret")
    with pytest.raises(InvalidValueError, match=why):
        Inputs().line(f"@{name}", "--secret")


def test_a_sign_without_the_name_of_a_file_is_told() -> None:
    for read in (lambda: Inputs().line("@", "--secret"), lambda: Inputs().headers(["X: @"])):
        with pytest.raises(InvalidValueError, match="'@' names no file; write '@FILE', or '@@'"):
            read()


def test_a_header_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lines").write_text("B: 2\nx-a: 3\n")
    with pytest.raises(InvalidValueError, match=r"^--header: number 3 has the name of number 1"):
        Inputs().headers(["X-A: 1", f"@{tmp_path}/lines"])
    with pytest.raises(InvalidValueError, match="number 2 has the name of number 1"):
        Inputs().headers(["X-A: 1", "X-A: 1"])


def test_standard_input_is_there_for_one_option() -> None:
    problem = "--secret: --body reads standard input already; give one of them as '@FILE'"
    assert piped(b"x\n", first="-") == problem


def test_closed_standard_input_is_told() -> None:
    code = FROM_STDIN.replace("inputs =", "sys.stdin = None; inputs =")
    command = [sys.executable, "-c", code, "x"]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=HANG_S)
    assert done.stdout == "--secret: standard input is closed\n"


def test_on_a_terminal_a_secret_is_asked_for_and_not_shown() -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-c", FROM_STDIN, "x"]
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, start_new_session=True
    ) as process:
        shown = b""
        while b"--secret: " not in shown:
            shown += os.read(ours, 1024)
        os.write(ours, b"s3cret\n")
        assert process.stdout is not None
        assert process.stdout.read() == b"'x' 's3cret'\n"
        os.close(theirs)
    shown += _rest(ours)
    os.close(ours)
    assert b"s3cret" not in shown


def _rest(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1024)
    except OSError:
        return b""


def test_headers_come_whole_or_by_value(tmp_path: Path) -> None:
    (tmp_path / "value").write_text("Bearer x\n")
    (tmp_path / "lines").write_text("A: 1\n\nB: @@2\n")
    given = [f"Authorization: @{tmp_path}/value", f"@{tmp_path}/lines", "C: @@3", "D:"]
    headers = Inputs().headers(given)
    assert headers == {"Authorization": "Bearer x", "A": "1", "B": "@2", "C": "@3", "D": ""}
    assert Inputs().headers([]) is None
    with pytest.raises(InvalidValueError, match="number 2 is not 'NAME: VALUE'"):
        Inputs().headers(["A: 1", "Authorization Bearer s3cret"])


MASKED = {
    field.name for cls in (HttpCheck, SmtpChannel, WebhookChannel, DiscordChannel)
    for field in FIELDS[cls] if field.mask is not None
} | {"token", "secret_key", "header"}  # fmt: skip
"""Fields that may hold a secret, and the parameters of commands that are named otherwise."""


@pytest.mark.parametrize("command", [check, check_add, alert, alert_add, enroll])
def test_every_option_that_may_hold_a_secret_says_how_to_hide_it(command: object) -> None:
    app: Any = typer.main.get_command(command.app)  # type: ignore[attr-defined]
    said = {
        (name, parameter.name): SECRET_HELP in (parameter.help or "")
        for name, child in app.commands.items()
        for parameter in child.params
        if parameter.name in MASKED and name not in {"approve", "revoke"}
    }
    assert said
    assert [option for option, told in said.items() if not told] == []


async def test_every_option_of_a_check_takes_a_file(qutrio: CommandRunner, folder: Path) -> None:
    values = {
        "body": "B", "body-contains": "C", "body-not-contains": "N", "body-regex": "R",
        "basic-user": "U", "basic-password": "P",
    }  # fmt: skip
    for name, value in {**values, "url": "https://example.org/?k=v", "header": "H"}.items():
        (folder / name).write_text(f"{value}\n")
    options = [word for name in values for word in (f"--{name}", f"@{folder}/{name}")]
    options += ["--header", f"X: @{folder}/header"]
    added = await qutrio("check", "add", "http", "web", f"@{folder}/url", *options)
    assert (added.code, added.err) == (0, "")
    (made,) = qutrio.scripted.document.checks
    assert isinstance(made, HttpCheck)
    assert (made.url, made.headers) == ("https://example.org/?k=v", (("X", "H"),))
    assert (made.body, made.body_contains, made.body_not_contains) == ("B", "C", "N")
    assert (made.body_regex, made.basic_user, made.basic_password) == ("R", "U", "P")
    await qutrio("check", "edit", "web", "--url", "https://example.org/")
    edited = await qutrio("check", "edit", "web", "--url", f"@{folder}/url")
    assert edited.code == 0
    (again,) = qutrio.scripted.document.checks
    assert isinstance(again, HttpCheck)
    assert again.url == made.url

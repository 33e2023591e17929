"""Every command explains itself, with an example that can be parsed."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
import typer

from qutrio import __version__
from qutrio.cli.app import COMMANDS, main
from qutrio.cli.exits import ExitCode


def _paths() -> Iterator[list[str]]:
    """Yield the words of every command and of every group of commands."""
    for name, module in COMMANDS.items():
        yield from _below([name], typer.main.get_command(import_module(module).app))


def _below(path: list[str], command: Any) -> Iterator[list[str]]:
    yield path
    for name, child in getattr(command, "commands", {}).items():
        yield from _below([*path, name], child)


PATHS = list(_paths())


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_command_has_help_with_an_example_of_itself(
    path: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """`--help` ends well, says what the command is for, and shows one way to call it."""
    assert main([*path, "--help"]) == ExitCode.OK
    words = " ".join(capsys.readouterr().out.split())
    assert f"Example: qutrio {' '.join(path)}" in words
    assert "\x1b" not in words


@pytest.mark.parametrize("path", [[], ["check"], ["check", "add", "http"], ["status"], ["lead"]])
def test_the_short_option_shows_the_same_help(
    path: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*path, "-h"]) == ExitCode.OK
    short = capsys.readouterr().out
    assert main([*path, "--help"]) == ExitCode.OK
    assert capsys.readouterr().out == short


ALL_JSON = {"serve", "demo", "lead"}
"""What runs until it is stopped, or tells a story as it happens; a group prints nothing itself."""


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_whatever_prints_or_changes_state_can_answer_in_json(
    path: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main([*path, "--help"])
    shown = capsys.readouterr().out
    if "Commands:" not in shown and " ".join(path) not in ALL_JSON:
        assert "--json" in shown


def test_root_help_lists_every_command_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """The first thing that a newcomer reads."""
    assert main(["--help"]) == ExitCode.OK
    shown = capsys.readouterr().out
    assert [name for name in COMMANDS if f"  {name} " not in shown] == []
    words = " ".join(shown.split())
    assert [code for code in ExitCode if f"{int(code)} " not in words] == []


@pytest.mark.parametrize("arguments", [["version"], ["--version"], ["-V"]])
def test_version_is_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """As a command and as an option."""
    assert main(arguments) == ExitCode.OK
    assert capsys.readouterr().out == f"qutrio {__version__}\n"


def test_shell_completion_knows_the_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the script of `--show-completion` asks is answered."""
    monkeypatch.setenv("_QUTRIO_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "qutrio check ad")
    monkeypatch.setenv("COMP_CWORD", "2")
    with pytest.raises(SystemExit):
        main([])
    assert capsys.readouterr().out.split() == ["add"]

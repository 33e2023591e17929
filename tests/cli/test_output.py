"""Output that nobody takes: one sentence at most, no traceback, an exit code that says so."""

import os
import sys
from pathlib import Path

import pytest
import trio

from qutrio.cli.exits import ExitCode
from tests.control.scripted_node import new_scripted_node, served

COMMAND = f"{sys.executable} -m qutrio"


async def _run(folder: Path, line: str) -> tuple[int, str]:
    """Return the exit code and the standard error of a line for bash."""
    environ = {**os.environ, "QUTRIO_SOCKET": str(folder / "q.sock")}
    async with served(folder / "q.sock", new_scripted_node()):
        ended = await trio.run_process(
            ["/bin/bash", "-c", line], env=environ, capture_stderr=True, check=False
        )
    return ended.returncode, ended.stderr.decode()


@pytest.mark.parametrize("words", ["cluster show", "status", "--help", "-V", "check list --json"])
async def test_reader_who_leaves_early_ends_the_command_quietly(folder: Path, words: str) -> None:
    code, told = await _run(folder, f"{COMMAND} {words} | true; exit ${{PIPESTATUS[0]}}")
    assert told == ""
    assert code in {ExitCode.OK, ExitCode.ERROR}


@pytest.mark.parametrize("words", ["cluster show", "status", "--help", "-V"])
async def test_a_full_disk_is_told_in_one_sentence(folder: Path, words: str) -> None:
    code, told = await _run(folder, f"{COMMAND} {words} > /dev/full")
    assert told == "qutrio: cannot write the output: No space left on device\n"
    assert code == ExitCode.ERROR


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("status >&-", ExitCode.OK),
        ("nope 2>/dev/full", ExitCode.BAD_INPUT),
        ("nope 2>&-", ExitCode.BAD_INPUT),
        ("nope 2>&1 >/dev/full | true; exit ${PIPESTATUS[0]}", ExitCode.BAD_INPUT),
    ],
)
async def test_closed_outputs_change_no_exit_code(folder: Path, line: str, code: ExitCode) -> None:
    assert await _run(folder, f"{COMMAND} {line}") == (code, "")


async def test_a_character_that_the_terminal_lacks_is_no_error(folder: Path) -> None:
    line = f"PYTHONIOENCODING=ascii {COMMAND} check show m\u00fcnchen"
    code, told = await _run(folder, line)
    assert code == ExitCode.BAD_INPUT
    assert told.startswith("qutrio: there is no check named 'm")

"""Runs `qutrio` commands inside the test process, against a scripted node behind a real socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from attrs import frozen

from qutrio.cli.app import main
from tests.control.scripted_node import ScriptedNode, new_scripted_node, served


@frozen
class Outcome:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


@frozen
class CommandRunner:
    """Runs commands."""

    scripted: ScriptedNode
    captured: pytest.CaptureFixture[str]

    async def __call__(self, *arguments: str) -> Outcome:
        """Run one command as a person would type it."""
        self.captured.readouterr()
        code = await trio.to_thread.run_sync(main, list(arguments))
        said = self.captured.readouterr()
        return Outcome(code, said.out, said.err)


@asynccontextmanager
async def opened(
    socket: Path, patch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[str]
) -> AsyncIterator[CommandRunner]:
    """Give a runner of commands, whose node is one of two."""
    patch.setenv("QUTRIO_SOCKET", str(socket))
    scripted = new_scripted_node()
    async with served(socket, scripted):
        yield CommandRunner(scripted, captured)


async def completed(runner: CommandRunner, patch: pytest.MonkeyPatch, typed: str) -> list[str]:
    """Return what the Tab key offers after what was typed."""
    patch.setenv("_QUTRIO_COMPLETE", "complete_bash")
    patch.setenv("COMP_WORDS", typed)
    patch.setenv("COMP_CWORD", str(len(typed.split(" ")) - 1))

    def complete() -> None:
        with pytest.raises(SystemExit):
            main([])

    runner.captured.readouterr()
    await trio.to_thread.run_sync(complete)
    return runner.captured.readouterr().out.split()

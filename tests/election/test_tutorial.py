"""Runs the program of docs/elections.md as its readers do: one process per participant."""

import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import PIPE

import pytest
import trio
from attrs import define

from tests.election.test_websocket import free_ports
from tests.patience import HANG_S

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "elections.md"
LINES_MAX = 25
PATIENCE_S = HANG_S


@define
class Terminal:
    """A participant in a process of its own, and its output."""

    process: trio.Process
    said: str = ""

    async def until(self, pattern: str) -> re.Match[str]:
        """Read on until the output matches a pattern."""
        assert self.process.stdout is not None
        while (found := re.search(pattern, self.said)) is None:
            more = await self.process.stdout.receive_some()
            assert more, f"ended after {self.said!r}"
            self.said += more.decode()
        return found


def program() -> str:
    """Return the program in the section "Try it" of the page."""
    section = PAGE.read_text(encoding="utf-8").partition("## Try it")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found[1]


@asynccontextmanager
async def terminal(folder: Path, participant: str) -> AsyncIterator[Terminal]:
    process = await trio.lowlevel.open_process(
        [sys.executable, "demo.py", participant],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=PIPE,
    )
    assert process.stdout is not None
    async with process.stdout:
        try:
            yield Terminal(process)
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()


def test_the_program_is_short_enough_to_paste() -> None:
    lines = [line for line in program().splitlines() if line]
    assert len(lines) <= LINES_MAX


async def first(*terminals: Terminal) -> tuple[Terminal, int]:
    """Return the first terminal that prints that its participant leads, and the term."""
    send, receive = trio.open_memory_channel[tuple[Terminal, int]](len(terminals))

    async def watch(one: Terminal) -> None:
        found = await one.until(r"leads in term (\d+)")
        await send.send((one, int(found[1])))

    async with trio.open_nursery() as nursery:
        for one in terminals:
            nursery.start_soon(watch, one)
        leader = await receive.receive()
        nursery.cancel_scope.cancel()
    return leader


@pytest.mark.slow
async def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    text = program()
    for participant, port in free_ports("a", "b", "c").items():
        text = re.sub(rf'"{participant}": \d+', f'"{participant}": {port}', text)
    (tmp_path / "demo.py").write_text(text, encoding="utf-8")
    with trio.fail_after(PATIENCE_S):
        async with terminal(tmp_path, "a") as a, terminal(tmp_path, "b") as b:
            leader, term = await first(a, b)
            async with terminal(tmp_path, "c") as c:
                leader.process.send_signal(signal.SIGINT)
                await leader.until("bye")
                assert await leader.process.wait() == 0
                rest = [one for one in (a, b, c) if one is not leader]
                _, higher = await first(*rest)
                assert higher > term

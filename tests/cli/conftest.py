"""A door to a running cluster, and folders with paths short enough for a socket."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.cli.in_process import CommandRunner, opened


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give an empty folder with a short path."""
    with TemporaryDirectory(prefix="qutrio-") as path:
        yield Path(path)


@pytest.fixture
async def qutrio(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[CommandRunner]:
    """Give something that runs commands against two nodes of which this one leads."""
    async with opened(folder / "q.sock", monkeypatch, capsys) as door:
        yield door

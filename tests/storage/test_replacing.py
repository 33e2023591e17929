"""A file that is saved while it is replaced keeps what was saved."""

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from qutrio.storage import atomic
from qutrio.storage.regular_file import sign
from qutrio.storage.replacement import Replaced, replace_unless_saved
from tests.storage.test_mirror import COMMITTED, WRITTEN, running


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    return path


def save_when(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, save: Callable[[], object]
) -> None:
    """Save once, right before the disk is asked to flush with this function."""
    flush, left = getattr(module, name), [save]

    def flushed(*args: object) -> None:
        if left:
            left.pop()()
        flush(*args)

    monkeypatch.setattr(module, name, flushed)


def test_an_unchanged_file_is_replaced(file: Path) -> None:
    replaced = replace_unless_saved(file, b"new", sign(file))
    assert replaced == Replaced(sign(file))
    assert file.read_bytes() == b"new"
    assert [p.name for p in file.parent.iterdir()] == ["f"]


def test_a_file_saved_while_the_new_content_is_written_is_left_alone(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sign(file)
    save_when(monkeypatch, os, "fsync", lambda: file.write_bytes(b"edit"))
    assert replace_unless_saved(file, b"new", before) is None
    assert file.read_bytes() == b"edit"
    assert [p.name for p in file.parent.iterdir()] == ["f"]


def test_a_file_saved_right_after_it_was_replaced_counts_as_an_edit(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sign(file)
    save_when(monkeypatch, atomic, "sync_directory", lambda: file.write_bytes(b"edit"))
    assert replace_unless_saved(file, b"new", before) == Replaced(None)
    assert file.read_bytes() == b"edit"


def test_a_file_removed_right_after_it_was_replaced_counts_as_removed(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sign(file)
    save_when(monkeypatch, atomic, "sync_directory", file.unlink)
    assert replace_unless_saved(file, b"new", before) == Replaced(None)


@pytest.mark.slow
async def test_an_edit_saved_right_after_the_file_was_written_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was once mistaken for the node's own text, and overwritten with the next change."""

    def edit() -> None:
        path = tmp_path / "cluster.yaml"
        path.write_text(path.read_text().replace('interval: "30s"', "interval: 1m"))

    save_when(monkeypatch, atomic, "sync_directory", edit)
    async with running(tmp_path) as node:
        await node.log.wait(COMMITTED)
        await node.log.wait(WRITTEN, 2)
        assert node.document.checks[0].interval_s == 60

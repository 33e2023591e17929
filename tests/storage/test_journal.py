"""The incident journal on disk: bounded, private, tolerant of crashes, and never blocking."""

import os
import resource
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qutrio.codec.journal import encode_entry
from qutrio.errors import StorageError
from qutrio.model.ids import UnixTime
from qutrio.model.journal import Entry, Stopped
from qutrio.storage.directories import DataDirectory
from qutrio.storage.journal import FILES_MAX, LINE_BYTES_MAX, FileJournal
from tests import needs
from tests.core.journal_facts import closed, opened, started

LINES = [started(0), opened(1), closed(2)]


def journal(folder: Path, file_bytes_max: int = 10_000) -> FileJournal:
    return FileJournal(DataDirectory(folder), file_bytes_max=file_bytes_max, spare_bytes_min=0)


def numbered(number: int) -> Entry:
    return Entry(UnixTime(float(number)), Stopped())


async def test_written_lines_are_read_after_a_restart(tmp_path: Path) -> None:
    await journal(tmp_path).append(LINES[:2])
    await journal(tmp_path).append(LINES[2:])
    assert await journal(tmp_path).read() == tuple(LINES)


async def test_a_missing_journal_is_empty(tmp_path: Path) -> None:
    assert await journal(tmp_path).read() == ()
    assert list(tmp_path.iterdir()) == []


async def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    kept = journal(tmp_path)
    await kept.append(LINES)
    file = kept.files()[0]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    file.chmod(0o644)
    await kept.append(LINES)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_line_torn_by_a_crash_is_the_only_one_lost(tmp_path: Path) -> None:
    kept = journal(tmp_path)
    await kept.append(LINES)
    file = kept.files()[0]
    file.write_bytes(file.read_bytes()[:-10])
    assert await kept.read() == tuple(LINES[:2])
    await kept.append([LINES[2]])
    assert await kept.read() == tuple(LINES)


async def test_the_oldest_file_is_removed_when_the_newest_is_full(tmp_path: Path) -> None:
    size = len(encode_entry(numbered(1000)))
    kept = journal(tmp_path, file_bytes_max=10 * size)
    for number in range(1000, 1100):
        await kept.append([numbered(number)])
    read = await kept.read()
    assert read == tuple(numbered(n) for n in range(1100 - 10 * FILES_MAX, 1100))
    sizes = [file.stat().st_size for file in kept.files()]
    assert sizes == [10 * size] * FILES_MAX
    assert sorted((tmp_path / "journal").iterdir()) == sorted(kept.files())


async def test_a_batch_larger_than_a_file_is_spread_over_several(tmp_path: Path) -> None:
    size = len(encode_entry(numbered(1000)))
    kept = journal(tmp_path, file_bytes_max=10 * size)
    await kept.append([numbered(number) for number in range(1000, 1025)])
    assert await kept.read() == tuple(numbered(n) for n in range(1000, 1025))
    assert [f.stat().st_size for f in kept.files() if f.exists()] == [
        5 * size,
        10 * size,
        10 * size,
    ]


async def test_a_huge_line_is_left_out(tmp_path: Path) -> None:
    kept = journal(tmp_path)
    fact = closed(0).fact
    huge = Entry(UnixTime(0.0), fact)
    object.__setattr__(fact, "incident", "x" * LINE_BYTES_MAX)
    await kept.append([LINES[0], huge, LINES[1]])
    assert await kept.read() == tuple(LINES[:2])


async def test_the_last_bytes_of_a_disk_are_left_to_the_durable_state(tmp_path: Path) -> None:
    kept = FileJournal(DataDirectory(tmp_path), spare_bytes_min=2**62)
    with pytest.raises(StorageError, match="less than 4,611,686,018,427,387,904 bytes are free"):
        await kept.append(LINES)
    assert await kept.read() == ()


@contextmanager
def longest_file(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes, as on a full disk."""
    was = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, was[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, was)
        signal.signal(signal.SIGXFSZ, handler)


async def test_a_line_that_does_not_fit_is_removed_whole(tmp_path: Path) -> None:
    kept = journal(tmp_path)
    await kept.append(LINES[:1])
    before = kept.files()[0].read_bytes()
    with longest_file(len(before) + 20), pytest.raises(StorageError, match="cannot write to"):
        await kept.append(LINES[1:])
    assert kept.files()[0].read_bytes() == before
    await kept.append(LINES[1:])
    assert await kept.read() == tuple(LINES)


@contextmanager
def small_disk(place: Path) -> Iterator[None]:
    """Mount a disk of 16 KiB."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(place)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


@needs.root("mount a small disk")
async def test_a_disk_that_is_full_keeps_what_was_written_before(tmp_path: Path) -> None:
    with small_disk(tmp_path):
        kept = journal(tmp_path, file_bytes_max=1_000_000)
        await kept.append(LINES)
        with pytest.raises(StorageError, match="bytes are free"):
            await kept.append([opened(n) for n in range(1000)])
        assert await kept.read() == tuple(LINES)


async def test_a_place_without_write_permission_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="journal"):
        await journal(tmp_path).append(LINES)


async def test_a_journal_that_is_not_a_regular_file_is_neither_written_nor_read(
    tmp_path: Path,
) -> None:
    kept = journal(tmp_path)
    kept.files()[0].parent.mkdir()
    os.mkfifo(kept.files()[0])
    with pytest.raises(StorageError, match="not a regular file"):
        await kept.append(LINES)
    with pytest.raises(StorageError, match="not a regular file"):
        await kept.read()


async def test_a_link_is_not_followed_out_of_the_directory(tmp_path: Path) -> None:
    kept, outside = journal(tmp_path), tmp_path / "outside"
    outside.write_text("precious")
    kept.files()[0].parent.mkdir()
    kept.files()[0].symlink_to(outside)
    with pytest.raises(StorageError):
        await kept.append(LINES)
    assert outside.read_text() == "precious"

"""The journal of incidents on disk: lines of JSON, in a few files of bounded size.

No decision depends on it, so it may lose lines and must never delay the node.  It is not
flushed: a power loss may lose the last seconds.  It leaves room on the disk for the durable
state, and removes a line that could not be written whole.  A line that a crash cut off is
skipped by the reader.
"""

import os
import stat
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import trio

from qutrio.codec.journal import decode_entry, encode_entry
from qutrio.errors import StorageError
from qutrio.model.journal import Entry
from qutrio.storage.atomic import PRIVATE_MODE
from qutrio.storage.directories import DIRECTORY_MODE, DataDirectory
from qutrio.storage.regular_file import NOT_REGULAR, explain, read_regular

FILES_MAX = 4
FILE_BYTES_MAX = 4 * 1024 * 1024
LINE_BYTES_MAX = 256 * 1024
SPARE_BYTES_MIN = 4 * 1024 * 1024
"""Bytes that stay free on the disk, for the durable state."""
MEMORY_ENTRIES_MAX = 10_000
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class JournalStore(Protocol):
    """Stores the journal of a node."""

    async def append(self, entries: Sequence[Entry]) -> None:
        """Add entries; raises `StorageError` when they are lost."""
        ...

    async def read(self) -> tuple[Entry, ...]:
        """Return the entries, oldest first; raises `StorageError`."""
        ...


class FileJournal:
    """The journal in a data directory.  The newest file is `incidents.jsonl`, then `.1` to `.3`."""

    def __init__(
        self,
        directory: DataDirectory,
        *,
        file_bytes_max: int = FILE_BYTES_MAX,
        spare_bytes_min: int = SPARE_BYTES_MIN,
    ) -> None:
        """Use `directory`, which the caller has locked."""
        self._folder = directory.journal
        self._file_bytes_max = file_bytes_max
        self._spare_bytes_min = spare_bytes_min
        self._limiter = trio.CapacityLimiter(1)

    async def append(self, entries: Sequence[Entry]) -> None:
        """Write entries in a thread; raises `StorageError` when they are lost."""
        await trio.to_thread.run_sync(
            self._append, entries, limiter=self._limiter, abandon_on_cancel=True
        )

    async def read(self) -> tuple[Entry, ...]:
        """Read all files in a thread, oldest line first; raises `StorageError`."""
        return await trio.to_thread.run_sync(self._read, limiter=self._limiter)

    def files(self) -> list[Path]:
        """Return the paths of the files, the newest first."""
        older = (self._folder / f"incidents.{number}.jsonl" for number in range(1, FILES_MAX))
        return [self._folder / "incidents.jsonl", *older]

    def _append(self, entries: Sequence[Entry]) -> None:
        try:
            self._folder.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
            for text in self._portions(entries):
                self._require_room(len(text))
                self._rotate(len(text))
                _append_whole(self.files()[0], text)
        except OSError as error:
            raise StorageError(f"cannot write to {self._folder}: {explain(error)}") from None

    def _portions(self, entries: Sequence[Entry]) -> Iterator[bytes]:
        """Yield the lines of all entries in pieces that each fit into one file."""
        portion = bytearray()
        for line in map(encode_entry, entries):
            if len(line) > min(LINE_BYTES_MAX, self._file_bytes_max):
                continue
            if len(portion) + len(line) > self._file_bytes_max:
                yield bytes(portion)
                portion.clear()
            portion += line
        yield bytes(portion)

    def _require_room(self, size: int) -> None:
        disk = os.statvfs(self._folder)
        if disk.f_bavail * disk.f_frsize < size + self._spare_bytes_min:
            spare = f"{self._spare_bytes_min:,} bytes"
            raise StorageError(f"{self._folder} is not written: less than {spare} are free")

    def _rotate(self, size: int) -> None:
        newest, *_ = files = self.files()
        with suppress(FileNotFoundError):
            if newest.lstat().st_size + size <= self._file_bytes_max:
                return
        for younger, older in reversed(list(pairwise(files))):
            with suppress(FileNotFoundError):
                younger.rename(older)

    def _read(self) -> tuple[Entry, ...]:
        entries: list[Entry] = []
        for file in reversed(self.files()):
            try:
                text = read_regular(file, self._file_bytes_max + LINE_BYTES_MAX)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StorageError(f"cannot read {explain(error)}") from None
            found = (decode_entry(line) for line in text.splitlines())
            entries += (entry for entry in found if entry is not None)
        return tuple(entries)


class MemoryJournal:
    """A journal without a disk, for virtual time."""

    def __init__(self) -> None:
        """Begin empty."""
        self.entries: deque[Entry] = deque(maxlen=MEMORY_ENTRIES_MAX)

    async def append(self, entries: Sequence[Entry]) -> None:
        """Add the entries."""
        await trio.lowlevel.checkpoint()
        self.entries += entries

    async def read(self) -> tuple[Entry, ...]:
        """Return the newest entries."""
        await trio.lowlevel.checkpoint()
        return tuple(self.entries)


def _append_whole(path: Path, text: bytes) -> None:
    """Add all of `text` to a file, or nothing; raises `OSError`."""
    descriptor = os.open(path, _FLAGS, PRIVATE_MODE)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, NOT_REGULAR, str(path))
        if stat.S_IMODE(found.st_mode) != PRIVATE_MODE:
            os.fchmod(descriptor, PRIVATE_MODE)
        size = found.st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        try:
            _write_all(descriptor, b"\n" + text if torn else text)
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, text: bytes) -> None:
    rest = memoryview(text)
    while rest:
        rest = rest[os.write(descriptor, rest) :]

"""Replaces a file so that a crash at any time leaves either the old content or the new.

Without the last step, the fsync of the directory, a power loss may undo the rename.
"""

import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO, assert_never

from qutrio.storage.save_plan import (
    Create,
    Flush,
    FlushFolder,
    Remove,
    Rename,
    Step,
    leftovers,
    replacement,
)

PRIVATE_MODE = 0o600


def write_atomic(path: Path, data: bytes, mode: int = PRIVATE_MODE) -> None:
    """Write a temporary file, fsync it, rename it to `path`, and fsync the directory.

    Raises `OSError` when a step fails; no temporary file is left behind.  There must be one
    writer of a path at a time.
    """
    perform(path.parent, replacement(path.name, data), mode)


def perform(folder: Path, steps: Sequence[Step], mode: int = PRIVATE_MODE) -> None:
    """Perform steps in a folder, in order; files are created with `mode`.

    Raises `OSError` when one fails, after removing the temporary files.
    """
    with ExitStack() as files:
        fresh: dict[str, BinaryIO] = {}
        try:
            for step in steps:
                match step:
                    case Create(name, content):
                        # Flush through the descriptor that wrote: another one may not report
                        # a write error.
                        fresh[name] = files.enter_context(_create(folder / name, mode))
                        fresh[name].write(content)
                        fresh[name].flush()
                    case Flush(name):
                        os.fsync(fresh[name].fileno())
                        fresh.pop(name).close()
                    case Rename(old, new):
                        (folder / old).rename(folder / new)
                    case Remove(name):
                        (folder / name).unlink(missing_ok=True)
                    case FlushFolder():
                        sync_directory(folder)
                    case _:
                        assert_never(step)
        except BaseException:
            for left in leftovers(steps):
                with suppress(OSError):
                    (folder / left.name).unlink()
            raise


def sync_directory(path: Path) -> None:
    """Flush a directory, so that changes of its entries survive a power loss."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _create(path: Path, mode: int) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.fdopen(os.open(path, flags, mode), "wb")
    os.fchmod(file.fileno(), mode)
    return file

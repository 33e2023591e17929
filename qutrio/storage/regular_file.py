"""Reads files that other programs may have replaced: only regular files, and without waiting.

Opening a FIFO waits for a writer, in a thread that cannot be cancelled.  So files are opened
without waiting, and the type of the opened file is checked.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from qutrio.errors import plain_reason

NOT_REGULAR = "is not a regular file; move it away"
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC

Signature: TypeAlias = tuple[int, int, int, int]
"""A file's times of modification and change, its size, and its inode."""


def sign(path: Path) -> Signature | None:
    """Return a signature that changes when the file does; None when there is no file.

    Raises `OSError` for a symbolic link and for everything else that is not a regular file.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    _require_regular(found, path)
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def read_regular(path: Path, bytes_max: int, *, follow: bool = False) -> bytes:
    """Return at most `bytes_max` bytes of a file; with `follow` it may be a link.

    Raises `OSError` when it is not a regular file.
    """
    with _opened(path, 0 if follow else os.O_NOFOLLOW) as descriptor:
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(bytes_max)


def make_private(path: Path, mode: int) -> None:
    """Set the mode of a file that an editor may have created with a wider one."""
    with _opened(path, os.O_NOFOLLOW) as descriptor:
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
            os.fchmod(descriptor, mode)


def explain(error: OSError) -> str:
    """Return an error of the system for people, without its number."""
    words = plain_reason(error)
    return f"{error.filename}: {words}" if error.filename else words


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, _FLAGS | flags)
    try:
        _require_regular(os.fstat(descriptor), path)
        yield descriptor
    finally:
        os.close(descriptor)


def _require_regular(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, NOT_REGULAR, str(path))

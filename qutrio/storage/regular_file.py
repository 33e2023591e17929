"""Files that anybody may have put in their place: only regular ones are read, without waiting.

Opening a FIFO waits for a writer, in a thread that nothing can end; so the type is asked first,
and once more of what was opened.
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
"""Of a file: when it was modified and changed, its size, its inode."""


def sign(path: Path) -> Signature | None:
    """Return what changes when the file does; None when there is none.

    Raises `OSError` for a symbolic link and everything else that is not a regular file.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    _require_regular(found, path)
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def read_regular(path: Path, bytes_max: int, *, follow: bool = False) -> bytes:
    """Return at most `bytes_max` bytes of a file; `follow` tells whether it may be a link.

    Raises `OSError` for what is not a regular file.
    """
    with _opened(path, 0 if follow else os.O_NOFOLLOW) as descriptor:
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(bytes_max)


def close_to_others(path: Path, mode: int) -> None:
    """Take back what an editor that makes a new file lets others do with it."""
    with _opened(path, os.O_NOFOLLOW) as descriptor:
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
            os.fchmod(descriptor, mode)


def explain(error: OSError) -> str:
    """Return in plain words what the system refused, without the number."""
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

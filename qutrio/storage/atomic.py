"""Replace a file so that a crash at any moment leaves the old content or the new, whole.

Without the last step, the directory's own fsync, the new name is lost with the power.
"""

import os
from contextlib import suppress
from pathlib import Path

PRIVATE_MODE = 0o600


def write_atomic(path: Path, data: bytes, mode: int = PRIVATE_MODE) -> None:
    """Write a temporary file, fsync it, rename it to `path`, and fsync the directory.

    Raises `OSError` when any of that fails; nothing but the file itself is left behind.  There
    must be one writer of a path at a time.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    with suppress(FileNotFoundError):
        temporary.unlink()  # a crash left it
    try:
        _write_synced(temporary, data, mode)
        temporary.rename(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make what was created, renamed or removed in a directory survive a power loss."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_synced(path: Path, data: bytes, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())

"""The lock that lets one process at a time use a data directory."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qutrio.errors import DataDirectoryError, plain_reason
from qutrio.storage.directories import DataDirectory

PID_CHARS_MAX = 20
WRITABLE_BY_OTHERS = 0o022


@contextmanager
def lock_directory(directory: DataDirectory) -> Iterator[None]:
    """Hold the data directory's lock; the kernel frees it whenever the process ends.

    Raises `DataDirectoryError` when there is no such directory, when other users may write to
    it, or when another process holds the lock.
    """
    for folder in (directory.root, directory.state, directory.key_file.parent):
        _require_own(folder)
    descriptor = _open(directory)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataDirectoryError(_taken(directory, descriptor)) from None
        with suppress(OSError):  # on a full disk the pid is not written, but the lock holds
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _require_own(folder: Path) -> None:
    """Refuse a folder in which other users could replace the key or the state."""
    try:
        found = folder.stat()
    except OSError:
        return  # the code that needs the folder reports it
    mode = stat.S_IMODE(found.st_mode)
    if mode & WRITABLE_BY_OTHERS:
        problem = f"{folder} can be written by others (mode {mode:o}); run 'chmod 700 {folder}'"
        raise DataDirectoryError(problem)


def _open(directory: DataDirectory) -> int:
    """Open the lock file, which is never removed: removing it would let two processes in."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(directory.lock_file, flags, 0o600)
    except FileNotFoundError:
        problem = f"{directory.root} does not exist; run 'qutrio init' first"
    except OSError as error:
        problem = f"cannot open {directory.lock_file}: {plain_reason(error)}"
    raise DataDirectoryError(problem)


def _taken(directory: DataDirectory, descriptor: int) -> str:
    pid = os.pread(descriptor, PID_CHARS_MAX, 0).decode("ascii", "replace").strip()
    holder = f"process {pid}" if pid.isdigit() else "another process"
    return f"{directory.root} is in use by {holder}; stop that qutrio first"

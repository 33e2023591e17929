"""One process at a time works on a data directory."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from qutrio.errors import DataDirectoryError
from qutrio.storage.places import DataDirectory

PID_CHARS_MAX = 20


@contextmanager
def lock_directory(directory: DataDirectory) -> Iterator[None]:
    """Hold the data directory's lock; the kernel frees it when the process ends, however.

    Raises `DataDirectoryError` when there is no such directory, or another process holds it.
    """
    descriptor = _open(directory)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataDirectoryError(_taken(directory, descriptor)) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _open(directory: DataDirectory) -> int:
    """Open the lock file, which stays for ever: removing it would let two processes in."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(directory.lock_file, flags, 0o600)
    except FileNotFoundError:
        problem = f"{directory.root} does not exist; run 'qutrio init' first"
    except OSError as error:
        problem = f"cannot open {directory.lock_file}: {error.strerror}"
    raise DataDirectoryError(problem)


def _taken(directory: DataDirectory, descriptor: int) -> str:
    pid = os.pread(descriptor, PID_CHARS_MAX, 0).decode("ascii", "replace").strip()
    holder = f"process {pid}" if pid.isdigit() else "another process"
    return f"{directory.root} is in use by {holder}; stop that qutrio first"

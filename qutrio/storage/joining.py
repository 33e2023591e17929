"""The mark of a data directory that is to join a cluster; without joining it must not start."""

from contextlib import suppress

from qutrio.errors import DataDirectoryError, StorageError, plain_reason
from qutrio.storage.atomic import sync_directory, write_atomic
from qutrio.storage.directories import DataDirectory

CLUSTER_CHARS_MAX = 64
_NOTE = "# 'qutrio enroll join' has not finished here.  The cluster that was to be joined:\n"


def remember_joining(directory: DataDirectory, cluster_id: str) -> None:
    """Record that this node is to join a cluster; raises `StorageError`."""
    try:
        write_atomic(directory.joining_file, f"{_NOTE}{cluster_id[:CLUSTER_CHARS_MAX]}\n".encode())
    except OSError as error:
        problem = f"cannot write {directory.joining_file}: {plain_reason(error)}"
        raise StorageError(problem) from None


def forget_joining(directory: DataDirectory) -> None:
    """Record that the node has joined, or is to stay alone; raises `StorageError`."""
    try:
        directory.joining_file.unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            sync_directory(directory.root)
    except OSError as error:
        problem = f"cannot remove {directory.joining_file}: {plain_reason(error)}"
        raise StorageError(problem) from None


def require_joined(directory: DataDirectory) -> None:
    """Raise `DataDirectoryError` when this node was to join a cluster and has not."""
    try:
        unfinished = directory.joining_file.exists()
    except OSError:  # the next access to the directory reports why it cannot be read
        return
    if unfinished:
        raise DataDirectoryError(
            f"{directory.root} was meant to join a cluster, and 'qutrio enroll join' has not"
            " finished; run it again, or run 'qutrio serve --alone' to make it a cluster of its own"
        )

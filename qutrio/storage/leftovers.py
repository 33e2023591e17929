"""Finds whether a node was set up in a data directory, and which of its files are missing."""

import re
from contextlib import suppress
from pathlib import Path

from qutrio.codec.stable import is_document_name
from qutrio.errors import DataDirectoryError
from qutrio.storage.atomic import sync_directory
from qutrio.storage.directories import DataDirectory

_TEMPORARY = re.compile(
    r"\.(?:document-[0-9]+-[0-9]+-[0-9a-f]+\.json|(?:state|mirror)\.json"
    r"|(?:cluster|node)\.yaml|cluster\.yaml\.refused-[0-9]+|node\.(?:key|crt)|setting-up|joining)\.tmp"
)
"""The names that `write_atomic` gives to our files while it writes them."""


def can_set_up(directory: DataDirectory) -> bool:
    """Return whether a node can be set up here: there is none, or `init` has not finished.

    Files of a node without the mark of an unfinished `init` are never set up again: a node
    that keeps its key and loses its promise could grant its vote twice.
    """
    if directory.state_file.exists():
        return False
    return directory.unfinished_file.exists() or not _any_remains(directory)


def refuse_second_setup(directory: DataDirectory) -> None:
    """Raise `DataDirectoryError` unless the directory is `can_set_up`."""
    if can_set_up(directory):
        return
    for path in _expected(directory):
        if not path.exists():
            raise missing(directory, path)
    raise DataDirectoryError(
        f"{directory.root} is set up already; run 'qutrio serve', or choose another"
        " directory with QUTRIO_DIR"
    )


def missing(directory: DataDirectory, path: Path) -> DataDirectoryError:
    """Return the error for a missing file of a node: which file, and what to do."""
    if can_set_up(directory):
        return DataDirectoryError(f"{directory.root} is not set up; run 'qutrio init' first")
    restore = "" if path == directory.state_file else "restore it from a backup, or "
    return DataDirectoryError(
        f"{path} is missing, although a node was set up in {directory.root}; {restore}start over:"
        " remove this node on another one ('qutrio node remove'), remove"
        " the directory, and join again with 'qutrio enroll join'"
    )


def tidy(directory: DataDirectory) -> None:
    """Remove files that a crash left behind; failed removals are tried at the next start.

    The caller holds the directory's lock, so that no other process is writing these files.
    """
    for folder in (directory.root, directory.state, directory.key_file.parent):
        with suppress(OSError):
            for path in folder.iterdir():
                if _TEMPORARY.fullmatch(path.name) and (path.is_file() or path.is_symlink()):
                    path.unlink()
    if directory.state_file.exists():
        with suppress(OSError):
            directory.unfinished_file.unlink()
            sync_directory(directory.root)


def _any_remains(directory: DataDirectory) -> bool:
    files = (directory.cluster_file, *_expected(directory), *_key_files(directory))
    return any(file.exists() for file in files) or _documents_exist(directory.state)


def _documents_exist(folder: Path) -> bool:
    with suppress(OSError):
        return any(is_document_name(path.name) for path in folder.iterdir())
    return False


def _expected(directory: DataDirectory) -> tuple[Path, ...]:
    """Return the files that a node has; with systemd, the key files may be elsewhere."""
    keys = _key_files(directory)
    ours = keys if any(key.exists() for key in keys) else ()
    return (directory.state_file, directory.node_file, *ours)


def _key_files(directory: DataDirectory) -> tuple[Path, ...]:
    return (directory.key_file, directory.certificate_file)

"""Reads and changes node.yaml in a data directory; every error has one sentence."""

from collections.abc import Mapping

from qutrio.codec.node_yaml import NodeFile, amend, parse
from qutrio.codec.yaml_text import YAML_BYTES_MAX
from qutrio.errors import DataDirectoryError, StorageError, plain_reason
from qutrio.storage.atomic import write_atomic
from qutrio.storage.directories import DataDirectory
from qutrio.storage.leftovers import missing
from qutrio.storage.regular_file import explain, read_regular


def load_node_file(directory: DataDirectory) -> NodeFile:
    """Return this node's own settings; raises a `QutrioError` that says what is wrong."""
    return parse(_text(directory), str(directory.node_file))


def amend_node_file(directory: DataDirectory, changes: Mapping[str, object]) -> NodeFile:
    """Change some fields of node.yaml, and return the new settings.

    The caller holds the directory's lock.  Raises a `QutrioError` that says what is wrong.
    """
    path = directory.node_file
    text = _text(directory)
    node = parse(text, str(path))
    wanted = {name: value for name, value in changes.items() if getattr(node, name) != value}
    if not wanted:
        return node
    if path.is_symlink():
        lines = ", ".join(f"{name}: {value}" for name, value in wanted.items())
        raise DataDirectoryError(f"{path} is a link and is not written; set in it: {lines}")
    changed = amend(text, wanted, str(path))
    try:
        write_atomic(path, changed.encode())
    except OSError as error:
        raise StorageError(f"cannot write {path}: {plain_reason(error)}") from None
    return parse(changed, str(path))


def _text(directory: DataDirectory) -> str:
    path = directory.node_file
    try:
        return read_regular(path, YAML_BYTES_MAX + 1, follow=True).decode("utf-8")
    except FileNotFoundError:
        raise missing(directory, path) from None
    except OSError as error:
        raise DataDirectoryError(f"cannot read {explain(error)}") from None
    except UnicodeDecodeError:
        problem = f"{path} is not UTF-8 text; correct it, or restore it from a backup"
        raise DataDirectoryError(problem) from None

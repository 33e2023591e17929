"""Reads node.yaml from a data directory; every fault becomes one sentence."""

from qutrio.codec.node_yaml import NodeFile, parse
from qutrio.codec.yaml_text import YAML_BYTES_MAX
from qutrio.errors import DataDirectoryError
from qutrio.storage.places import DataDirectory
from qutrio.storage.regular_file import explain, read_regular
from qutrio.storage.remains import missing


def load_node_file(directory: DataDirectory) -> NodeFile:
    """Return this node's own settings; raises a `QutrioError` that names the fault."""
    path = directory.node_file
    try:
        text = read_regular(path, YAML_BYTES_MAX + 1, follow=True).decode("utf-8")
    except FileNotFoundError:
        raise missing(directory, path) from None
    except OSError as error:
        raise DataDirectoryError(f"cannot read {explain(error)}") from None
    except UnicodeDecodeError:
        problem = f"{path} is not UTF-8 text; correct it, or restore it from a backup"
        raise DataDirectoryError(problem) from None
    return parse(text, str(path))

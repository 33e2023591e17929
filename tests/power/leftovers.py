"""Check a data directory after a power cut: every file is known and readable."""

import json
from pathlib import Path

from qutrio.codec.cluster_yaml import is_whole
from qutrio.codec.cluster_yaml import parse as parse_cluster
from qutrio.codec.document import from_json
from qutrio.codec.node_yaml import parse as parse_node
from qutrio.codec.stable import is_document_name
from qutrio.model.stable import Stable
from qutrio.storage.directories import DataDirectory
from qutrio.storage.keys import load_identity
from qutrio.storage.store import Store
from tests.power.writers import Found

UNSYNCED = "unsynced-"
FREE = ("journal", "keys", "lock", "lost+found", UNSYNCED)
"""How the names begin of what is not looked at here: keys are, elsewhere; the rest may be lost."""


def read_everything(root: Path) -> Stable:
    """Return the state; fail for a file that is damaged or unknown."""
    directory = DataDirectory(root)
    stable = Store(directory).load()
    load_identity(directory)
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        if not path.relative_to(root).parts[0].startswith(FREE):
            _read(path)
    return stable


def checks_in(stable: Stable) -> Found:
    """Return the addresses of the accepted document by the name of their check."""
    return {c.name: c.target for c in stable.accepted.document.checks}


def _read(path: Path) -> None:
    name = path.name
    if name.startswith(".") and name.endswith(".tmp"):
        return  # a write that had not been finished; the next start removes it
    text = path.read_text()
    if is_document_name(name):
        from_json(text.encode(), str(path))
    elif name in {"state.json", "mirror.json"}:
        json.loads(text)
    elif name == "cluster.yaml":
        assert is_whole(text), f"{path} is cut off"
        parse_cluster(text, str(path))
    elif name == "node.yaml":
        parse_node(text, str(path))
    else:
        raise AssertionError(f"nobody knows {path}")

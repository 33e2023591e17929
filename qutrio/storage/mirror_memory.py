"""Stores what this node last wrote to cluster.yaml, to find edits made while it was stopped."""

from hashlib import sha256
from pathlib import Path

from attrs import frozen

from qutrio.codec.document import canonical, from_json, loads, to_json
from qutrio.errors import QutrioError
from qutrio.model.document import ClusterDocument
from qutrio.storage.atomic import write_atomic


@frozen
class Memory:
    """The digest of the text that we wrote, and the document that it describes."""

    text_digest: str
    document: ClusterDocument


def digest_of(content: bytes) -> str:
    """Return the hexadecimal SHA-256 of a file's content."""
    return sha256(content).hexdigest()


def remember(path: Path, memory: Memory) -> None:
    """Write the memory to `path`; raises `OSError`."""
    document = loads(to_json(memory.document), str(path))
    write_atomic(path, canonical({"text": memory.text_digest, "document": document}))


def recall(path: Path) -> Memory | None:
    """Read the memory; None when there is none, or it cannot be read: it may be lost."""
    try:
        data = loads(path.read_bytes(), str(path))
        return Memory(str(data["text"]), from_json(canonical(data["document"])))
    except (OSError, QutrioError, KeyError, TypeError):
        return None

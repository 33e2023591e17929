"""The replicated document as canonical JSON: equal documents give equal bytes on every node."""

from hashlib import sha256
from typing import Any

import orjson

from qutrio.codec.converter import structure
from qutrio.codec.items import ItemEncoder
from qutrio.errors import InvalidDocumentError
from qutrio.model.document import ClusterDocument


def to_json(document: ClusterDocument) -> bytes:
    """Return the canonical JSON: keys sorted, no spaces, every field written out."""
    return canonical(_DOCUMENTS.plain(document))


def from_json(data: bytes, source: str = "cluster document") -> ClusterDocument:
    """Read what `to_json` of this or another version wrote.

    Raises, with a message that begins with `source`, `InvalidDocumentError` for data that is no
    document, and `UnsupportedVersionError` for a name that only a newer version knows.
    """
    return structure(loads(data, source), ClusterDocument, source)


def digest(document: ClusterDocument) -> str:
    """Return the hexadecimal SHA-256 of the canonical JSON: equal on nodes that agree."""
    return sha256(to_json(document)).hexdigest()


def canonical(data: object) -> bytes:
    """Return plain JSON data as bytes, always the same for equal data.

    Raises `InvalidDocumentError` for what has no JSON, such as a number beyond 64 bits.
    """
    try:
        return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise InvalidDocumentError(f"cannot be written as JSON: {error}") from None


_DOCUMENTS = ItemEncoder(canonical)


def loads(data: bytes, source: str) -> Any:
    """Parse JSON; raises `InvalidDocumentError` with a message that begins with `source`."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InvalidDocumentError(f"{source}: is not JSON: {error}") from None

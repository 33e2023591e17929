"""Entries of the incident journal as lines of JSON: the time, the `kind` of fact, its fields."""

from collections.abc import Callable
from typing import Any, Final, get_args

import orjson

from qutrio.codec.converter import CONVERTER, INVALID, Data, structure, union_hooks
from qutrio.errors import QutrioError
from qutrio.model.ids import UnixTime
from qutrio.model.journal import Entry, Fact

_HOOKS: Final = union_hooks(CONVERTER, get_args(Fact), None)
_READ: Final[Callable[[Any, Any], Fact]] = _HOOKS[0]
_WRITE: Final[Callable[[Fact], Data]] = _HOOKS[1]


def entry_to_plain(entry: Entry) -> Data:
    """Return an entry as plain JSON data."""
    return {"at_unix": entry.at_unix, **_WRITE(entry.fact)}


def encode_entry(entry: Entry) -> bytes:
    """Return the line of an entry, including its newline."""
    return orjson.dumps(entry_to_plain(entry)) + b"\n"


def decode_entry(line: bytes) -> Entry | None:
    """Return the entry of a line; None if the line is torn or written by a newer version."""
    try:
        data = orjson.loads(line)
        fact = _READ(data, Fact)
        return Entry(UnixTime(structure(data.get("at_unix"), float, "at_unix")), fact)
    except (QutrioError, *INVALID):
        return None

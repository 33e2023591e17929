"""Messages between nodes as bytes: one JSON object each, its `kind` names the message."""

from collections.abc import Callable
from typing import Any, Final, get_args

import orjson

from qutrio.codec.converter import CONVERTER, INVALID, problem, union_hooks
from qutrio.codec.frequent import read_frequent, write_frequent
from qutrio.core.messages import Message
from qutrio.errors import InvalidDocumentError, UnsupportedVersionError

WIRE_VERSION = 1
"""What two nodes must have in common to talk; spoken once, when a link opens."""

_HOOKS: Final = union_hooks(CONVERTER, get_args(Message), None)
_READ: Final[Callable[[Any, Any], Message]] = _HOOKS[0]
_WRITE: Final[Callable[[Message], dict[str, Any]]] = _HOOKS[1]


def encode(message: Message) -> bytes:
    """Return the bytes of a message."""
    return orjson.dumps(write_frequent(message) or _WRITE(message))


def decode(data: bytes) -> Message | None:
    """Return the message, or None when it says something that only a newer version knows.

    Raises `InvalidDocumentError` for anything that no version of the program would send.
    """
    try:
        plain = orjson.loads(data)
        return read_frequent(plain) or _READ(plain, Message)
    except UnsupportedVersionError:
        return None
    except INVALID as error:
        raise InvalidDocumentError(f"not a message: {problem(error)}") from None

"""What a new or edited item may be before it is committed: its id, and how much text it holds.

Not rules of the values themselves: a document of an earlier version may break them, and must be
readable, so that whatever is too long in it can be removed.
"""

from enum import Enum
from functools import cache
from typing import Any, Protocol

import attrs

from qutrio.errors import InvalidValueError
from qutrio.model.rules import require_id

ITEM_CHARS_MAX = 128 * 1024
"""All text of a check or channel; every node sends and stores it with each change of the whole."""
MEMBER_CHARS_MAX = 32 * 1024
"""All text of an invitation or a member, with its certificate."""
_NO_TEXT = (bool, int, float)


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


def require_fit(item: _Identified, was: _Identified | None, chars_max: int) -> None:
    """Raise `InvalidValueError` for an id or a length that no item may get.

    What `was` had already is accepted, so that its other fields can be edited.
    """
    if was is None:
        require_id("id", item.id)
    chars = text_chars(item)
    if chars > chars_max and (was is None or chars > text_chars(was)):
        problem = f"with all its fields it is {chars} characters long; at most {chars_max}"
        raise InvalidValueError("id", problem)


def text_chars(value: Any) -> int:
    """Return how many characters all the text in a value has."""
    if type(value) is str:
        return len(value)
    if isinstance(value, tuple):
        return sum([text_chars(part) for part in value])
    cls: Any = type(value)
    if isinstance(value, Enum) or not attrs.has(cls):
        return 0
    texts = [getattr(value, name) for name in _texts(cls)]
    return sum([len(t) if type(t) is str else text_chars(t) for t in texts if t])


@cache
def _texts(cls: Any) -> tuple[str, ...]:
    """Return the fields of a class that can hold text."""
    return tuple(a.name for a in attrs.fields(cls) if a.type not in _NO_TEXT)

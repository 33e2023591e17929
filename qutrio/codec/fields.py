"""Readers and writers of single fields in the form that people write.

A reader takes the plain value and the name of its field, and raises `InvalidValueError`.
"""

import re
from collections.abc import Callable
from enum import Enum
from math import isfinite
from typing import Any, TypeAlias

from qutrio.codec.duration import parse_duration
from qutrio.errors import InvalidValueError
from qutrio.model.checks import StatusRange
from qutrio.model.rules import shown

_SIZE = re.compile(r"([0-9]{1,15})(?:\.0)? ?(B|KiB|MiB|kB|KB|MB)?")
_UNITS = {"B": 1, "kB": 1000, "KB": 1000, "KiB": 1024, "MB": 1000**2, "MiB": 1024**2}
_RANGE = re.compile(r"([0-9]{3})(?:-([0-9]{3}))?")

WHOLE_END = 2.0**63
"""Whole numbers from here on are read as floats."""

Read: TypeAlias = Callable[[object, str], Any]
Write: TypeAlias = Callable[[Any], object]


def text(value: object, field: str) -> str:
    """Read text."""
    if not isinstance(value, str):
        hint = "" if isinstance(value, dict | list) or value is None else "; put it in quotes"
        raise InvalidValueError(field, f"{shown(value)} is not text{hint}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidValueError(field, "holds half of a character; write it again") from None
    return value


def hidden_text(value: object, field: str) -> str:
    """Read text that may be a secret; errors do not quote it."""
    if not isinstance(value, str):
        hint = "" if isinstance(value, dict | list) or value is None else "; put it in quotes"
        raise InvalidValueError(field, f"{kind_of(value)} is not text{hint}")
    return text(value, field)


def kind_of(value: object) -> str:
    """Return the type of a value in words, for messages that must not quote it."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list() | tuple():
            return "a list"
        case _:
            return "a mapping"


def texts(value: object, field: str) -> tuple[str, ...]:
    """Read a list of texts, or one text alone."""
    if isinstance(value, str):
        return (text(value, field),)
    if not isinstance(value, list | tuple):
        raise InvalidValueError(field, f"{shown(value)} is not a list of texts")
    return tuple(text(item, field) for item in value)


def listed(value: object, field: str) -> tuple[str, ...]:
    """Read a list of texts without commas, or one text that commas separate."""
    if isinstance(value, str):
        return tuple(part.strip() for part in text(value, field).split(",") if part.strip())
    return texts(value, field)


def whole(value: object, field: str) -> int:
    """Read a whole number."""
    if isinstance(value, float) and abs(value) >= WHOLE_END:  # JSON has it as a float
        raise InvalidValueError(field, f"{shown(value)} is too large")
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidValueError(field, f"{shown(value)} is not a whole number")
    return value


def number(value: object, field: str) -> float:
    """Read a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidValueError(field, f"{shown(value)} is not a number")
    try:
        real = float(value)
    except OverflowError:
        real = float("inf")
    if not isfinite(real):
        raise InvalidValueError(field, f"{shown(value)} is too large")
    return real


def flag(value: object, field: str) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise InvalidValueError(field, f"{shown(value)} is neither true nor false")
    return value


def optional(read: Read) -> Read:
    """Return a reader that also accepts null, and returns None for it."""
    return lambda value, field: None if value is None else read(value, field)


def choice(vocabulary: type[Enum]) -> Read:
    """Return a reader of the words of an enum, in any letter case."""

    def read(value: object, field: str) -> Enum:
        word = value if isinstance(value, bool) else str(value).lower()
        for member in vocabulary:
            if member.value == word:
                return member
        words = ", ".join(str(member.value) for member in vocabulary)
        raise InvalidValueError(field, f"{shown(value)} is not one of {words}")

    return read


def duration(value: object, field: str) -> float:
    """Read a duration, in seconds."""
    return parse_duration(value, field)


def size(value: object, field: str) -> int:
    """Read a number of bytes: `1MiB`, `64KiB`, or a whole number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and (found := _SIZE.fullmatch(value.strip())):
        return int(found[1]) * _UNITS[found[2] or "B"]
    raise InvalidValueError(field, f"{shown(value)} is not a size such as 64KiB, 1MiB or 2000")


def format_size(count: int) -> int | str:
    """Return the shortest form that `size` reads as `count` bytes."""
    for unit in ("MiB", "KiB"):
        if count and count % _UNITS[unit] == 0:
            return f"{count // _UNITS[unit]}{unit}"
    return count


def status_ranges(value: object, field: str) -> tuple[StatusRange, ...]:
    """Read HTTP status codes and ranges: `[200, "300-399"]`, or a single one."""
    items = value if isinstance(value, list | tuple) else [value]
    return tuple(_status_range(item, field) for item in items)


def format_status_ranges(ranges: tuple[StatusRange, ...]) -> list[int | str]:
    """Return ranges in the form that `status_ranges` reads."""
    return [r.low if r.low == r.high else f"{r.low}-{r.high}" for r in ranges]


def headers(value: object, field: str) -> tuple[tuple[str, str], ...]:
    """Read headers: a mapping of names to values, or a list of [name, value]."""
    if isinstance(value, dict):
        pairs: list[object] = [list(pair) for pair in value.items()]
    elif isinstance(value, list | tuple):
        pairs = list(value)
    else:
        problem = f"{kind_of(value)} is not a mapping of names to values"
        raise InvalidValueError(field, problem)
    return tuple(_header(pair, field) for pair in pairs)


def format_headers(pairs: tuple[tuple[str, str], ...]) -> object:
    """Return a mapping, or a list of pairs when a name occurs twice."""
    mapping = dict(pairs)
    return mapping if len(mapping) == len(pairs) else [list(pair) for pair in pairs]


def _header(pair: object, field: str) -> tuple[str, str]:
    if not isinstance(pair, list | tuple) or len(pair) != 2:  # noqa: PLR2004 - name and value
        raise InvalidValueError(field, f"{kind_of(pair)} is not a pair of name and value")
    return hidden_text(pair[0], field), hidden_text(pair[1], field)


def _status_range(value: object, field: str) -> StatusRange:
    found = _RANGE.fullmatch(str(value).replace(" ", ""))
    if isinstance(value, bool) or found is None:
        raise InvalidValueError(field, f"{shown(value)} is not a status such as 200 or '200-299'")
    try:
        return StatusRange(int(found[1]), int(found[2] or found[1]))
    except InvalidValueError as error:
        raise InvalidValueError(field, error.problem) from None

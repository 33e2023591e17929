"""Rules that single fields obey, as attrs validators that raise `InvalidValueError`."""

import re
from collections.abc import Callable
from typing import Any

from qutrio.errors import InvalidValueError

NAME_CHARS_MAX = 64
TEXT_CHARS_MAX = 4096
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

Rule = Callable[[Any, Any, Any], None]


def is_name(_: object, attribute: Any, value: str) -> None:
    """Accept what a person can type in a shell without quotes."""
    if len(value) > NAME_CHARS_MAX or not _NAME.fullmatch(value):
        problem = (
            f"{value[:80]!r} is not a name: use letters, digits, '.', '_' and '-', "
            f"beginning with a letter or digit, at most {NAME_CHARS_MAX} characters"
        )
        raise InvalidValueError(attribute.name, problem)


def is_text(_: object, attribute: Any, value: str) -> None:
    """Accept a line of text of bounded length."""
    if len(value) > TEXT_CHARS_MAX or any(c in value for c in "\r\n\0"):
        problem = f"must be one line of at most {TEXT_CHARS_MAX} characters"
        raise InvalidValueError(attribute.name, problem)


def between(low: float, high: float, unit: str = "") -> Rule:
    """Return a rule that accepts `low <= value <= high`."""

    def rule(_: object, attribute: Any, value: float) -> None:
        if not low <= value <= high:
            problem = f"{value:g}{unit} is out of range: {low:g}{unit} to {high:g}{unit}"
            raise InvalidValueError(attribute.name, problem)

    return rule


def one_of(*words: str) -> Rule:
    """Return a rule that accepts these words only."""

    def rule(_: object, attribute: Any, value: str) -> None:
        if value not in words:
            problem = f"{value[:80]!r} is not one of: {', '.join(words)}"
            raise InvalidValueError(attribute.name, problem)

    return rule


def at_most(count: int) -> Rule:
    """Return a rule that accepts collections and strings of at most `count` elements."""

    def rule(_: object, attribute: Any, value: Any) -> None:
        if value is not None and len(value) > count:
            raise InvalidValueError(attribute.name, f"has {len(value)} elements; at most {count}")

    return rule


def require(condition: bool, field: str, problem: str) -> None:  # noqa: FBT001 - reads as a rule
    """Raise `InvalidValueError` for `field` unless the condition holds."""
    if not condition:
        raise InvalidValueError(field, problem)

"""Rules that single fields obey, as attrs validators that raise `InvalidValueError`."""

import re
from collections.abc import Callable
from math import isfinite
from typing import Any

from qutrio.errors import InvalidValueError
from qutrio.model.durations import format_duration

NAME_CHARS_MAX = 64
TEXT_CHARS_MAX = 4096
SHOWN_CHARS_MAX = 60
KIB = 1024
MASK = "********"
"""What stands for a value that is not shown."""

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
    """Return a rule that accepts `low <= value <= high`; `unit` is "s", "B" or none."""

    def rule(_: object, attribute: Any, value: float) -> None:
        if not low <= value <= high:
            span = f"{quantity(low, unit)} to {quantity(high, unit)}"
            problem = f"{quantity(value, unit)} is out of range: {span}"
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
    """Return a rule that accepts collections of at most `count` items, and strings as long."""

    def rule(_: object, attribute: Any, value: Any) -> None:
        if value is None or len(value) <= count:
            return
        holds = f"is {len(value)} characters long" if isinstance(value, str) else ""
        holds = holds or f"holds {len(value)} of them"
        raise InvalidValueError(attribute.name, f"{holds}; at most {count}")

    return rule


def require_filled(value: str | None, field: str) -> None:
    """Refuse a text that is there and empty, as from a variable of a shell that is not set."""
    problem = f"is empty; give a value, or none at all (an edit takes it away with --unset {field})"
    require(value != "", field, problem)


def require_login(user_field: str, password_field: str, user: object, password: object) -> None:
    """Refuse a user without a password, and a password without a user."""
    if (user is None) == (password is None):
        return
    missing, there = (user_field, "password") if user is None else (password_field, "user")
    options = ", ".join(f"--{name.replace('_', '-')}" for name in (user_field, password_field))
    problem = f"is missing, although there is a {there}; give both ({options}) or neither"
    raise InvalidValueError(missing, problem)


def shown(value: object) -> str:
    """Return a value as it may appear in a message: quoted, on one line, not too long."""
    text = repr(value)
    if len(text) <= SHOWN_CHARS_MAX:
        return text
    end = text[-1] if isinstance(value, str) else ""
    return f"{text[: SHOWN_CHARS_MAX - 3 - len(end)]}...{end}"


def quantity(value: float, unit: str) -> str:
    """Return a number with its unit as a person writes it: `1d`, `16MiB`, `70000`."""
    if not isfinite(value) or value < 0:
        return f"{value:g}{unit}"
    if unit == "s":
        return format_duration(value)
    if unit == "B":
        return format_size(int(value))
    return f"{value:.10g}"


def format_size(count: int) -> str:
    """Return a number of bytes with the largest unit that divides it."""
    for unit, size in (("MiB", KIB * KIB), ("KiB", KIB)):
        if count and count % size == 0:
            return f"{count // size}{unit}"
    return f"{count}B"


def require(condition: bool, field: str, problem: str) -> None:  # noqa: FBT001 - reads as a rule
    """Raise `InvalidValueError` for `field` unless the condition holds."""
    if not condition:
        raise InvalidValueError(field, problem)

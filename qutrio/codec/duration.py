"""Reads durations: `90s`, `1m30s`, `2h`, `500ms`, or a number of seconds."""

import re

from qutrio.errors import InvalidValueError
from qutrio.model.ids import Seconds
from qutrio.model.rules import shown

DURATION_CHARS_MAX = 400
DURATION_S_MAX = 1e12
_NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
_PARTS = re.compile(
    rf"(?:{_NUMBER}d)?(?:{_NUMBER}h)?(?:{_NUMBER}m(?!s))?(?:{_NUMBER}s)?(?:{_NUMBER}ms)?"
)
_BARE = re.compile(_NUMBER)


def parse_duration(value: object, field: str = "duration") -> Seconds:
    """Return the seconds that `value` means: text with units, or a bare number of seconds.

    Raises `InvalidValueError` for `field` otherwise.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        if 0 <= value <= DURATION_S_MAX:
            return float(value)
    elif isinstance(value, str) and 0 < len(value.strip()) <= DURATION_CHARS_MAX:
        text = value.strip()
        if _BARE.fullmatch(text):
            return float(text)
        if found := _PARTS.fullmatch(text):
            return _total(*found.groups())
    problem = f"{shown(value)} is not a duration such as 30s, 1m30s, 2h or 500ms"
    raise InvalidValueError(field, problem)


def _total(*numbers: str | None) -> Seconds:
    days, hours, minutes, seconds, milliseconds = (float(n or 0) for n in numbers)
    return days * 86_400 + hours * 3600 + minutes * 60 + seconds + milliseconds / 1000

"""Spans of time as a person writes them: `90s`, `1m30s`, `2h`, `500ms`, or a number of seconds."""

import re
from decimal import Decimal

from qutrio.errors import InvalidValueError
from qutrio.model.ids import Seconds

DURATION_CHARS_MAX = 400
DURATION_S_MAX = 1e12
SHOWN_CHARS_MAX = 60
_NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
_PARTS = re.compile(
    rf"(?:{_NUMBER}d)?(?:{_NUMBER}h)?(?:{_NUMBER}m(?!s))?(?:{_NUMBER}s)?(?:{_NUMBER}ms)?"
)
_BARE = re.compile(_NUMBER)
_WHOLE_UNITS = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


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
    shown = repr(value)
    shown = shown if len(shown) <= SHOWN_CHARS_MAX else shown[: SHOWN_CHARS_MAX - 3] + "..."
    raise InvalidValueError(field, f"{shown} is not a duration such as 30s, 1m30s, 2h or 500ms")


def format_duration(seconds: Seconds) -> str:
    """Return the text that `parse_duration` reads as exactly `seconds`, which is not negative."""
    if seconds == int(seconds):
        return _whole(int(seconds))
    milliseconds = round(seconds * 1000)
    if seconds < 1 and milliseconds / 1000 == seconds:
        return f"{milliseconds}ms"
    return f"{Decimal(repr(float(seconds))):f}s"


def _total(*numbers: str | None) -> Seconds:
    days, hours, minutes, seconds, milliseconds = (float(n or 0) for n in numbers)
    return days * 86_400 + hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def _whole(seconds: int) -> str:
    parts = []
    for size, unit in _WHOLE_UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"

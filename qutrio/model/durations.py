"""Durations as a person writes them: `90s`, `1m30s`, `2h`, `500ms`."""

from decimal import Decimal

from qutrio.model.ids import Seconds

_WHOLE_UNITS = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def format_duration(seconds: Seconds) -> str:
    """Return the text that `parse_duration` reads as exactly `seconds`, which is not negative."""
    if seconds == int(seconds):
        return _whole(int(seconds))
    milliseconds = round(seconds * 1000)
    if seconds < 1 and milliseconds / 1000 == seconds:
        return f"{milliseconds}ms"
    return f"{Decimal(repr(float(seconds))):f}s"


def _whole(seconds: int) -> str:
    parts = []
    for size, unit in _WHOLE_UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"

"""Plain text for people and JSON for scripts; nothing a target said can move the cursor."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

GAP = "  "
MINUTE_S = 60


def clean(value: object) -> str:
    """Return a value as text without control characters; None is an empty text."""
    text = "" if value is None else str(value)
    return "".join(c if c.isprintable() else "?" for c in text)


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows in columns under their headings; nothing at all when there are no rows."""
    cells = [[clean(cell) for cell in row] for row in rows]
    if not cells:
        return
    table = [list(headings), *cells]
    widths = [max(len(row[k]) for row in table) for k in range(len(headings))]
    for row in table:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(GAP.join(padded).rstrip())


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print names and values below one another."""
    listed = [(name, clean(value)) for name, value in fields]
    width = max((len(name) for name, _ in listed), default=0)
    for name, value in listed:
        print(f"{name.ljust(width)}{GAP}{value}".rstrip())


def print_json(value: object, *, line: bool = False) -> None:
    """Print JSON, indented or, with `line`, on one line."""
    print(json.dumps(value, indent=None if line else 2, ensure_ascii=False))


def plain_value(value: object) -> str:
    """Return a value of a document as a person would write it."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def age(seconds: float | None) -> str:
    """Return a duration as its one or two largest units: `2h 5m`; None is `never`."""
    if seconds is None:
        return "never"
    whole = max(0, int(seconds))
    if whole < MINUTE_S:
        return f"{whole}s"
    for unit, small, size, small_size in _UNITS:
        if whole >= size:
            rest = whole % size // small_size
            return f"{whole // size}{unit} {rest}{small}" if rest else f"{whole // size}{unit}"
    raise AssertionError(seconds)


def lapse(seconds: float) -> str:
    """Return a duration that may be short or negative: `+3.1s`, `-4m 10s`."""
    sign, length = "-" if seconds < 0 else "+", abs(seconds)
    return f"{sign}{length:.1f}s" if length < MINUTE_S else sign + age(length)


def moment(unix: float) -> str:
    """Return a moment in UTC, as alerts write it."""
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%d %H:%M:%S} UTC"


_UNITS = (("d", "h", 86_400, 3600), ("h", "m", 3600, 60), ("m", "s", 60, 1))

"""Prints text for people and JSON for scripts, without control characters from targets."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from qutrio.cli.colour import Painted, columns, paint

GAP = "  "
LAST_COLUMN_MIN = 12
MINUTE_S = 60


def clean(value: object) -> str:
    """Return a value as text without control characters; None is an empty text."""
    text = "" if value is None else str(value)
    return "".join(c if c.isprintable() else "?" for c in text)


def clean_lines(text: str) -> str:
    """Return text of several lines without other control characters."""
    return "\n".join(clean(line) for line in text.split("\n"))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows in columns under their headings; print nothing if there are no rows.

    A cell may be `Painted`.  On a terminal, the last column is cut to the width of the terminal.
    """
    cells = [[_cell(cell) for cell in row] for row in rows]
    if not cells:
        return
    table = [[Painted(heading, None) for heading in headings], *cells]
    widths = [max(len(row[k].text) for row in table) for k in range(len(headings))]
    room = columns()
    if room is not None:
        before = sum(widths[:-1]) + len(GAP) * (len(widths) - 1)
        widths[-1] = min(widths[-1], max(room - before, LAST_COLUMN_MIN))
    for row in table:
        last = Painted(_cut(row[-1].text, widths[-1]), row[-1].style)
        padded = [
            paint(cell.text, cell.style) + " " * (width - len(cell.text))
            for cell, width in zip([*row[:-1], last], widths, strict=True)
        ]
        print(GAP.join(padded).rstrip())


def _cell(cell: object) -> Painted:
    if isinstance(cell, Painted):
        return Painted(clean(cell.text), cell.style)
    return Painted(clean(cell), None)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print names and values, one pair a line."""
    listed = [(name, clean(value)) for name, value in fields]
    width = max((len(name) for name, _ in listed), default=0)
    for name, value in listed:
        print(f"{name.ljust(width)}{GAP}{value}".rstrip())


def print_json(value: object, *, line: bool = False) -> None:
    """Print JSON, indented or, with `line`, on one line."""
    print(json.dumps(value, indent=None if line else 2, ensure_ascii=False))


def print_answer(answer: dict[str, Any]) -> None:
    """Print the daemon's answer as JSON, without `ok`."""
    print_json({name: value for name, value in answer.items() if name != "ok"})


def edited_words(edit: dict[str, Any]) -> str:
    """Return who changed something, from which node, when, and in which revision."""
    uid = "" if edit.get("uid") is None else f", uid {edit['uid']}"
    door = f" ({edit['door']}{uid})" if edit.get("door") else ""
    at = utc_time(edit["at_unix"])
    return f"by {edit['name']}{door} at {at}, revision {edit['revision']}"


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


def utc_time(unix: float) -> str:
    """Return a time in UTC, as alerts write it."""
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%d %H:%M:%S} UTC"


_UNITS = (("d", "h", 86_400, 3600), ("h", "m", 3600, 60), ("m", "s", 60, 1))

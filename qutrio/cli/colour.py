"""Colour on a terminal, and nowhere else: states are told by words, colour only helps the eye."""

import os
import sys
from enum import Enum

from attrs import frozen


class Style(Enum):
    """What a text is about, as the code that colours it."""

    BAD = "1;31"
    ODD = "33"
    GOOD = "32"
    DIM = "2"
    STRONG = "1"


STATES = {"up": Style.GOOD, "down": Style.BAD, "unknown": Style.ODD, "disabled": Style.DIM}


@frozen
class Painted:
    """A cell of a table with a style."""

    text: str
    style: Style | None


def coloured() -> bool:
    """Tell whether stdout is a terminal that shows colours, and nobody asked for none."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not plain and sys.stdout.isatty()


def paint(text: str, style: Style | None) -> str:
    """Return `text` in its colour where colours are shown."""
    if style is None or not coloured():
        return text
    return f"\x1b[{style.value}m{text}\x1b[0m"


def columns() -> int | None:
    """Return how wide the terminal is; None where lines may be of any length."""
    if not sys.stdout.isatty():
        return None
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except OSError:
        return None

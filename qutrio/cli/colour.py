"""Colours for terminals.  All states are also shown in words."""

import os
import sys
from enum import Enum

from attrs import frozen


class Style(Enum):
    """The meaning of a coloured text, with the terminal code of its colour."""

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
    """Return whether stdout is a terminal with colours and the user did not turn them off."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not plain and sys.stdout.isatty()


def paint(text: str, style: Style | None) -> str:
    """Return `text`, coloured if colours are shown."""
    if style is None or not coloured():
        return text
    return f"\x1b[{style.value}m{text}\x1b[0m"


def columns() -> int | None:
    """Return the width of the terminal; None if stdout is not a terminal."""
    if not sys.stdout.isatty():
        return None
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except OSError:
        return None

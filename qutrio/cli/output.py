"""What a command prints to, when that is closed, full, or cannot show every character."""

import os
import sys
from io import TextIOWrapper
from typing import TextIO


def prepare_output() -> None:
    """Give a closed stdout or stderr a place to go, and no character a way to be an error.

    Without a stdout the first file or socket that is opened would take its number.
    """
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def silence(stream: TextIO) -> None:
    """Let what is still to be written to a stream vanish: it would only fail again at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)

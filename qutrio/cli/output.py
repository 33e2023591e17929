"""Makes output robust when stdout is closed, full, or cannot show every character."""

import os
import sys
from io import TextIOWrapper
from typing import TextIO


def prepare_output() -> None:
    """Replace a closed stdout or stderr, and characters that cannot be encoded.

    Without a stdout, the first file or socket that is opened would get its descriptor number.
    """
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def silence(stream: TextIO) -> None:
    """Discard further output to a stream, which would only fail again at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)

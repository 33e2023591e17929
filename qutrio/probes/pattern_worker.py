"""The worker process of `patterns`: reads a pattern and a text, writes whether it was found.

It runs as an isolated script, so that it starts in milliseconds and imports nothing of the
daemon.  Each question is a `HEADER` (two lengths in bytes) and the two UTF-8 strings; each
answer is one byte.  It writes `READY` once at the start and ends when its input does.
"""

import re
import struct
import sys
from typing import BinaryIO

HEADER = struct.Struct("!II")
READY, FOUND, MISSING = b"!", b"+", b"-"


def answer_all(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer questions until the input ends."""
    answers.write(READY)
    answers.flush()
    while len(header := questions.read(HEADER.size)) == HEADER.size:
        parts = [questions.read(size) for size in HEADER.unpack(header)]
        needle, hay = (part.decode("utf-8", "surrogatepass") for part in parts)
        answers.write(FOUND if re.search(needle, hay) else MISSING)
        answers.flush()


if __name__ == "__main__":
    answer_all(sys.stdin.buffer, sys.stdout.buffer)

"""Chunked transfer coding, read as curl reads it.

Extensions, and everything else after a size, are ignored up to the end of the line; lines may
end with a bare line feed.  A chunk that is not followed by a line end is refused.
"""

import re

from attrs import define

from qutrio.probes.http_head import MalformedAnswerError

LINE_BYTES_KEPT = 1024
"""How much of an incomplete line is kept until the rest arrives."""

_SIZE = re.compile(rb"(?=[0-9a-fA-F])0*([0-9a-fA-F]{0,15})(?![0-9a-fA-FxX])[^\n]*\n")
_PLAIN_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})\r\n")
_LINE_END = re.compile(rb"\r?\n")


@define(eq=False)
class Chunks:
    """A chunked body, fed piece by piece; `over` after the last chunk and its trailer.

    `lines` counts the fields of the trailer.
    """

    over: bool = False
    lines: int = 0
    _in_trailer: bool = False
    _missing: int = 0
    _after_data: bool = False
    _rest: bytes = b""

    def feed(self, data: bytes, chunks_max: int) -> tuple[bytes, int]:
        """Return the content of `data` and its number of chunks; reads at most `chunks_max`.

        Raises `MalformedAnswerError`.
        """
        data = self._rest + data if self._rest else data
        pieces: list[bytes] = []
        at = 0
        while at < len(data) and not self.over and len(pieces) < chunks_max:
            if self._missing:
                pieces.append(data[at : at + self._missing])
                at += len(pieces[-1])
                self._missing -= len(pieces[-1])
                self._after_data = not self._missing
                continue
            if not (self._after_data or self._in_trailer):
                at = _whole_chunks(data, at, pieces, chunks_max)
            behind = self._line(data, at)
            if behind is None:
                break
            at = behind
        self._rest = data[at : at + LINE_BYTES_KEPT]
        return b"".join(pieces), len(pieces)

    def may_end_here(self) -> bool:
        """Return whether only the last byte is missing, which curl accepts."""
        return self._in_trailer and self._rest == b"\r"

    def _line(self, data: bytes, at: int) -> int | None:
        """Read one line of framing; return where the next begins, None if it is incomplete."""
        if self._in_trailer:
            return self._trailer_line(data, at)
        if self._after_data:
            line_end = _LINE_END.match(data, at)
            if line_end is None:
                if data[at:] != b"\r":
                    raise MalformedAnswerError("a chunk is longer than its size")
                return None
            self._after_data = False
            return line_end.end()
        size = _SIZE.match(data, at)
        if size is None:
            if data.find(b"\n", at) >= 0:
                raise MalformedAnswerError("no size where a chunk begins")
            return None
        self._missing = int(size[1] or b"0", 16)
        self._in_trailer = not self._missing
        return size.end()

    def _trailer_line(self, data: bytes, at: int) -> int | None:
        line_end = data.find(b"\n", at)
        if line_end < 0:
            return None
        self.over = not data[at:line_end].strip(b"\r")
        self.lines += 1
        return line_end + 1


def _whole_chunks(data: bytes, at: int, pieces: list[bytes], chunks_max: int) -> int:
    """Append the chunks that are complete and plainly written; return where they end.

    Most chunks are, and chunks of one byte each would be too costly in the general loop.
    """
    while len(pieces) < chunks_max:
        size = _PLAIN_SIZE.match(data, at)
        if size is None:
            break
        begin = size.end()
        end = begin + int(size[1], 16)
        if begin == end or data[end : end + 2] != b"\r\n":
            break
        pieces.append(data[begin:end])
        at = end + 2
    return at

"""Reads the answer to an HTTP request as it arrives: interim answers, the head, and the body."""

from attrs import define, field

from qutrio.probes.http_body import Body
from qutrio.probes.http_chunks import Chunks
from qutrio.probes.http_head import (
    Fields,
    MalformedAnswerError,
    body_length,
    head_end,
    is_chunked,
    read_head,
)

HEAD_BYTES_MAX = 64 * 1024
HEAD_FIELDS_MAX = 256
INTERIM_ANSWERS_MAX = 8
FRAMING_FACTOR_MAX = 8
"""Bytes on the wire per byte of body: chunks of one byte each cost six."""

PIECES_MIN, PIECE_BYTES = 1024, 256
"""An answer may have this many chunks and packets, and one more per `PIECE_BYTES` of body.

Each costs the same CPU time, however small: one-byte chunks are an attack on the node.
"""

_INTERIM = frozenset(range(100, 200)) - {101}
"""Answers before the final one; 101 Switching Protocols is final."""

_BODILESS = frozenset({101, 204, 304})
"""These have no body, whatever their fields say."""


@define(eq=False)
class HttpResponse:
    """One answer, fed piece by piece.

    `over` is True when nothing more needs to be read; `broken` says why the answer is invalid.
    `status` and `fields` are those of the last head; `cookies` are its values of Set-Cookie.
    """

    body: Body
    head_only: bool
    status: int = 0
    over: bool = False
    broken: str | None = None
    fields: Fields = field(factory=dict)
    cookies: tuple[bytes, ...] = ()
    _in_body: bool = False
    _chunks: Chunks | None = None
    _missing: int | None = None
    _head: bytes = b""
    _field_count: int = 0
    _interim_count: int = 0
    _pieces_left: int = field(init=False)
    _bytes_count: int = 0

    def __attrs_post_init__(self) -> None:
        """Allow as many pieces as the body's limit needs."""
        self._pieces_left = PIECES_MIN + self.body.bytes_max // PIECE_BYTES

    def feed(self, data: bytes) -> None:
        """Process the next bytes; empty means that the target closed the connection."""
        if not data:
            self._end()
            return
        self._bytes_count += len(data)
        self._pieces_left -= 1
        try:
            if not self._in_body:
                data = self._feed_head(data)
            if self._in_body and data and not self.over:
                self._feed_body(data)
        except MalformedAnswerError as error:
            self.broken = f"not a valid HTTP answer: {error}"
        if not self.over and self.broken is None:
            self._check_limits()

    def _feed_head(self, data: bytes) -> bytes:
        """Read the heads that have arrived, until the final one; return the bytes after it."""
        searched = len(self._head)
        data = self._head + data if searched else data
        while self._interim_count <= INTERIM_ANSWERS_MAX:
            found = head_end(data, searched)
            if found is None:
                self._head = data
                return b""
            begin, end = found
            self._field_count += data.count(b"\n", begin, end) - 2
            if self._field_count > HEAD_FIELDS_MAX:
                return b""
            self.status, fields, cookies = read_head(data[begin:end])
            data, searched = data[end:], 0
            if self.status not in _INTERIM:
                self.fields, self.cookies = fields, cookies
                self._begin_body()
                return data
            self._interim_count += 1
        return b""

    def _begin_body(self) -> None:
        self._in_body = True
        self._head = b""
        if self.head_only or self.status in _BODILESS:
            self.over = True
            return
        if is_chunked(self.fields):
            self._chunks = Chunks()
        else:
            self._missing = body_length(self.fields)
            self.over = self._missing == 0
        self.body.begin(self.fields.get(b"content-encoding", b""))

    def _feed_body(self, data: bytes) -> None:
        if self._chunks is not None:
            data, count = self._chunks.feed(data, self._pieces_left)
            self._pieces_left -= count
            self._feed_content(data)
            self.over |= self._chunks.over
        elif self._missing is None:
            self._feed_content(data)
        else:
            self._missing -= len(data)
            self._feed_content(data if self._missing >= 0 else data[: self._missing])
            self.over |= self._missing <= 0

    def _feed_content(self, data: bytes) -> None:
        """Pass on a piece of the body's content; reading ends when the body is full."""
        self.body.feed(data)
        self.body.full |= self._pieces_left <= 0
        self.over = self.body.full

    def _end(self) -> None:
        if self._chunks is not None:
            self.over = self._chunks.may_end_here()
        elif self._in_body:
            self.over = self._missing is None
        if self.over:
            return
        if self._in_body:
            self.broken = "the target closed the connection in the middle of its answer"
        elif self._bytes_count:
            self.broken = "the target closed the connection in the middle of the headers"
        else:
            self.broken = "the target closed the connection without an answer"

    def _check_limits(self) -> None:
        allowed = HEAD_BYTES_MAX
        if self._in_body:
            allowed += FRAMING_FACTOR_MAX * self.body.bytes_max
        fields = self._field_count + self._head.count(b"\n")
        if self._chunks is not None:
            fields += self._chunks.lines
        if fields > HEAD_FIELDS_MAX:
            self.broken = f"more than {HEAD_FIELDS_MAX} headers"
        elif self._interim_count > INTERIM_ANSWERS_MAX:
            self.broken = f"more than {INTERIM_ANSWERS_MAX} interim answers"
        elif self._pieces_left <= 0:
            self.broken = "the answer has too many pieces"
        elif self._bytes_count > allowed:
            what = "the framing of the body is" if self._in_body else "the headers are"
            self.broken = f"{what} longer than {allowed // 1024} KiB"

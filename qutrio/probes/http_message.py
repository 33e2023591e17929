"""HTTP/1.1 as bytes: the request that is sent, and the answer as it arrives."""

from base64 import b64encode
from urllib.parse import SplitResult

import httptools
from attrs import define, evolve, field

from qutrio import __version__
from qutrio.model.checks import HttpCheck
from qutrio.probes.http_body import Body

HEAD_BYTES_MAX = 64 * 1024
HEAD_FIELDS_MAX = 256
INTERIM_ANSWERS_MAX = 8
FRAMING_FACTOR_MAX = 8
"""Bytes on the wire per byte of body: chunks of one byte each cost six."""

PIECES_MIN, PIECE_BYTES = 1024, 256
"""An answer may come in so many chunks and packets, and one more per so many bytes of body.

Each costs the same CPU time, however small: one-byte chunks are an attack on the node.
"""

_INTERIM = frozenset(range(100, 200)) - {101}
"""Answers before the answer; 101 Switching Protocols is a last word."""

_OURS = frozenset({"connection", "content-length", "transfer-encoding"})
_HARMLESS = frozenset({"accept", "accept-language", "user-agent"})
_KEPT_FIELDS = frozenset(
    {b"location", b"content-type", b"content-encoding", b"content-length", b"transfer-encoding"}
)


def for_other_origin(check: HttpCheck) -> HttpCheck:
    """Return the check without anything secret: a redirect led to a foreign server."""
    harmless = tuple((n, v) for n, v in check.headers if n.lower() in _HARMLESS)
    return evolve(check, headers=harmless, basic_user=None, basic_password=None, bearer_token=None)


def request_bytes(check: HttpCheck, url: SplitResult) -> bytes:
    """Return the request for `url`; the connection ends after the answer.

    The check's own headers win over ours, except those that frame the message.
    """
    body = (check.body or "").encode("utf-8", "replace")
    fields = {
        "host": ("Host", host_field(url)),
        "user-agent": ("User-Agent", f"qutrio/{__version__}"),
        "accept": ("Accept", "*/*"),
        "accept-encoding": ("Accept-Encoding", "identity"),
    }
    if check.basic_user is not None:
        credentials = f"{check.basic_user}:{check.basic_password or ''}".encode("utf-8", "replace")
        fields["authorization"] = ("Authorization", f"Basic {b64encode(credentials).decode()}")
    elif check.bearer_token is not None:
        fields["authorization"] = ("Authorization", f"Bearer {check.bearer_token}")
    if check.body is not None:
        fields["content-type"] = ("Content-Type", "text/plain; charset=utf-8")
    own = [(name, value) for name, value in check.headers if name.lower() not in _OURS]
    for name, _ in own:
        fields.pop(name.lower(), None)
    lines = [f"{check.method} {url.path or '/'}{'?' if url.query else ''}{url.query} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in (*fields.values(), *own)]
    if body or check.method in {"POST", "PUT", "PATCH"}:
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join([*lines, "Connection: close", "", ""])
    return head.encode("utf-8", "replace") + body


def host_field(url: SplitResult) -> str:
    """Return what the Host header says: without credentials, and without a default port."""
    host = url.hostname or ""
    shown = f"[{host.partition('%')[0]}]" if ":" in host else host
    default = {"http": 80, "https": 443}.get(url.scheme)
    return shown if url.port in {None, default} else f"{shown}:{url.port}"


@define(eq=False)
class Answer:
    """One answer, fed piece by piece; httptools calls the `on_` methods.

    It is `over` when nothing more needs to be read, and `broken` says why it never will be.
    """

    body: Body
    head_only: bool
    status: int = 0
    over: bool = False
    broken: str | None = None
    fields: dict[bytes, bytes] = field(factory=dict)
    _in_body: bool = False
    _field_count: int = 0
    _interim_count: int = 0
    _pieces_left: int = field(init=False)
    _bytes_count: int = 0
    _parser: httptools.HttpResponseParser = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make the parser; a bare line feed is common among small devices, and harmless here."""
        self._pieces_left = PIECES_MIN + self.body.bytes_max // PIECE_BYTES
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)

    def feed(self, data: bytes) -> None:
        """Take the next bytes; empty means that the target closed the connection."""
        if not data:
            self._end()
            return
        self._bytes_count += len(data)
        self._pieces_left -= 1
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise  # a bug of ours; never the target's fault
        except httptools.HttpParserUpgrade:
            self.over = True
        except httptools.HttpParserError as error:
            if not self.over:
                self.broken = f"not a valid HTTP answer: {error}"
        if not self.over and self.broken is None:
            self._check_limits()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the few fields that matter, the first of each name."""
        self._field_count += 1
        key = name.lower()
        if not self._in_body and not self.over and key in _KEPT_FIELDS:
            self.fields.setdefault(key, value)

    def on_headers_complete(self) -> None:
        """Note the status; an answer to HEAD ends here."""
        if self.over:
            return
        self.status = self._parser.get_status_code()
        self._in_body = True
        if self.head_only and self.status not in _INTERIM:
            self.over = True
        else:
            self.body.begin(self.fields.get(b"content-encoding", b""))

    def on_body(self, data: bytes) -> None:
        """Keep or count a piece of the body; a full body ends the reading."""
        if not self.over:
            self.body.feed(data)
            self._pieces_left -= 1
            self.body.full |= self._pieces_left <= 0
            self.over = self.body.full

    def on_message_complete(self) -> None:
        """End, unless this was an interim answer such as 103 Early Hints."""
        if self.over:
            return
        if self.status in _INTERIM:
            self._interim_count += 1
            self._in_body = False
            self.fields.clear()
        else:
            self.over = True

    def _end(self) -> None:
        framed = b"content-length" in self.fields or b"transfer-encoding" in self.fields
        if self._in_body and not framed:
            self.over = True
        elif self._in_body:
            self.broken = "the target closed the connection in the middle of its answer"
        elif self._bytes_count:
            self.broken = "the target closed the connection in the middle of the headers"
        else:
            self.broken = "the target closed the connection without an answer"

    def _check_limits(self) -> None:
        allowed = HEAD_BYTES_MAX
        if self._in_body:
            allowed += FRAMING_FACTOR_MAX * self.body.bytes_max
        if self._field_count > HEAD_FIELDS_MAX:
            self.broken = f"more than {HEAD_FIELDS_MAX} headers"
        elif self._interim_count > INTERIM_ANSWERS_MAX:
            self.broken = f"more than {INTERIM_ANSWERS_MAX} interim answers"
        elif self._pieces_left <= 0:
            self.broken = "the answer comes in absurdly many pieces"
        elif self._bytes_count > allowed:
            what = "the framing of the body is" if self._in_body else "the headers are"
            self.broken = f"{what} longer than {allowed // 1024} KiB"

"""Reads the head of an HTTP answer as curl and browsers do.

It accepts what they accept: junk before the status line, bare line feeds, folded lines, lines
without a colon, blanks before the colon, control bytes in values, a status line without a
reason.  A NUL byte and a status that is not a three-digit number are refused.
"""

import re
from typing import TypeAlias

JUNK_BYTES_MAX = 4
"""Ignored bytes before the status line: one or two empty lines, or a BOM."""

JOINED = frozenset({b"content-length", b"transfer-encoding", b"content-encoding"})
"""Fields that are lists: several lines are equal to one with commas."""

FIRST = frozenset({b"location", b"content-type"})
"""Fields whose first value that is not empty counts."""

_OTHERS = {
    b"\x15\x03": "TLS (is the URL to begin with https://?)",
    b"SSH-": "SSH",
    b"220": "a mail or FTP server",
    b"+OK": "a POP3 server",
    b"* OK": "an IMAP server",
    b"<": "a page without headers",
    b"GET ": "an echo of the request",
    b"POST ": "an echo of the request",
}

_BEGINNING_BYTES = JUNK_BYTES_MAX + len(b"HTTP")
_END = re.compile(rb"\n\r{0,2}\n")
_END_BYTES_MAX = 4
_FOLD = re.compile(rb"\r{0,2}\n[ \t]+")
_STATUS = re.compile(rb"HTTP[ \t]*(?:/[ \t]*[0-9.]*)?[ \t]+([1-9][0-9]{2})(?![0-9])", re.IGNORECASE)
_LENGTH = re.compile(rb"[ \t]*\+?(?!0[xX])0*([0-9]+)")
_LENGTH_DIGITS_MAX = 18
_STATUS_LINE_BYTES_MAX = 256
_LISTED_MAX = 16
_NAMES = JOINED | FIRST | {b"set-cookie"}
_INITIALS = frozenset(case for name in _NAMES for case in (name[:1], name[:1].upper()))

Fields: TypeAlias = dict[bytes, bytes]
"""The fields that matter to a probe, by their names in lower case."""


class MalformedAnswerError(Exception):
    """The bytes are not an HTTP answer; the text completes "not a valid HTTP answer: "."""


def body_length(fields: Fields) -> int | None:
    """Return the Content-Length in bytes, or None when there is no readable one.

    Raises `MalformedAnswerError` when two different lengths are given.
    """
    given = fields.get(b"content-length")
    if given is None:
        return None
    if given.isdigit() and len(given) <= _LENGTH_DIGITS_MAX:
        return int(given)
    found = {_length(value) for value in given.split(b",", _LISTED_MAX)} - {None}
    if len(found) > 1:
        raise MalformedAnswerError("it gives different lengths")
    return found.pop() if found else None


def is_chunked(fields: Fields) -> bool:
    """Return whether the body comes in chunks, which overrides any length."""
    given = fields.get(b"transfer-encoding")
    return given is not None and b"chunked" in (
        coding.strip().lower() for coding in given.split(b",", _LISTED_MAX)
    )


def head_end(data: bytes, searched: int) -> tuple[int, int] | None:
    """Return where the head in `data` begins and ends, or None when it is not complete.

    The first `searched` bytes were searched before.  Raises `MalformedAnswerError` when `data`
    does not begin like an HTTP answer.
    """
    begin = data[:_BEGINNING_BYTES].upper().find(b"HTTP")
    if begin < 0:
        if len(data) >= _BEGINNING_BYTES:
            raise MalformedAnswerError(_unlike_http(data))
        return None
    end = _END.search(data, max(begin, searched - _END_BYTES_MAX))
    return None if end is None else (begin, end.end())


def read_head(data: bytes) -> tuple[int, Fields, tuple[bytes, ...]]:
    """Return the status, the fields, and the values of Set-Cookie in a complete head.

    Raises `MalformedAnswerError`.
    """
    if b"\0" in data:
        raise MalformedAnswerError("a NUL byte in the headers")
    if b"\n " in data or b"\n\t" in data:
        data = _FOLD.sub(b" ", data)
    lines = data.split(b"\n")
    status = _STATUS.match(lines[0][:_STATUS_LINE_BYTES_MAX])
    if status is None:
        raise MalformedAnswerError("no status in its first line")
    fields: Fields = {}
    cookies = []
    for line in lines[1:-2]:
        if line[:1] not in _INITIALS:
            continue  # most fields; the rest of the loop costs ten times as much
        name, _, value = line.partition(b":")
        key = name.strip().lower()
        if key in JOINED:
            value = value.strip()
            fields[key] = fields[key] + b"," + value if key in fields else value
        elif key in FIRST:
            if not fields.get(key):
                fields[key] = value.strip()
        elif key == b"set-cookie":
            cookies.append(value.strip())
    return int(status[1]), fields, tuple(cookies)


def _unlike_http(data: bytes) -> str:
    """Return what an answer seems to be, without quoting it: it may echo a secret."""
    for beginning, what in _OTHERS.items():
        if data.startswith(beginning):
            return f"it does not begin with 'HTTP/', it looks like {what}"
    return "it does not begin with 'HTTP/'"


def _length(value: bytes) -> int | None:
    found = _LENGTH.match(value)
    if found is None or len(found[1]) > _LENGTH_DIGITS_MAX:
        return None
    return int(found[1])

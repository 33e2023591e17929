"""Raw answers of servers, and how a client should take them.

Each `Case` was sent to curl 7.88 and to Chromium 156: `ok` is True where at least one of them
accepts it and what it means is beyond doubt.  `strict` cases are failures although curl or
Chromium accepts them, because part of the answer is missing or contradicts another part.
"""

from attrs import frozen

OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: 5\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"


@frozen
class Case:
    """One answer, whose body is `hello` unless it says otherwise."""

    name: str
    raw: bytes
    ok: bool = True
    strict: bool = False
    status: int = 200
    body: str = "hello"


def head(name: str, fields: bytes, *, ok: bool = True) -> Case:
    """Return a case with these fields before a right length."""
    return Case(f"head: {name}", OK + fields + b"\r\n" + LENGTH + b"\r\nhello", ok=ok)


def length(name: str, given: bytes, *, ok: bool = True, strict: bool = False) -> Case:
    """Return a case with this length, or these lengths."""
    raw = OK + b"Content-Length:" + given + b"\r\n\r\nhello"
    return Case(f"length: {name}", raw, ok=ok, strict=strict)


def chunks(name: str, body: bytes, *, ok: bool = True, strict: bool = False) -> Case:
    """Return a case with this chunked body."""
    return Case(f"chunks: {name}", OK + CHUNKED + b"\r\n" + body, ok=ok, strict=strict)


def coding(name: str, fields: bytes, body: bytes = CHUNKS) -> Case:
    """Return a case with these fields about the framing."""
    return Case(f"coding: {name}", OK + fields + b"\r\n" + body)


def status(name: str, line: bytes, *, ok: bool = True) -> Case:
    """Return a case with this status line."""
    return Case(f"status: {name}", line + b"\r\n" + LENGTH + b"\r\nhello", ok=ok)


def interim(name: str, before: bytes) -> Case:
    """Return a case with this before an ordinary answer."""
    return Case(f"interim: {name}", before + OK + LENGTH + b"\r\nhello")


def bodiless(number: int, fields: bytes, rest: bytes = b"") -> Case:
    """Return a case whose status has no body, whatever its fields say."""
    raw = b"HTTP/1.1 %d Word\r\n" % number + fields + b"\r\n" + rest
    return Case(f"no body: {number} {fields[:20]!r} {rest!r}", raw, status=number, body="")


HEADS = (
    head("control bytes", b"Set-Cookie: visid=\x01\x02abc; path=/"),
    head("delete", b"X: a\x7fb"),
    head("a carriage return in a value", b"X: a\rb"),
    head("a carriage return in a name", b"X\rY: b"),
    head("bytes above 127 in a value", b"X: \xff\xfe"),
    head("bytes above 127 in a name", b"X\xfc: a"),
    head("a blank before the colon", b"Server : tiny"),
    head("a tab before the colon", b"Server\t: tiny"),
    head("a blank in a name", b"My Server: tiny"),
    head("no colon", b"nonsense"),
    head("no name", b": nonsense"),
    head("a folded line", b"X: a\r\n b"),
    head("a line folded with a tab", b"X: a\r\n\tb"),
    head("the first line folded", b" X: a"),
    head("NUL", b"X: a\0b", ok=False),
    Case("head: bare line feeds", b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"),
    Case("head: two kinds of line ends", b"HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\nhello"),
    Case("head: carriage returns twice", b"HTTP/1.1 200 OK\r\r\nContent-Length: 5\r\r\n\r\nhello"),
    Case("head: a bare line feed at the end", OK + LENGTH + b"\nhello"),
    Case("head: only carriage returns", b"HTTP/1.1 200 OK\rContent-Length: 5\r\rhello", ok=False),
    Case("head: an empty line before", b"\r\n" + OK + LENGTH + b"\r\nhello"),
    Case("head: a bare line feed before", b"\n" + OK + LENGTH + b"\r\nhello"),
    Case("head: two empty lines before", b"\r\n\r\n" + OK + LENGTH + b"\r\nhello"),
    Case("head: three empty lines before", b"\r\n" * 3 + OK + LENGTH + b"\r\nhello", ok=False),
    Case("head: a byte order mark before", b"\xef\xbb\xbf" + OK + LENGTH + b"\r\nhello"),
    Case("head: a blank before", b" " + OK + LENGTH + b"\r\nhello"),
    Case("head: a line before", b"Hello!\r\n" + OK + LENGTH + b"\r\nhello", ok=False),
    Case("head: it ends in a line", OK + b"X: y", ok=False, strict=True),
    Case("head: it ends behind a line", OK + LENGTH, ok=False, strict=True),
    Case("head: it ends in the status line", b"HTTP/1.1 200 OK", ok=False, strict=True),
    Case("head: nothing", b"", ok=False),
    Case("head: no HTTP", b"SSH-2.0-OpenSSH_9.2\r\n", ok=False),
    Case("head: a page without a head", b"<html>hello</html>", ok=False),
    Case("head: a protocol without a head", b"RTSP/1.0 200 OK\r\n\r\n", ok=False),
)

LENGTHS = (
    length("with blanks", b"   5  \t"),
    length("with zeros", b" 0005"),
    length("with a plus", b" +5"),
    length("with a unit", b" 5 bytes"),
    length("with a letter", b" 5x"),
    length("folded", b"\r\n 5"),
    length("the same twice", b" 5\r\nContent-Length: 5"),
    length("the same twice in one line", b" 5, 5"),
    length("a blank before its colon", b" 5\r\nContent-Length : 5"),
    length("empty, until the end", b""),
    length("negative, until the end", b" -5"),
    length("a word, until the end", b" five"),
    length("quoted, until the end", b' "5"'),
    length("hexadecimal, until the end", b" 0x5"),
    length("beyond all measure, until the end", b" 99999999999999999999999"),
    length("two that differ", b" 4\r\nContent-Length: 5", ok=False, strict=True),
    length("two that differ in one line", b" 5, 6", ok=False, strict=True),
    length("more than came", b" 9", ok=False),
    Case("length: less than came", OK + LENGTH + b"\r\nhelloMORE"),
    Case("length: nothing, but something came", OK + b"Content-Length: 0\r\n\r\nhello", body=""),
    Case("length: none, until the end", OK + b"\r\nhello"),
    Case("length: HTTP/1.0, until the end", b"HTTP/1.0 200 OK\r\n\r\nhello"),
)

CODINGS = (
    coding("chunks and a length", CHUNKED + LENGTH),
    coding("a length and chunks", LENGTH + CHUNKED),
    coding("chunks and two lengths", LENGTH + b"Content-Length: 7\r\n" + CHUNKED),
    coding("upper case", b"TRANSFER-ENCODING: CHUNKED\r\n"),
    coding("a blank behind", b"Transfer-Encoding: chunked \r\n"),
    coding("a blank before the colon", b"Transfer-Encoding : chunked\r\n"),
    coding("twice", CHUNKED * 2),
    coding("twice in one line", b"Transfer-Encoding: chunked, chunked\r\n"),
    coding("identity and chunks", b"Transfer-Encoding: identity, chunked\r\n"),
    coding("identity", b"Transfer-Encoding: identity\r\n" + LENGTH, b"hello"),
    coding("identity until the end", b"Transfer-Encoding: identity\r\n", b"hello"),
    coding("unknown", b"Transfer-Encoding: x-own\r\n" + LENGTH, b"hello"),
    coding("empty", b"Transfer-Encoding:\r\n" + LENGTH, b"hello"),
    coding("an upgrade is offered", b"Upgrade: h2c\r\nConnection: Upgrade\r\n" + LENGTH, b"hello"),
    Case("coding: of HTTP/1.0", b"HTTP/1.0 200 OK\r\n" + CHUNKED + b"\r\n" + CHUNKS),
)

CHUNK_CASES = (
    chunks("blanks behind a size", b"5  \r\nhello\r\n0\r\n\r\n"),
    chunks("a tab behind a size", b"5\t\r\nhello\r\n0\r\n\r\n"),
    chunks("an extension", b"5;x=y\r\nhello\r\n0;q\r\n\r\n"),
    chunks("an extension with blanks", b'5 ; x = "y"\r\nhello\r\n0\r\n\r\n'),
    chunks("junk behind a size", b"5 zz\r\nhello\r\n0\r\n\r\n"),
    chunks("zeros before a size", b"0" * 40 + b"5\r\nhello\r\n000\r\n\r\n"),
    chunks("bare line feeds", b"5\nhello\n0\n\n"),
    chunks("two chunks", b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
    chunks("a trailer", b"5\r\nhello\r\n0\r\nT: 1\r\nU: 2\r\n\r\n"),
    chunks("a trailer without a colon", b"5\r\nhello\r\n0\r\nT1\r\n\r\n"),
    chunks("bytes behind the end", CHUNKS + b"JUNK"),
    chunks("the last byte is missing", b"5\r\nhello\r\n0\r\n\r"),
    chunks("a blank before a size", b" 5\r\nhello\r\n0\r\n\r\n", ok=False),
    chunks("a size in C's manner", b"0x5\r\nhello\r\n0\r\n\r\n", ok=False),
    chunks("a negative size", b"-5\r\nhello\r\n0\r\n\r\n", ok=False),
    chunks("a size beyond all measure", b"f" * 17 + b"\r\nhello\r\n0\r\n\r\n", ok=False),
    chunks("no size", b"\r\nhello\r\n0\r\n\r\n", ok=False),
    chunks("no line end behind a chunk", b"5\r\nhello0\r\n\r\n", ok=False),
    chunks("a carriage return behind a chunk", b"5\r\nhello\r0\r\n\r\n", ok=False),
    chunks("two line ends behind a chunk", b"5\r\nhello\r\n\r\n0\r\n\r\n", ok=False),
    chunks("a chunk longer than its size", b"5\r\nhelloZZ\r\n0\r\n\r\n", ok=False),
    chunks("no last chunk", b"5\r\nhello\r\n", ok=False),
    chunks("half a last chunk", b"5\r\nhello\r\n0\r\n", ok=False),
    chunks("half a trailer", b"5\r\nhello\r\n0\r\nT: 1\r\n", ok=False),
    chunks("half a chunk", b"5\r\nhel", ok=False),
    chunks("no chunks at all", b"hello\r\n", ok=False),
    chunks("nothing", b"", ok=False),
)

STATUSES = (
    status("no reason", b"HTTP/1.1 200"),
    status("a blank for a reason", b"HTTP/1.1 200 "),
    status("two blanks", b"HTTP/1.1  200  OK"),
    status("tabs", b"HTTP/1.1\t200\tOK"),
    status("control bytes in the reason", b"HTTP/1.1 200 O\x01K"),
    status("bytes above 127 in the reason", b"HTTP/1.1 200 \xc3\xa9\xff"),
    status("no blank before the reason", b"HTTP/1.1 200OK"),
    status("lower case", b"http/1.1 200 OK"),
    status("mixed case", b"Http/1.1 200 OK"),
    status("HTTP/1.0", b"HTTP/1.0 200 OK"),
    status("HTTP/2", b"HTTP/2 200"),
    status("HTTP/1", b"HTTP/1 200 OK"),
    status("HTTP/1.2", b"HTTP/1.2 200 OK"),
    status("no version", b"HTTP 200 OK"),
    status("two digits", b"HTTP/1.1 20 OK", ok=False),
    status("four digits", b"HTTP/1.1 2000 OK", ok=False),
    status("below 100", b"HTTP/1.1 099 OK", ok=False),
    status("negative", b"HTTP/1.1 -200 OK", ok=False),
    status("no number", b"HTTP/1.1 OK", ok=False),
    status("the version alone", b"HTTP/1.1", ok=False),
)

INTERIMS = (
    interim("100", b"HTTP/1.1 100 Continue\r\n\r\n"),
    interim("102", b"HTTP/1.1 102 Processing\r\n\r\n"),
    interim("103", b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"),
    interim("199", b"HTTP/1.1 199 Whatever\r\n\r\n"),
    interim("of HTTP/1.0", b"HTTP/1.0 100 Continue\r\n\r\n"),
    interim("that closes", b"HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n"),
    interim("with a length of nothing", b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n"),
    interim("with a length", b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n"),
    interim("with a coding", b"HTTP/1.1 100 Continue\r\n" + CHUNKED + b"\r\n"),
    interim("twice", b"HTTP/1.1 100 Continue\r\n\r\n" * 2),
    interim("and an empty line", b"HTTP/1.1 100 Continue\r\n\r\n\r\n"),
    Case("interim: alone", b"HTTP/1.1 100 Continue\r\n\r\n", ok=False),
)

BODILESS = (
    bodiless(204, LENGTH),
    bodiless(204, CHUNKED),
    bodiless(204, LENGTH, b"hello"),
    bodiless(304, LENGTH),
    bodiless(304, CHUNKED),
    bodiless(101, b"Upgrade: x\r\nConnection: upgrade\r\n"),
)

CASES = (*HEADS, *LENGTHS, *CODINGS, *CHUNK_CASES, *STATUSES, *INTERIMS, *BODILESS)

"""Decodes a body to text by the WHATWG Encoding and HTML standards.

The encoding is the first of: that of a byte order mark; the charset in Content-Type; UTF-8 for
JSON; the one that the document names in its first bytes (`<meta>`, or an XML declaration);
UTF-8, or windows-1252 when the bytes are not UTF-8.
"""

import codecs
import re
from collections.abc import Iterator
from functools import cache

import webencodings

PRESCAN_BYTES = 1024
LABEL_BYTES_MAX = 64
CONTENT_TYPE_BYTES_MAX = 1024
PART_BYTES = 8 * 1024

_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16le"), (b"\xfe\xff", "utf-16be"))
_CHARSET = re.compile(rb"charset\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s;\"'>]+))", re.IGNORECASE)
_JSON = re.compile(rb"[\w.+-]+/(?:json|[\w.+-]+\+json)\b", re.IGNORECASE)
_MARKUP = re.compile(rb"$|text/html|[\w.-]+/(?:[\w.-]+\+)?xml\b", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_META = re.compile(rb"<meta[\s/]([^>]*)>", re.IGNORECASE)
_PRAGMA = re.compile(rb"http-equiv\s*=\s*[\"']?\s*content-type\b", re.IGNORECASE)
_CONTENT = re.compile(rb"content\s*=\s*(?:\"[^\"]*\"|'[^']*')", re.IGNORECASE)
_XML = re.compile(rb"<\?xml\s[^>]*?encoding\s*=\s*[\"']([^\"']*)[\"']", re.IGNORECASE)
_MULTI_BYTE = frozenset(
    {"utf-8", "utf-16le", "utf-16be", "gb18030", "big5", "euc-jp", "euc-kr", "iso-2022-jp",
     "shift_jis"}
)  # fmt: skip
_SAME = {"gbk": "gb18030"}
_FROM_META = {"utf-16le": "utf-8", "utf-16be": "utf-8", "x-user-defined": "windows-1252"}
_C1 = range(0x80, 0xA0)
_OTHER_CHARS = {"koi8-u": {0xAE: "ў", 0xBE: "Ў"}, "windows-1255": {0xCA: "\u05ba"}}
_JAPANESE = frozenset({"euc-jp", "iso-2022-jp"})
_WIDE = {
    "\u301c": "\uff5e", "\u2016": "\u2225", "\u2212": "\uff0d",
    "\xa2": "\uffe0", "\xa3": "\uffe1", "\xac": "\uffe2",
}  # fmt: skip
"""Six characters in which Python's Japanese codecs differ from the standard's tables."""


def decode(data: bytes, content_type: bytes) -> Iterator[str]:
    """Yield `data` as text, in parts; invalid bytes become U+FFFD.

    Each part takes at most a few milliseconds, whatever the bytes are: some codecs need a
    fifth of a second for a megabyte of errors.  `content_type` may be any bytes.
    """
    content_type = content_type.strip()[:CONTENT_TYPE_BYTES_MAX]
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _parts(data[len(mark) :], encoding)
    return _parts(data, _declared(data, content_type) or _guessed(data))


def _declared(data: bytes, content_type: bytes) -> str | None:
    is_json = _JSON.match(content_type)
    named = _named(content_type)
    if named is not None:
        return "utf-8" if is_json and _error_at(data) is None else named
    if not is_json and _MARKUP.match(content_type):
        return _prescanned(data[:PRESCAN_BYTES])
    return None


def _named(text: bytes) -> str | None:
    """Return the encoding that `charset=` names, or None if there is no such encoding."""
    found = _CHARSET.search(text)
    return None if found is None else _encoding(found[1] or found[2] or found[3] or b"")


def _encoding(label: bytes) -> str | None:
    known = webencodings.lookup(label[:LABEL_BYTES_MAX].decode("latin-1"))
    return None if known is None else _SAME.get(known.name, known.name)


def _prescanned(head: bytes) -> str | None:
    xml = _XML.match(head)
    found = _encoding(xml[1]) if xml is not None else None
    for meta in _META.finditer(_COMMENT.sub(b"", head)):
        says = meta[1] if _PRAGMA.search(meta[1]) else _CONTENT.sub(b"", meta[1])
        found = found or _named(says)
    return None if found is None else _FROM_META.get(found, found)


def _parts(data: bytes, encoding: str) -> Iterator[str]:
    if encoding == "replacement":
        yield "\ufffd" if data else ""  # the standard: too dangerous to decode
        return
    decoder = None
    if encoding in _MULTI_BYTE:
        known = webencodings.lookup(encoding)
        assert known is not None  # all of them are names of the standard
        make = known.codec_info.incrementaldecoder
        assert make is not None  # all of these codecs are Python's own
        decoder = make("replace")
    wide = _WIDE.items() if encoding in _JAPANESE else ()
    for at in range(0, len(data), PART_BYTES):
        part = data[at : at + PART_BYTES]
        if decoder is None:
            yield codecs.charmap_decode(part, "strict", _table(encoding))[0]
            continue
        text = decoder.decode(part, final=at + PART_BYTES >= len(data))
        for narrow, shown in wide:
            text = text.replace(narrow, shown)
        yield text


@cache
def _table(encoding: str) -> str:
    """Return the 256 characters of a single-byte encoding.

    The standard defines all bytes from 0x80 to 0x9F, Python's codecs do not.
    """
    known = webencodings.lookup(encoding)
    assert known is not None  # all of them are names of the standard
    other = _OTHER_CHARS.get(encoding, {})
    chars = [
        other.get(byte) or known.codec_info.decode(bytes([byte]), "replace")[0]
        for byte in range(256)
    ]
    return "".join(
        chr(byte) if byte in _C1 and char == "\ufffd" else char for byte, char in enumerate(chars)
    )


def _error_at(data: bytes) -> int | None:
    """Return where `data` stops being UTF-8 text; None if all is, even if the end is cut off."""
    try:
        codecs.utf_8_decode(data, "strict", False)  # noqa: FBT003 - the end may be missing
    except UnicodeDecodeError as error:
        return error.start
    return 0 if b"\0" in data else None  # it may be UTF-16


def _guessed(data: bytes) -> str:
    """Return UTF-8, or windows-1252 when decoding as UTF-8 gives no character beyond ASCII."""
    error = _error_at(data)
    if error is None or not data[:error].isascii():
        return "utf-8"
    seen = data[error : error + PART_BYTES].decode("utf-8", "replace").replace("\ufffd", "")
    return "windows-1252" if seen.isascii() and b"\0" not in data else "utf-8"

"""Bytes to text as the WHATWG Encoding and HTML standards say.

In this order: a byte order mark; the charset that Content-Type names; UTF-8 for JSON; what the
document itself says in its first bytes (`<meta>`, or an XML declaration); UTF-8, or windows-1252
where the bytes are not UTF-8.
"""

import codecs
import re
from functools import cache

import webencodings

PRESCAN_BYTES = 1024
LABEL_BYTES_MAX = 64

_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
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
"""Six characters that Python's Japanese codecs and the standard's tables tell apart."""


def decode(data: bytes, content_type: bytes) -> str:
    """Return `data` as text; what is invalid becomes U+FFFD.  Any `content_type` will do."""
    for mark, codec in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(codec, "replace")
    declared = _named(content_type)
    if declared is not None and not (_JSON.match(content_type) and _is_utf8(data)):
        return _decoded(data, declared)
    if not _JSON.match(content_type) and _MARKUP.match(content_type.strip()):
        declared = _prescanned(data[:PRESCAN_BYTES])
        if declared is not None:
            return _decoded(data, declared)
    return _guessed(data)


def _named(text: bytes) -> str | None:
    """Return the encoding that `charset=` names here, None if it names none that exists."""
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


def _decoded(data: bytes, encoding: str) -> str:
    if encoding == "replacement":
        return "\ufffd" if data else ""  # the standard: too dangerous to decode
    if encoding in _MULTI_BYTE:
        known = webencodings.lookup(encoding)
        assert known is not None  # all of them are names of the standard
        text = known.codec_info.decode(data, "replace")[0]
        for narrow, wide in _WIDE.items() if encoding in _JAPANESE else ():
            text = text.replace(narrow, wide)
        return text
    return codecs.charmap_decode(data, "strict", _table(encoding))[0]


@cache
def _table(encoding: str) -> str:
    """Return the 256 characters of a single-byte encoding.

    The standard gives a meaning to all bytes from 0x80 to 0x9F, Python's codecs do not.
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


def _is_utf8(data: bytes) -> bool:
    """Return whether `data` is UTF-8 and not UTF-16, perhaps cut off within a character."""
    try:
        codecs.utf_8_decode(data, "strict", False)  # noqa: FBT003 - the end may be missing
    except UnicodeDecodeError:
        return False
    return b"\0" not in data


def _guessed(data: bytes) -> str:
    """Read as UTF-8, or as windows-1252 when no character beyond ASCII would come out of that."""
    text = data.decode("utf-8", "replace")
    if "\ufffd" in text and not _is_utf8(data) and text.replace("\ufffd", "").isascii():
        return _decoded(data, "windows-1252")
    return text

"""The body of an answer, kept only as far as a check looks into it."""

import zlib

from attrs import define, field

CHARSETS = frozenset(
    {
        "utf-8", "us-ascii", "ascii", "iso-8859-1", "latin-1", "iso-8859-2", "iso-8859-15",
        "windows-1250", "windows-1251", "windows-1252", "koi8-r", "shift_jis", "euc-jp",
        "euc-kr", "gb2312", "gbk", "gb18030", "big5", "utf-16",
    }
)  # fmt: skip
"""What a target may name; others are read as UTF-8, so that no exotic codec runs on its text."""

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


@define(eq=False)
class Body:
    """At most `bytes_max` bytes, decompressed; `full` when there was more.

    Without `wanted`, bytes are counted and dropped.
    """

    bytes_max: int
    wanted: bool
    full: bool = False
    problem: str | None = None
    size: int = 0
    _pieces: list[bytes] = field(factory=list)
    _inflater: "zlib._Decompress | None" = None

    def begin(self, encoding: bytes) -> None:
        """Prepare for a content encoding, which we asked the target not to use."""
        name = encoding.strip().lower()
        if not self.wanted or name in {b"", b"identity"}:
            return
        if name in {b"gzip", b"x-gzip", b"deflate"}:
            self._inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
        else:
            shown = name[:20].decode("ascii", "replace")
            self.problem = f"the body is encoded as {shown!r}, which cannot be read here"

    def feed(self, data: bytes) -> None:
        """Take the next piece; what is beyond `bytes_max` is dropped and never inflated."""
        room = self.bytes_max - self.size
        if self._inflater is not None:
            if self._inflater.eof:
                return
            try:
                data = self._inflater.decompress(data, room + 1)
            except zlib.error:
                self.problem = "the body is not validly compressed"
                self.full = True
                return
        self.full = len(data) > room
        self.size += min(len(data), room)
        if self.wanted:
            self._pieces.append(data[:room])

    def text(self, content_type: bytes) -> str:
        """Return what was kept as text; invalid bytes become U+FFFD."""
        _, _, named = content_type.decode("latin-1").lower().partition("charset=")
        charset = named.partition(";")[0].strip(" \t\"'")
        return b"".join(self._pieces).decode(charset if charset in CHARSETS else "utf-8", "replace")

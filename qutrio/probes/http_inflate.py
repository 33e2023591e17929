"""Decodes content encodings within a limit, as curl and browsers do."""

import zlib

from attrs import define

ENCODINGS_MAX = 5
GZIP_MEMBERS_MAX = 512

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b"
_PREFIX_BYTES = 2
_DEFLATE_METHOD = 8
_ZLIB_CHECK = 31

_INFLATED = frozenset({b"gzip", b"x-gzip", b"deflate"})
_UNREADABLE = frozenset({b"br", b"zstd", b"compress", b"x-compress", b"dcb", b"dcz"})
"""Encodings that exist but are not supported.  Unknown ones, such as `utf-8`, are ignored."""


class EncodingError(Exception):
    """The body cannot be decoded; the text completes "HTTP 200, but "."""


@define(eq=False)
class Inflater:
    """One gzip, zlib or raw deflate stream; yields at most `bytes_max` + 1 bytes.

    A gzip stream may have several members.  Bytes after the last are ignored.
    """

    bytes_max: int
    size: int = 0
    _members: int = 0
    _prefix: bytes = b""
    _over: bool = False
    _stream: "zlib._Decompress | None" = None

    def feed(self, data: bytes) -> bytes:
        """Return what `data` decodes to; raises `EncodingError`."""
        pieces = []
        while data and not self._over and self.size <= self.bytes_max:
            stream = self._stream
            if stream is None:
                data = self._prefix + data
                if self._members:
                    data = data.lstrip(b"\0")  # the padding that gzip allows
                stream = self._begin(data)
                if stream is None:
                    break
            try:
                piece = stream.decompress(data, self.bytes_max - self.size + 1)
            except zlib.error:
                raise EncodingError("the body is not validly compressed") from None
            pieces.append(piece)
            self.size += len(piece)
            data = b""
            if stream.eof:
                data = stream.unused_data
                self._stream = None
        return b"".join(pieces)

    def _begin(self, data: bytes) -> "zlib._Decompress | None":
        """Choose the format by the first two bytes, once they have arrived."""
        if len(data) < _PREFIX_BYTES:
            self._prefix = data
            return None
        self._prefix = b""
        is_gzip = data.startswith(_GZIP_MAGIC)
        if self._members and not is_gzip:
            self._over = True
            return None
        self._members += 1
        if self._members > GZIP_MEMBERS_MAX:
            raise EncodingError(f"the body has more than {GZIP_MEMBERS_MAX} gzip members")
        wrapped = is_gzip or (
            data[0] & 15 == _DEFLATE_METHOD and (data[0] << 8 | data[1]) % _ZLIB_CHECK == 0
        )
        self._stream = zlib.decompressobj(_GZIP_OR_ZLIB if wrapped else _RAW)
        return self._stream


def inflaters(encodings: bytes, bytes_max: int) -> tuple[Inflater, ...]:
    """Return the decoders for the field Content-Encoding, in the order of use.

    Raises `EncodingError` for an encoding that is not supported.
    """
    names = [name.strip().lower() for name in encodings.split(b",", ENCODINGS_MAX)]
    if len(names) > ENCODINGS_MAX:
        raise EncodingError(f"the body is encoded more than {ENCODINGS_MAX} times")
    for name in names:
        if name in _UNREADABLE:
            shown = name.decode("ascii")
            raise EncodingError(f"the body is encoded as {shown!r}, which cannot be read here")
    return tuple(Inflater(bytes_max) for name in reversed(names) if name in _INFLATED)

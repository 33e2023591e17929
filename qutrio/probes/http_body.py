"""The body of an answer, kept only if the check searches it."""

from collections.abc import Iterator

from attrs import define, field

from qutrio.probes.http_charset import decode
from qutrio.probes.http_inflate import EncodingError, Inflater, inflaters


@define(eq=False)
class Body:
    """At most `bytes_max` bytes, decompressed; `full` is True when there were more.

    Without `wanted`, bytes are counted and dropped.
    """

    bytes_max: int
    wanted: bool
    full: bool = False
    problem: str | None = None
    size: int = 0
    _pieces: list[bytes] = field(factory=list)
    _inflaters: tuple[Inflater, ...] = ()

    def begin(self, encodings: bytes) -> None:
        """Prepare for content encodings, which we asked the target not to use."""
        if not self.wanted or not encodings:
            return
        try:
            self._inflaters = inflaters(encodings, self.bytes_max)
        except EncodingError as error:
            self.problem = str(error)

    def feed(self, data: bytes) -> None:
        """Process the next piece; bytes beyond `bytes_max` are dropped and never inflated."""
        room = self.bytes_max - self.size
        cut = False
        try:
            for inflater in self._inflaters:
                data = inflater.feed(data)
                cut |= inflater.size > self.bytes_max
        except EncodingError as error:
            self.problem = str(error)
            self.full = True
            return
        self.full = cut or len(data) > room
        self.size += min(len(data), room)
        if self.wanted:
            self._pieces.append(data[:room])

    def text(self, content_type: bytes) -> Iterator[str]:
        """Yield the kept bytes as text, in parts; invalid bytes become U+FFFD."""
        return decode(b"".join(self._pieces), content_type)

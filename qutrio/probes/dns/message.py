"""Encodes a DNS question and decodes its answer, strictly and within bounds.

Data from the network is untrusted: `decode` accepts only an answer to the question that was
asked, and reads no more records, labels or bytes than a real answer has.
"""

import struct
from enum import IntEnum
from ipaddress import IPv6Address
from socket import inet_ntoa
from typing import TypeAlias

from attrs import frozen

from qutrio.probes.dns.names import MalformedError, NameReader, to_wire

MESSAGE_BYTES_MAX = 65_535
RECORDS_MAX = 512
"""Records of one answer; the largest real sets have a few dozen."""

EDNS_BYTES = 1232
"""The size that we accept over UDP with EDNS: no path fragments a datagram of this size."""

CHAIN_MAX = 16
"""Aliases (CNAME) that are followed within one answer."""

_HEADER = struct.Struct(">HHHHHH")
_PAIR = struct.Struct(">HH")
_RECORD = struct.Struct(">HHIH")
_ANSWER, _TRUNCATED, _RECURSES = 0x8000, 0x0200, 0x0080
_OPCODE = 0x7800
_RECURSE = 0x0100
_INTERNET = 1
_OPT = 41
_TTL_S_MAX = 2**31 - 1
_SOA_NUMBERS = 20
_IPV4_BYTES, _IPV6_BYTES, _PREFERENCE_BYTES = 4, 16, 2


class Type(IntEnum):
    """The types of records that are read."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    MX = 15
    TXT = 16
    AAAA = 28


class Rcode(IntEnum):
    """The results that this program distinguishes."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5


@frozen
class Question:
    """A question for the records of one type at one name."""

    name: str
    type: Type


@frozen
class Mx:
    """A mail exchanger; the lowest preference is tried first."""

    preference: int
    host: str


Data: TypeAlias = str | Mx | bytes
"""An address or a name as text; TXT as the bytes of its strings, joined."""


@frozen
class Record:
    """One record of an answer; `ttl_s` is 0 or more."""

    name: str
    type: Type
    ttl_s: int
    data: Data


@frozen
class Reply:
    """The answer of a server: `records` are those of the question's name and type.

    `aliases` are the names that aliases led to, in their order.  `ttl_s` is the least of all
    these records, or of an empty answer the zone's value, or None.  `recurses` is True if the
    server looks up names for clients.  `zone` is the owner of the SOA record of an empty answer.
    """

    rcode: int
    records: tuple[Record, ...] = ()
    aliases: tuple[str, ...] = ()
    ttl_s: int | None = None
    truncated: bool = False
    recurses: bool = True
    zone: str | None = None

    @property
    def conclusive(self) -> bool:
        """Whether the name's own servers answered that it exists, or that it does not."""
        return self.rcode in {Rcode.NOERROR, Rcode.NXDOMAIN}


def encode(question: Question, ident: int, *, edns: bool = False) -> bytes:
    """Return the message that asks `question`; raises `MalformedError` for a bad name."""
    head = _HEADER.pack(ident, _RECURSE, 1, 0, 0, 1 if edns else 0)
    asked = to_wire(question.name) + _PAIR.pack(question.type, _INTERNET)
    return head + asked + (b"\0" + _RECORD.pack(_OPT, EDNS_BYTES, 0, 0) if edns else b"")


def is_answer_to(message: bytes, question: Question, ident: int) -> bool:
    """Return whether `message` answers exactly this question; others are dropped unread."""
    if len(message) < _HEADER.size:
        return False
    found, flags, questions, *_ = _HEADER.unpack_from(message)
    if found != ident or flags & (_ANSWER | _OPCODE) != _ANSWER:
        return False
    if not questions:  # servers that could not parse the question omit it
        return bool(flags & 0xF)
    wire = to_wire(question.name) + _PAIR.pack(question.type, _INTERNET)
    asked = message[_HEADER.size : _HEADER.size + len(wire)]
    return questions == 1 and asked.lower() == wire.lower()


def decode(message: bytes, question: Question) -> Reply:
    """Read an answer for which `is_answer_to` holds; raises `MalformedError`."""
    _, flags, questions, answers, authorities, _ = _HEADER.unpack_from(message)
    rcode, recurses = flags & 0xF, bool(flags & _RECURSES)
    if flags & _TRUNCATED:
        return Reply(rcode, truncated=True, recurses=recurses)
    if rcode not in {Rcode.NOERROR, Rcode.NXDOMAIN}:
        return Reply(rcode, recurses=recurses)
    if answers + authorities > RECORDS_MAX:
        raise MalformedError(f"holds more than {RECORDS_MAX} records")
    place = _HEADER.size
    if questions:
        place += len(to_wire(question.name)) + _PAIR.size
    reader = _RecordReader(message, place)
    found = reader.read(answers)
    ttl_s, zone = _negative(reader.read(authorities))
    return _followed(question, found, Reply(rcode, (), (), ttl_s, recurses=recurses, zone=zone))


def _followed(question: Question, found: list[Record], empty: Reply) -> Reply:
    """Follow the aliases from the question's name to the wanted records."""
    name = question.name.lower().removesuffix(".")
    aliases: list[Record] = []
    while True:
        wanted = tuple(r for r in found if r.name == name and r.type == question.type)
        if wanted:
            ttl_s = min(record.ttl_s for record in (*wanted, *aliases))
            return Reply(
                empty.rcode,
                wanted,
                tuple(str(alias.data) for alias in aliases),
                ttl_s,
                recurses=empty.recurses,
            )
        alias = next((r for r in found if r.name == name and r.type is Type.CNAME), None)
        if alias is None or len(aliases) == CHAIN_MAX:
            return empty
        aliases.append(alias)
        name = str(alias.data)


def _negative(authorities: list[Record]) -> tuple[int | None, str | None]:
    for record in authorities:
        if record.type is Type.SOA and isinstance(record.data, bytes):
            minimum = int.from_bytes(record.data[-4:], "big")
            return min(record.ttl_s, minimum), record.name
    return None, None


class _RecordReader:
    """Reads the records of a message one after another; skips unknown types."""

    def __init__(self, message: bytes, place: int) -> None:
        self._message = message
        self._place = place
        self._names = NameReader(message)

    def read(self, count: int) -> list[Record]:
        return [record for record in (self._next() for _ in range(count)) if record is not None]

    def _next(self) -> Record | None:
        name, place = self._names.at(self._place)
        try:
            kind, group, ttl_s, size = _RECORD.unpack_from(self._message, place)
        except struct.error:
            raise MalformedError("ends within a record") from None
        place += _RECORD.size
        self._place = place + size
        if self._place > len(self._message):
            raise MalformedError("ends within a record")
        if group != _INTERNET or kind not in _KNOWN:
            return None
        ttl_s = ttl_s if ttl_s <= _TTL_S_MAX else 0  # as RFC 2181 says
        return Record(name, Type(kind), ttl_s, self._data(kind, place, size))

    def _data(self, kind: int, place: int, size: int) -> Data:
        raw = self._message[place : place + size]
        match kind:
            case Type.A if size == _IPV4_BYTES:
                return inet_ntoa(raw)
            case Type.AAAA if size == _IPV6_BYTES:
                return str(IPv6Address(raw))
            case Type.CNAME | Type.NS:
                return self._name(place, place + size)
            case Type.MX if size > _PREFERENCE_BYTES:
                host = self._name(place + _PREFERENCE_BYTES, place + size)
                return Mx(int.from_bytes(raw[:_PREFERENCE_BYTES], "big"), host)
            case Type.TXT:
                return _strings(raw)
            case Type.SOA if size > _SOA_NUMBERS:
                return raw[-_SOA_NUMBERS:]
            case _:
                raise MalformedError(f"holds a record of type {Type(kind).name} of {size} bytes")

    def _name(self, place: int, end: int) -> str:
        name, after = self._names.at(place)
        if after != end:
            raise MalformedError("holds a name that does not fill its record")
        return name


_KNOWN = frozenset(int(kind) for kind in Type)


def _strings(raw: bytes) -> bytes:
    joined, place = bytearray(), 0
    while place < len(raw):
        end = place + 1 + raw[place]
        if end > len(raw):
            raise MalformedError("holds a text that is longer than its record")
        joined += raw[place + 1 : end]
        place = end
    return bytes(joined)

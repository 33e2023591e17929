r"""Domain names: their text form, their form on the wire, and strict limits on both.

The text form has no final dot and is in lower case; the root is the empty text.  Bytes that
would be ambiguous are written as `\ddd`, and a dot within a label as `\.`.
"""

import re
from typing import TypeAlias

LABEL_BYTES_MAX = 63
NAME_BYTES_MAX = 255
POINTERS_MAX = 64
LABELS_MAX = 4096
"""Labels in one message; only a message made to be slow to read has more."""

_POINTER = 0xC0
_ESCAPE = re.compile(rb"\\(\d{3}|.)", re.DOTALL)
_DOT = 0x2E
_PLAIN = re.compile(rb"[0-9A-Za-z_-]+")

_Read: TypeAlias = tuple[str, int, int]
"""A name, its size on the wire without compression, and the place after it."""


class MalformedError(ValueError):
    """A message or name that violates the rules of DNS; the text completes 'the answer ...'."""


def to_wire(name: str) -> bytes:
    """Return a name as it is sent, without compression; raises `MalformedError`."""
    try:
        text = name.encode("ascii").removesuffix(b".")
    except UnicodeEncodeError:
        raise MalformedError(f"{name[:80]!r} is not an ASCII name") from None
    if not text:
        return b"\0"
    labels = text.split(b".") if b"\\" not in text else _split_escaped(text)
    if not all(0 < len(label) <= LABEL_BYTES_MAX for label in labels):
        raise MalformedError(f"{name[:80]!r} has an empty label, or one over 63 bytes")
    wire = b"".join([bytes((len(label),)) + label for label in labels]) + b"\0"
    if len(wire) > NAME_BYTES_MAX:
        raise MalformedError(f"{name[:80]!r} is longer than {NAME_BYTES_MAX} bytes")
    return wire


def _split_escaped(text: bytes) -> list[bytes]:
    labels, rest = [bytearray()], 0
    while rest < len(text):
        escape = _ESCAPE.match(text, rest)
        if escape is not None:
            word = escape[1]
            labels[-1].append(int(word) & 0xFF if len(word) > 1 else word[0])
            rest = escape.end()
        elif text[rest] == _DOT:
            labels.append(bytearray())
            rest += 1
        else:
            labels[-1].append(text[rest])
            rest += 1
    return [bytes(label) for label in labels]


class NameReader:
    """Reads the names of one message, each place at most once."""

    def __init__(self, message: bytes) -> None:
        """Begin to read `message`."""
        self._message = message
        self._read: dict[int, _Read] = {}
        self._labels_left = LABELS_MAX

    def at(self, place: int) -> tuple[str, int]:
        """Return the name that starts at `place`, and the place after it.

        A compression pointer must point before the name that it ends, so that a chain of them
        cannot loop.  Raises `MalformedError`.
        """
        name, _, after = self._known(place, POINTERS_MAX)
        return name, after

    def _known(self, place: int, pointers_left: int) -> _Read:
        known = self._read.get(place)
        if known is None:
            known = self._read[place] = self._new(place, pointers_left)
        return known

    def _new(self, start: int, pointers_left: int) -> _Read:
        message, place, size = self._message, start, 1
        labels: list[str] = []
        while True:
            length = _byte(message, place)
            if length >= _POINTER:
                target = (length & ~_POINTER) << 8 | _byte(message, place + 1)
                if target >= start or not pointers_left:
                    raise MalformedError("holds a compression loop")
                rest, rest_size, _ = self._known(target, pointers_left - 1)
                if rest:
                    labels.append(rest)
                size += rest_size - 1
                place += 2
                break
            place += 1
            if not length:
                break
            labels.append(self._label(place, length))
            place += length
            size += 1 + length
        if size > NAME_BYTES_MAX:
            raise MalformedError("holds a name that is too long")
        return ".".join(labels), size, place

    def _label(self, place: int, length: int) -> str:
        label = self._message[place : place + length]
        if length > LABEL_BYTES_MAX:
            raise MalformedError("holds a label of an unknown kind")
        if len(label) < length:
            raise MalformedError("ends within a name")
        self._labels_left -= 1
        if self._labels_left < 0:
            raise MalformedError("holds too many labels")
        return _shown(label)


def _byte(message: bytes, place: int) -> int:
    try:
        return message[place]
    except IndexError:
        raise MalformedError("ends within a name") from None


def _shown(label: bytes) -> str:
    if _PLAIN.fullmatch(label):
        return label.decode("ascii").lower()
    return "".join(_character(code) for code in label)


def _character(code: int) -> str:
    if code in b".\\":
        return "\\" + chr(code)
    character = chr(code)
    printable = character.isascii() and character.isprintable() and character != " "
    return character.lower() if printable else f"\\{code:03}"

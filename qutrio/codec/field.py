"""One field of a class as people write it: the row of a table, from which every door is made.

Files, the socket and commands read and write by the same row, and a command has its option and
its help from it.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from attrs import frozen

from qutrio.codec import fields
from qutrio.model.durations import format_duration
from qutrio.model.rules import MASK


@frozen
class Field:
    """One field: its plain name, its attribute in the model, its reader and its writer.

    A field that may hold a secret has a `mask`, and its `read` does not quote what it refuses.
    `help` says what it is for, with the default in brackets, and `form` what its value looks like;
    of a field with a fixed vocabulary, these are the `words`.  Only a `multiline` secret has
    several lines.
    """

    name: str
    read: fields.Read
    write: fields.Write = lambda value: value
    attribute: str = ""
    mask: fields.Write | None = None
    help: str = ""
    form: str = ""
    words: tuple[str, ...] = ()
    multiline: bool = False


@frozen
class Kinds:
    """The classes that the field `kind` names, and the class for unknown kinds."""

    known: Mapping[str, type]
    unknown: type


def masked(_: object) -> str:
    """Return the mask for a secret."""
    return MASK


def word(value: Any) -> object:
    """Return the word of a member of an enum."""
    return value.value


def choice(name: str, vocabulary: type[Enum], help_: str) -> Field:
    """Return a field that has one of the words of an enum."""
    words = tuple(str(member.value) for member in vocabulary)
    return Field(name, fields.choice(vocabulary), word, help=help_, words=words)


def span(name: str, help_: str = "") -> Field:
    """Return a field with a duration, whose attribute has it in seconds."""
    return Field(name, fields.duration, format_duration, f"{name}_s", help=help_, form="TIME")


def hidden(name: str, help_: str, *, multiline: bool = False) -> Field:
    """Return a field with a secret that may be missing."""
    read = fields.optional(fields.hidden_text)
    return Field(name, read, mask=masked, help=help_, multiline=multiline)


NAMED = (
    Field("id", fields.text),
    Field("name", fields.text, help="A name for people: letters, digits, '.', '_', '-'."),
)
OPTIONAL_TEXT = fields.optional(fields.text)

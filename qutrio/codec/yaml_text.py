"""The subset of YAML that qutrio reads and writes: plain data, bounded, with line numbers.

Reading uses the parser's events rather than a loader, so that too much size or depth, aliases,
tags and duplicate keys are refused before anything is built.  Plain scalars mean what they mean
in JSON: `null`, `true`, `false`, numbers; everything else is text, dates included.
"""

import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any, Final, TypeAlias

import orjson
from attrs import define, field, frozen
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from qutrio.errors import InvalidDocumentError

YAML_BYTES_MAX = 32 * 1024 * 1024
YAML_DEPTH_MAX = 40
KEY_CHARS_SIMPLE_MAX = 200
SHOWN_CHARS_MAX = 80
PROBLEM_CHARS_MAX = 200
BASIC_PLANE_MAX = 0xFFFF

Path: TypeAlias = tuple[str | int, ...]
"""The place of a value: keys and indices from the top."""

_CONSTANTS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,39})")
_FLOAT = re.compile(
    r"[-+]?(?:[0-9]{1,40}\.[0-9]{0,40}|\.[0-9]{1,40}|[0-9]{1,40}(?=[eE]))"
    r"(?:[eE][-+]?[0-9]{1,3})?"
)
_TAB = r"character '\t'"
_QUOTED = re.compile(r"'(?!<)[^'\n]{2,}'")
"""Quotations in parser errors, other than single characters and token names (`<block end>`)."""

_BARE_KEY = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED: Final = frozenset(_CONSTANTS) | {"y", "n", "yes", "no", "on", "off"}


@frozen
class YamlText:
    """The content of a YAML text: a mapping, and the line (from 1) of every value in it."""

    data: dict[str, Any]
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """Return the line of a value, or of the nearest value around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_yaml(text: str, source: str) -> YamlText:
    """Read a text that holds one mapping.

    Raises `InvalidDocumentError`, whose message begins with `source` and the line.
    """
    if len(text.encode("utf-8", "replace")) > YAML_BYTES_MAX:
        raise InvalidDocumentError(f"{source}: is larger than {YAML_BYTES_MAX} bytes")
    try:
        return _Builder(source).build(YAML(typ="safe", pure=True).parse(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        problem = f"{source}:{line}: is not YAML: {_unquoted(error.problem or error.context)}"
    except (YAMLError, ValueError) as error:
        problem = f"{source}: is not YAML: {_unquoted(str(error))}"
    raise InvalidDocumentError(problem)


def quoted(text: str) -> str:
    """Return text as a double-quoted YAML scalar on one line."""
    plain = orjson.dumps(text).decode()
    if plain.isprintable():
        return plain
    return "".join(c if c.isprintable() else _escape(c) for c in plain)


def flow(value: object) -> str:
    """Return plain JSON data as YAML on one line."""
    match value:
        case str():
            return quoted(value)
        case dict():
            inner = ", ".join(f"{key(name)}: {flow(item)}" for name, item in value.items())
            return "{" + inner + "}"
        case list() | tuple():
            return "[" + ", ".join(map(flow, value)) + "]"
        case _:
            return orjson.dumps(value).decode()


def key(name: str) -> str:
    """Return the name of a field as YAML: bare if every parser reads it alike, else quoted."""
    if _BARE_KEY.fullmatch(name) and name not in _RESERVED and len(name) <= KEY_CHARS_SIMPLE_MAX:
        return name
    return quoted(name) if len(name) <= KEY_CHARS_SIMPLE_MAX else f"? {quoted(name)}"


def block_field(name: str, value: object, indent: str) -> str:
    """Return a field of a block mapping: one line, or two when its name is very long."""
    separator = f"\n{indent}: " if len(name) > KEY_CHARS_SIMPLE_MAX else ": "
    return f"{indent}{key(name)}{separator}{flow(value)}"


def _unquoted(message: str | None) -> str:
    """Return a parser's message on one line without its quotations, which may be secrets."""
    line = " ".join((message or "").split()).replace(_TAB, "a tab")
    return _QUOTED.sub("'...'", line)[:PROBLEM_CHARS_MAX]


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= BASIC_PLANE_MAX else f"\\U{code:08x}"


@define
class _Builder:
    """Builds data from the parser's events, one node at a time."""

    source: str
    lines: dict[Path, int] = field(factory=dict)

    def build(self, events: Iterator[Event]) -> YamlText:
        data: Any = None
        for event in events:
            if isinstance(event, DocumentStartEvent):
                if data is not None:
                    raise self._refusal(event, "a second document begins; the file holds one")
                data = self._node(next(events), events, ())
                if not isinstance(data, dict):
                    raise self._refusal(event, "holds no settings")
        if data is None:
            raise InvalidDocumentError(f"{self.source}: is empty")
        return YamlText(data, self.lines)

    def _node(self, event: Event, events: Iterator[Event], path: Path) -> Any:
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
            raise self._refusal(event, "anchors and aliases (& and *) are not supported")
        if isinstance(event, NodeEvent) and getattr(event, "tag", None) is not None:
            raise self._refusal(event, "tags (!) are not supported")
        if len(path) > YAML_DEPTH_MAX:
            raise self._refusal(event, f"is nested more than {YAML_DEPTH_MAX} levels deep")
        self.lines[path] = event.start_mark.line + 1
        match event:
            case ScalarEvent():
                return _scalar(event)
            case SequenceStartEvent():
                return self._sequence(events, path)
            case MappingStartEvent():
                return self._mapping(events, path)
            case _:
                raise self._refusal(event, "is not a value")

    def _sequence(self, events: Iterator[Event], path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(events), SequenceEndEvent):
            items.append(self._node(event, events, (*path, len(items))))
        return items

    def _mapping(self, events: Iterator[Event], path: Path) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        while not isinstance(event := next(events), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                raise self._refusal(event, "a field's name must be plain text")
            name = str(event.value)
            if name in fields:
                raise self._refusal(event, f"{name[:SHOWN_CHARS_MAX]!r} is given twice")
            fields[name] = self._node(next(events), events, (*path, name))
            self.lines[*path, name] = event.start_mark.line + 1
        return fields

    def _refusal(self, event: Event, problem: str) -> InvalidDocumentError:
        return InvalidDocumentError(f"{self.source}:{event.start_mark.line + 1}: {problem}")


def _scalar(event: ScalarEvent) -> object:
    text = str(event.value)
    if not event.implicit[0]:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and isfinite(float(text)):
        return float(text)
    return text

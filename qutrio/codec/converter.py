"""The one cattrs converter: turns values into plain JSON data, and back.

Reading is strict: a number is not accepted as a string, nor a string as a list.  What a newer
version wrote is kept: unknown fields go into `extra` as (name, JSON text) and are written
again; checks, channels and notices of an unknown kind become `UnknownCheck`, `UnknownChannel`
and `UnknownKind`.  Every expected failure of this module is an `InvalidDocumentError`, or an
`UnsupportedVersionError` for a name that only a newer version can have written.
"""

from collections.abc import Callable, Iterable
from enum import Enum
from math import isfinite
from typing import Any, Final, TypeVar, get_args, get_origin

import attrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
from cattrs.preconf.orjson import OrjsonConverter, make_converter

from qutrio.codec.extra import extra_of, extra_values
from qutrio.codec.fields import kind_of
from qutrio.codec.pinned import tag
from qutrio.core.api.mutations import Batch, Mutation
from qutrio.errors import InvalidDocumentError, InvalidValueError, UnsupportedVersionError
from qutrio.model.channels import Channel, UnknownChannel
from qutrio.model.checks import Check, UnknownCheck
from qutrio.model.ids import RequestId, Term, UnixTime
from qutrio.model.incidents import AnyKind, Ledger, NoticeKind, UnknownKind
from qutrio.model.levels import LEVEL_UNSAID, level_of_field
from qutrio.model.rules import require_id, shown
from qutrio.model.stable import Position

Data = dict[str, Any]
Reader = Callable[[Any, Any], Any]
Writer = Callable[[Any], Data]
T = TypeVar("T")

WHOLE_MAX = 2**53
"""The largest whole number that is read: what is counted up from it can be written for ever.

JSON writers end at 64 bits, and one member could give a number that the next step cannot write.
"""
UNIX_MAX = UnixTime(253_402_300_799.0)
"""The end of the year 9999: later moments, and those before 1970, have no date.  They are read as
the nearest one that has, and no other number is read as larger than `WHOLE_MAX`."""


def structure(data: object, shape: type[T], what: str) -> T:
    """Read plain JSON data as a `shape`.

    `what` begins the message of the `InvalidDocumentError` (or `UnsupportedVersionError`)
    that is raised when the data does not describe one.
    """
    try:
        return CONVERTER.structure(data, shape)
    except UnsupportedVersionError as error:
        raise UnsupportedVersionError(f"{what}: {error}") from None
    except INVALID as error:
        raise InvalidDocumentError(f"{what}: {problem(error)}") from None


INVALID: Final = (
    InvalidDocumentError,
    InvalidValueError,
    KeyError,
    TypeError,
    ValueError,
    RecursionError,
)
"""Everything that structuring raises for data of a wrong shape."""


def problem(error: Exception) -> str:
    """Return in words what an exception out of `INVALID` found wrong."""
    if isinstance(error, KeyError):
        return f"the field {error.args[0]!r} is missing"
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    return str(error) or type(error).__name__


def _make() -> OrjsonConverter:
    converter = make_converter(detailed_validation=False)
    for primitive in (bool, str):
        converter.register_structure_hook(primitive, _exactly(primitive))
    converter.register_structure_hook(int, _read_whole)
    converter.register_structure_hook(float, _read_float)
    converter.register_structure_hook(UnixTime, _read_moment)
    converter.register_unstructure_hook(float, lambda value: float(value) + 0.0)
    converter.register_structure_hook_factory(_is_enum, _enum_reader)
    converter.register_structure_hook_factory(_is_tuple, lambda t: _tuple_reader(t, converter))
    converter.register_structure_hook_factory(attrs.has, lambda t: _class_reader(t, converter))
    converter.register_unstructure_hook_factory(attrs.has, lambda t: _class_writer(t, converter))
    converter.register_structure_hook(RequestId, _read_request)
    converter.register_structure_hook(Position, _read_position)
    converter.register_unstructure_hook(Position, lambda p: (p.term, p.number))
    converter.register_structure_hook(Batch, lambda data, _: _read_batch(data, converter))
    converter.register_unstructure_hook(Batch, lambda batch: _write_batch(batch, converter))
    converter.register_structure_hook(AnyKind, _notice_kind)
    converter.register_unstructure_hook(AnyKind, lambda kind: kind.value)
    _register_union(converter, Check, UnknownCheck)
    _register_union(converter, Channel, UnknownChannel)
    _register_union(converter, Mutation, None)
    read_ledger = converter.get_structure_hook(Ledger)
    converter.register_structure_hook(Ledger, lambda data, _: read_ledger(data, _).well_formed())
    return converter


def _exactly(primitive: type) -> Reader:
    def read(value: object, _: object) -> object:
        if type(value) is not primitive:
            raise _unlike(value, _WORDS[primitive])
        return value

    return read


_WORDS: Final = {bool: "true or false", str: "a string"}


def _unlike(value: object, wanted: str) -> TypeError:
    """Return the error for a value of another type; it is not quoted, as it may be a secret."""
    return TypeError(f"{kind_of(value)} is not {wanted}")


def _read_whole(value: object, _: object) -> int:
    if type(value) is not int:
        raise _unlike(value, "a whole number")
    if not -WHOLE_MAX <= value <= WHOLE_MAX:
        raise ValueError(f"{value} is out of range: at most {WHOLE_MAX}")
    return value


def _read_float(value: object, _: object) -> float:
    if (type(value) is float and isfinite(value)) or type(value) is int:
        return float(min(max(value, -WHOLE_MAX), WHOLE_MAX))
    raise _unlike(value, "a number")


def _read_moment(value: object, _: object) -> UnixTime:
    return UnixTime(min(max(_read_float(value, _), 0.0), UNIX_MAX))


def _read_request(value: object, _: object) -> RequestId:
    """Read the id of a request, which is remembered and sent back, and is never on a disk."""
    if type(value) is not str:
        raise _unlike(value, "a string")
    require_id("request", value)
    return RequestId(value)


def _read_position(value: object, _: object) -> Position:
    if type(value) is list and [type(part) for part in value] == [int, int]:
        term, number = (_read_whole(part, int) for part in value)
        return Position(Term(term), number)
    raise _unlike(value, "a position")


def _is_enum(shape: object) -> bool:
    return isinstance(shape, type) and issubclass(shape, Enum)


def _enum_reader(shape: type[Enum]) -> Reader:
    known = {member.value: member for member in shape}
    words = "one of " + ", ".join(known)

    def read(value: object, _: object) -> Enum:
        if not isinstance(value, str):
            raise _unlike(value, words)
        if value not in known:
            raise UnsupportedVersionError(f"{shown(value)} is not {words}")
        return known[value]

    return read


def _notice_kind(value: object, _: object) -> AnyKind:
    if not isinstance(value, str):
        raise _unlike(value, "a kind of notice")
    return _NOTICE_KINDS.get(value) or UnknownKind(value)


_NOTICE_KINDS: Final = {kind.value: kind for kind in NoticeKind}


def _is_tuple(shape: object) -> bool:
    return get_origin(shape) is tuple


def _tuple_reader(shape: Any, converter: OrjsonConverter) -> Reader:
    args = get_args(shape)
    readers = [(converter.get_structure_hook(arg), arg) for arg in args if arg is not Ellipsis]
    repeated, inner = readers[0]
    if args[-1] is not Ellipsis:
        return _fixed_tuple_reader(readers)

    def read(value: object, _: object) -> tuple[Any, ...]:
        if type(value) is not list:
            raise _unlike(value, "a list")
        return tuple([repeated(item, inner) for item in value])

    return read


def _fixed_tuple_reader(readers: list[tuple[Reader, Any]]) -> Reader:
    def read(value: object, _: object) -> tuple[Any, ...]:
        if type(value) is not list or len(value) != len(readers):
            raise _unlike(value, f"a list of {len(readers)}")
        return tuple([hook(item, t) for item, (hook, t) in zip(value, readers, strict=True)])

    return read


def _overrides(cls: type) -> dict[str, Any]:
    """Return cattrs overrides for attributes that are not fields of the same name in the data."""
    chosen: dict[str, Any] = {"extra": override(omit=True)} if _has_extra(cls) else {}
    for name, attribute in attrs.fields_dict(cls).items():
        if level_of_field(attribute) > LEVEL_UNSAID:
            chosen[name] = override(omit_if_default=True)
    if "kind_name" in attrs.fields_dict(cls):
        chosen["kind_name"] = override(rename="kind")
    return chosen


def _has_extra(cls: type) -> bool:
    return "extra" in attrs.fields_dict(cls)


def known_fields(cls: type) -> frozenset[str]:
    """Return the names under which the fields of a class appear in data, `kind` included."""
    names = attrs.fields_dict(cls).keys() - {"extra", "kind_name"}
    return frozenset(names | ({"kind"} if hasattr(cls, "kind") else set()))


def _class_reader(cls: type, converter: OrjsonConverter) -> Reader:
    build: Reader = make_dict_structure_fn(
        cls, converter, _cattrs_detailed_validation=False, **_overrides(cls)
    )
    known = known_fields(cls)
    keeps_extra = _has_extra(cls)

    def read(value: Any, shape: Any) -> Any:
        if type(value) is not dict:
            raise _unlike(value, "an object")
        built = build(value, shape)
        if keeps_extra and not value.keys() <= known:
            return attrs.evolve(built, extra=extra_of(value, known))
        return built

    return read


def _class_writer(cls: type, converter: OrjsonConverter) -> Writer:
    plain: Writer = make_dict_unstructure_fn(cls, converter, **_overrides(cls))
    if not _has_extra(cls):
        return plain

    def write(value: Any) -> Data:
        data = plain(value)
        return {**extra_values(value.extra), **data} if value.extra else data

    return write


def _read_batch(data: object, converter: OrjsonConverter) -> Batch:
    items = data.get("mutations") if isinstance(data, dict) else None
    if not isinstance(items, list):
        raise TypeError("the field 'mutations' is missing or is not a list")
    read = converter.get_structure_hook(Mutation)
    return Batch(mutations=tuple([read(item, Mutation) for item in items]))


def _write_batch(batch: Batch, converter: OrjsonConverter) -> Data:
    write = converter.get_unstructure_hook(Mutation)
    return {"mutations": [write(mutation) for mutation in batch.mutations]}


def _register_union(converter: OrjsonConverter, union: Any, unknown: type | None) -> None:
    """Register hooks for a union whose classes differ by `kind`, and for that union or None."""
    read, write = union_hooks(converter, get_args(union), unknown)
    converter.register_structure_hook(union, read)
    converter.register_unstructure_hook(union, write)
    converter.register_structure_hook(
        union | None, lambda data, shape: None if data is None else read(data, shape)
    )
    converter.register_unstructure_hook(
        union | None, lambda value: None if value is None else write(value)
    )


def union_hooks(
    converter: OrjsonConverter,
    classes: Iterable[type],
    unknown: type | None,
    name: Callable[[type], str] = tag,
) -> tuple[Reader, Callable[[Any], Any]]:
    """Return functions that read and write a union whose classes differ by `kind`.

    Data of any other kind is read as `unknown`, which must be one of the classes; without
    `unknown` it is refused with `UnsupportedVersionError`.  `name` returns a class's kind.
    """
    writers = {cls: (converter.get_unstructure_hook(cls), name(cls)) for cls in classes}
    readers = {kind: (converter.get_structure_hook(cls), cls) for cls, (_, kind) in writers.items()}
    other = None
    if unknown is not None:
        other = readers.pop(name(unknown))

    def read(data: Any, _: object) -> Any:
        if type(data) is not dict:
            raise _unlike(data, "an object")
        kind = data["kind"]
        if type(kind) is not str:
            raise TypeError(f"the kind {shown(kind)} is not a string")
        found = readers.get(kind, other)
        if found is None:
            raise UnsupportedVersionError(f"the kind {shown(kind)} is not known to this version")
        hook, cls = found
        return hook(data, cls)

    def write(value: Any) -> Any:
        hook, kind = writers[type(value)]
        return {"kind": kind, **hook(value)}

    return read, write


CONVERTER: Final = _make()
"""Configured here only."""

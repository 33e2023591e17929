"""The fields of checks, channels and the other classes as plain data: one table for each class."""

from collections.abc import Callable, Container, Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final, TypeAlias, TypeVar

import attrs

from qutrio.codec import fields
from qutrio.codec.channel_fields import CHANNEL_FIELDS
from qutrio.codec.check_fields import CHECK_FIELDS
from qutrio.codec.extra import extra_of, extra_values
from qutrio.codec.field import NAMED, OPTIONAL_TEXT, Field, Kinds, masked, span
from qutrio.errors import InvalidValueError
from qutrio.model.document import ClusterDocument, Settings
from qutrio.model.edits import Edit
from qutrio.model.ids import Extra
from qutrio.model.members import Member, Token
from qutrio.model.rules import MASK, shown

T = TypeVar("T")
Plain: TypeAlias = dict[str, Any]


def _read_claimant(value: object, name: str) -> Member | None:
    if value is None:
        return None
    try:
        return read_value(Member, value, strict=False)
    except InvalidValueError as error:
        raise InvalidValueError(name, str(error)) from None


def _write_claimant(claimant: Member) -> Plain:
    return write_value(claimant, secrets=True)


def _read_edit(value: object, name: str) -> Edit:
    try:
        return read_value(Edit, value, strict=False)
    except InvalidValueError as error:
        raise InvalidValueError(name, str(error)) from None


def _read_edits(value: object, name: str) -> tuple[Edit, ...]:
    if not isinstance(value, list | tuple):
        raise InvalidValueError(name, f"{shown(value)} is not a list")
    return tuple(_read_edit(edit, name) for edit in value)


_MEMBER: Final = (
    *NAMED,
    Field("address", fields.text),
    Field("voter", fields.flag),
    Field("fingerprint", fields.text),
    Field("certificate", fields.text),
)
_TOKEN: Final = (
    Field("id", fields.text),
    Field("secret_hash", fields.hidden_text, mask=masked),
    Field("name", OPTIONAL_TEXT),
    Field("created_unix", fields.number),
    Field("expires_unix", fields.number),
    Field("auto_approve", fields.flag),
    Field("claimant", _read_claimant, _write_claimant),
)
FIELDS: Final[Mapping[type, tuple[Field, ...]]] = {
    **CHECK_FIELDS,
    **CHANNEL_FIELDS,
    Member: _MEMBER,
    Token: _TOKEN,
    ClusterDocument: (
        Field("cluster_id", fields.text),
        Field("revision", fields.whole),
        Field("term", fields.whole),
        Field("level", fields.whole),
        Field("last_change", _read_edit),
        Field("edits", _read_edits),
    ),
    Edit: (
        Field("item", fields.text),
        Field("revision", fields.whole),
        Field("at_unix", fields.number),
        Field("node", fields.text),
        Field("name", fields.text),
        Field("door", fields.text),
        Field("uid", fields.optional(fields.whole)),
    ),
    Settings: (
        Field("engine", fields.text),
        span("heartbeat"),
        span("dead_after"),
        span("master_cooldown"),
        span("confirm_after"),
        span("raft_heartbeat"),
        span("raft_election_timeout"),
        span("gossip_startup_grace"),
        span("gossip_sample"),
        span("gossip_election"),
        span("gossip_alive"),
        Field("acting", fields.text),
        Field("resolvers", fields.listed, list),
        span("unseen_after"),
    ),
}
"""In the order in which they are written.  `kind` is not among them."""


def read_value(
    cls: type[T],
    data: object,
    *,
    strict: bool,
    given: Mapping[str, object] = MappingProxyType({}),
    ignored: frozenset[str] = frozenset(),
) -> T:
    """Return the value of the class `cls` that plain data describes.

    `given` are attributes that were already read, `ignored` are fields without an attribute.
    Raises `InvalidValueError`, whose field is the plain name.
    """
    if not isinstance(data, Mapping):
        raise InvalidValueError("value", f"{fields.kind_of(data)} is not a mapping of fields")
    table = {known.name: known for known in FIELDS[cls]}
    known_names = frozenset(table.keys() | given.keys() | ignored)
    values = {
        known.attribute or name: known.read(data[name], name)
        for name, known in table.items()
        if name in data
    }
    _require_all(cls, table.values(), {**values, **given})
    build: Callable[..., T] = cls
    try:
        extra = _read_extra(data, known_names, strict=strict)
        return build(**values, **given, extra=extra)
    except InvalidValueError as error:
        plain = {known.attribute: name for name, known in table.items() if known.attribute}
        raise InvalidValueError(plain.get(error.field, error.field), error.problem) from None


def read_kind(kinds: Kinds, data: object, *, strict: bool) -> object:
    """Return the value of the class that the field `kind` names.

    An unknown kind is refused when `strict`, and otherwise kept whole.
    """
    if not isinstance(data, Mapping):
        raise InvalidValueError("value", f"{fields.kind_of(data)} is not a mapping of fields")
    if "kind" not in data:
        raise InvalidValueError("kind", f"is missing; it is one of {', '.join(kinds.known)}")
    kind = fields.text(data["kind"], "kind")
    ignored = frozenset({"kind"})
    if kind in kinds.known:
        return read_value(kinds.known[kind], data, strict=strict, ignored=ignored)
    if strict:
        raise InvalidValueError("kind", f"{kind!r} is not one of {', '.join(kinds.known)}")
    return read_value(
        kinds.unknown, data, strict=strict, given={"kind_name": kind}, ignored=ignored
    )


def write_value(value: Any, *, secrets: bool) -> Plain:
    """Return the plain data of a value; fields that are None are left out."""
    data: Plain = {}
    for known in FIELDS[type(value)]:
        attribute = getattr(value, known.attribute or known.name)
        if attribute is not None:
            write = known.write if secrets or known.mask is None else known.mask
            data[known.name] = write(attribute)
        if known.name == "name" and hasattr(value, "kind"):
            data["kind"] = getattr(value, "kind_name", value.kind)
    return data | {
        n: v for n, v in write_extra(value.extra, secrets=secrets).items() if n not in data
    }


def write_extra(extra: Extra, *, secrets: bool) -> Plain:
    """Return the fields of a newer version; any of them may be a secret."""
    return extra_values(extra) if secrets else {name: MASK for name, _ in extra}


def _read_extra(data: Mapping[str, object], known: frozenset[str], *, strict: bool) -> Extra:
    unknown = sorted(data.keys() - known)
    if unknown and strict:
        near = get_close_matches(unknown[0], known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
        raise InvalidValueError(unknown[0], f"is not a field here; {hint}")
    try:
        return extra_of(data, known)
    except TypeError as error:
        raise InvalidValueError(unknown[0], str(error)) from None


def _require_all(cls: type, table: Iterable[Field], values: Container[str]) -> None:
    defaults = {a.name: a.default for a in attrs.fields(cls)}
    for known in table:
        name = known.attribute or known.name
        if name not in values and defaults[name] is attrs.NOTHING:
            raise InvalidValueError(known.name, "is missing")

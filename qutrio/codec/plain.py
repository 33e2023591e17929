"""Plain data: the one form that people see, in cluster.yaml, on the control socket and in the CLI.

Plain data is JSON data: durations are `30s`, sizes are `1MiB`, and names do not end in units.
A missing field takes the model's default.  An unknown field is an error where a person types it
(`strict`), and is kept in `extra` where a file may come from a newer version.  Errors are
`InvalidDocumentError`, which says where, in which field, and what to do.
"""

from collections.abc import Callable, Container, Mapping
from functools import partial
from hashlib import sha256
from typing import Any, Final, TypeAlias, TypeVar, cast

from attrs import define, field

from qutrio.codec.channel_fields import CHANNELS
from qutrio.codec.check_fields import CHECKS
from qutrio.codec.fields import kind_of
from qutrio.codec.plain_fields import (
    Plain,
    read_kind,
    read_value,
    write_extra,
    write_value,
)
from qutrio.errors import InvalidDocumentError, InvalidValueError, UnsupportedVersionError
from qutrio.model.channels import Channel
from qutrio.model.checks import Check
from qutrio.model.document import ClusterDocument, Settings
from qutrio.model.levels import LEVEL_UNSAID
from qutrio.model.members import Member, Token

DOCUMENT_FORMAT = 1
DERIVED_ID_DIGITS = 11

Place: TypeAlias = tuple[str | int, ...]
"""A place in a document, such as `("checks", 3, "interval")`."""
Locate: TypeAlias = Callable[[Place], str]
"""Describes a place, for the beginning of a message."""
T = TypeVar("T")

_FORMAT: Final = frozenset({"format"})
_UNIQUE_NAMES: Final = frozenset({"members", "channels", "checks"})
_DERIVED: Final[Mapping[str, str]] = {"checks": "c", "channels": "a"}
"""Sections whose items may be written without an id, and the letter that their ids begin with."""


def check_from_plain(data: Mapping[str, object], where: str, *, strict: bool = False) -> Check:
    """Return the check that `data` describes; `kind`, `id` and `name` are required."""
    return _at(where, lambda: cast("Check", read_kind(CHECKS, data, strict=strict)))


def check_to_plain(check: Check, *, secrets: bool) -> Plain:
    """Return the plain data of a check, with masks in place of secrets unless `secrets`."""
    return write_value(check, secrets=secrets)


def channel_from_plain(data: Mapping[str, object], where: str, *, strict: bool = False) -> Channel:
    """Return the alert channel that `data` describes; `kind`, `id` and `name` are required."""
    return _at(where, lambda: cast("Channel", read_kind(CHANNELS, data, strict=strict)))


def channel_to_plain(channel: Channel, *, secrets: bool) -> Plain:
    """Return the plain data of a channel, with masks in place of secrets unless `secrets`."""
    return write_value(channel, secrets=secrets)


def settings_from_plain(
    data: Mapping[str, object], where: str, *, strict: bool = False
) -> Settings:
    """Return the settings that `data` describes."""
    return _at(where, lambda: read_value(Settings, data, strict=strict))


def settings_to_plain(settings: Settings) -> Plain:
    """Return the plain data of the settings, which hold no secret."""
    return write_value(settings, secrets=True)


def member_from_plain(data: Mapping[str, object], where: str, *, strict: bool = False) -> Member:
    """Return the member that `data` describes."""
    return _at(where, lambda: read_value(Member, data, strict=strict))


def member_to_plain(member: Member) -> Plain:
    """Return the plain data of a member, which holds no secret."""
    return write_value(member, secrets=True)


def token_from_plain(data: Mapping[str, object], where: str, *, strict: bool = False) -> Token:
    """Return the token that `data` describes."""
    return _at(where, lambda: read_value(Token, data, strict=strict))


def token_to_plain(token: Token, *, secrets: bool) -> Plain:
    """Return the plain data of a token, with a mask in place of its hash unless `secrets`."""
    return write_value(token, secrets=secrets)


def document_to_plain(document: ClusterDocument, *, secrets: bool) -> Plain:
    """Return the plain data of a whole document, in the order in which it is written."""
    return {
        "format": DOCUMENT_FORMAT,
        "cluster_id": document.cluster_id,
        "revision": document.revision,
        "term": document.term,
        **_level(document),
        "settings": settings_to_plain(document.settings),
        "members": [member_to_plain(m) for m in document.members],
        "tokens": [token_to_plain(t, secrets=secrets) for t in document.tokens],
        "channels": [channel_to_plain(c, secrets=secrets) for c in document.channels],
        "checks": [check_to_plain(c, secrets=secrets) for c in document.checks],
        **_authors(document),
        **write_extra(document.extra, secrets=secrets),
    }


def _level(document: ClusterDocument) -> Plain:
    """Return the level, or nothing for the level that a document without the field has."""
    return {"level": document.level} if document.level > LEVEL_UNSAID else {}


def _authors(document: ClusterDocument) -> Plain:
    """Return who made the last changes, as far as that is known."""
    known: Plain = {}
    if document.last_change is not None:
        known["last_change"] = write_value(document.last_change, secrets=True)
    if document.edits:
        known["edits"] = [write_value(edit, secrets=True) for edit in document.edits]
    return known


def document_from_plain(
    data: Mapping[str, object],
    where: str,
    *,
    strict: bool = False,
    locate: Locate | None = None,
) -> ClusterDocument:
    """Return the document that `data` describes.

    A check or channel without an id gets one that follows from its name.  `locate` replaces
    `where` in messages when it knows better, such as the line in a file.  Raises
    `UnsupportedVersionError` for a format that only a newer version reads.
    """
    return _Document(data, locate or (lambda _: where), strict=strict).read()


def identified(section: str, item: object) -> Any:
    """Give a check or channel without an id one that is derived from its name."""
    if section not in _DERIVED or not isinstance(item, dict) or "id" in item:
        return item
    digest = sha256(f"{section}:{item.get('name')}".encode("utf-8", "replace")).hexdigest()
    return {"id": _DERIVED[section] + digest[:DERIVED_ID_DIGITS], **item}


@define
class _Document:
    """Reads a document item by item, so that an error can name the item."""

    data: Mapping[str, object]
    locate: Locate
    strict: bool = field(kw_only=True)

    def read(self) -> ClusterDocument:
        self._require_format()
        sections = {
            "settings": self._settings(),
            "members": self._items("members", partial(read_value, Member)),
            "tokens": self._items("tokens", partial(read_value, Token)),
            "channels": self._items("channels", partial(read_kind, CHANNELS)),
            "checks": self._items("checks", partial(read_kind, CHECKS)),
        }
        try:
            return read_value(
                ClusterDocument, self.data, strict=self.strict, given=sections, ignored=_FORMAT
            )
        except InvalidValueError as error:
            raise self._refusal((error.field,), str(error)) from None

    def _require_format(self) -> None:
        version = self.data.get("format", DOCUMENT_FORMAT)
        if type(version) is not int or version < 1:
            raise self._refusal(("format",), f"format: must be {DOCUMENT_FORMAT}")
        if version > DOCUMENT_FORMAT:
            raise UnsupportedVersionError(
                f"{self.locate(('format',))}: format {version} is of a newer version of qutrio;"
                f" this version reads {DOCUMENT_FORMAT}"
            )

    def _settings(self) -> Settings:
        data = self.data.get("settings")
        try:
            return Settings() if data is None else read_value(Settings, data, strict=self.strict)
        except InvalidValueError as error:
            raise self._refusal(("settings", error.field), f"settings: {error}") from None

    def _items(self, section: str, read: Callable[..., T]) -> tuple[T, ...]:
        data = self.data.get(section)
        if data is None:
            return ()
        if not isinstance(data, list | tuple):
            raise self._refusal((section,), f"{section}: {kind_of(data)} is not a list")
        found: dict[str, T] = {}
        names: set[str] = set()
        for index, item in enumerate(data):
            plain = identified(section, item)
            try:
                value = read(plain, strict=self.strict)
                _require_new("name", plain.get("name"), names)
                _require_new("id", plain["id"], found)
            except InvalidValueError as error:
                place = (section, index, error.field)
                label = _label(section, index, plain)
                raise self._refusal(place, f"{label}: {error}") from None
            found[plain["id"]] = value
            if section in _UNIQUE_NAMES:
                names.add(plain["name"])
        return tuple(found[ident] for ident in sorted(found))

    def _refusal(self, place: Place, problem: str) -> InvalidDocumentError:
        return InvalidDocumentError(f"{self.locate(place)}: {problem}")


def _label(section: str, index: int, item: object) -> str:
    name = item.get("name") if isinstance(item, dict) else None
    noun = section.removesuffix("s")
    return f"{noun} {name!r}" if isinstance(name, str) else f"{noun} number {index + 1}"


def _require_new(name: str, value: str | None, found: Container[str]) -> None:
    if value is not None and value in found:
        raise InvalidValueError(name, f"{value!r} is given twice")


def _at(where: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except InvalidValueError as error:
        raise InvalidDocumentError(f"{where}: {error}") from None

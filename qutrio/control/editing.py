"""New ids and merged fields, for adding and editing checks and channels."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from qutrio.codec.masks import restored
from qutrio.codec.plain_fields import FIELDS
from qutrio.control.protocol import Code, ControlFailure
from qutrio.errors import InvalidDocumentError, InvalidValueError
from qutrio.model.channels import Channel
from qutrio.model.check_base import CheckBase
from qutrio.model.checks import Check
from qutrio.model.rules import shown

FIXED = frozenset({"id", "kind", "changed"})
"""Fields that no edit may touch."""


def new_id() -> str:
    """Return an id that YAML cannot read as a number: a letter and 11 hexadecimal digits."""
    return "c" + secrets.token_hex(6)[:11]


@contextmanager
def named_in_errors(kind: str, name: object) -> Iterator[None]:
    """Say in errors about a value which item it belongs to; `kind` is "check" or "alert"."""
    try:
        yield
    except InvalidValueError as error:
        raise InvalidDocumentError(f"{item_named(kind, name)}: {error}") from None


def item_named(kind: str, name: object) -> str:
    """Return how errors name an item, which may have no name yet."""
    return kind if name is None else f"{kind} {shown(name)}"


def edited(
    was: Check | Channel,
    plain: Mapping[str, object],
    changes: Mapping[str, object],
    unset: tuple[str, ...],
) -> dict[str, object]:
    """Return `plain`, the form of `was`, with `changes` applied and `unset` fields left out.

    A mask among the changes stands for the old value.

    Fields of a newer version (`extra`) are left out too: the caller carries them over, so
    that the result can be read strictly, which refuses unknown names among the changes.
    Raises `ControlFailure` for a field that cannot be edited or unset, and when nothing is
    given.
    """
    if not changes and not unset:
        raise ControlFailure(Code.INVALID, "nothing to change: give at least one option")
    for name in [*changes, *unset]:
        if name in FIXED:
            raise ControlFailure(Code.INVALID, f"{name}: cannot be edited")
    _require_known(was, changes, unset)
    dropped = {*unset, *(name for name, _ in was.extra)}
    merged = {**plain, **restored(was, changes)}
    return {name: value for name, value in merged.items() if name not in dropped}


def _require_known(
    was: Check | Channel, changes: Mapping[str, object], unset: tuple[str, ...]
) -> None:
    known = [field.name for field in FIELDS[type(was)] if field.name not in FIXED]
    for name in [*changes, *unset]:
        if name not in known:
            kind = f"{was.kind} {'check' if isinstance(was, CheckBase) else 'channel'}"
            sentence = f"{name[:80]}: is not a field of a {kind}; it has {', '.join(sorted(known))}"
            raise ControlFailure(Code.INVALID, sentence)
        if name in changes and name in unset:
            raise ControlFailure(Code.INVALID, f"{name}: is both set and unset; give one of them")

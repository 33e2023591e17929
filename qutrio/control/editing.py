"""What adding and editing have in common, whatever the noun: new ids, and merged fields."""

import secrets
from collections.abc import Mapping

from qutrio.control.protocol import Code, ControlFailure
from qutrio.model.ids import Extra

FIXED = frozenset({"id", "kind", "changed"})
"""Fields that no edit may touch."""


def new_id() -> str:
    """Return an identifier that YAML can never take for a number: a letter, then 11 hex digits."""
    return "c" + secrets.token_hex(6)[:11]


def edited(
    was: Mapping[str, object], extra: Extra, changes: Mapping[str, object], unset: tuple[str, ...]
) -> dict[str, object]:
    """Return the plain form `was` with `changes` in place and `unset` fields left out.

    Fields of a newer version (`extra`) are left out too: the caller carries them over, so
    that the result can be read strictly.  Raises `ControlFailure` for a field that cannot be
    edited, and when there is nothing to do.
    """
    if not changes and not unset:
        raise ControlFailure(Code.INVALID, "nothing to change: give at least one option")
    for name in [*changes, *unset]:
        if name in FIXED:
            raise ControlFailure(Code.INVALID, f"{name}: cannot be edited")
    dropped = {*unset, *(name for name, _ in extra)}
    return {name: value for name, value in {**was, **changes}.items() if name not in dropped}

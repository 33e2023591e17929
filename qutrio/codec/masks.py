"""Masks in edits: `********`, which is shown in place of a secret, is never stored as a value.

A user who copies the output of a command into an edit means the value behind the mask.  If the
rest of the field is as it was shown, the old value is kept; anything else is refused.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from qutrio.codec import fields
from qutrio.codec.extra import json_text
from qutrio.codec.field import Field
from qutrio.codec.plain_fields import FIELDS, Plain
from qutrio.errors import InvalidValueError
from qutrio.model.channels import Channel
from qutrio.model.checks import Check
from qutrio.model.rules import MASK

_MASK_IN_URL = re.compile(rf"[/?#&;=:@]{re.escape(MASK)}(?=[#@&;=/]|$)")
"""A mask that is a whole part of a URL; within another text it is a value."""

Headers: TypeAlias = Sequence[tuple[str, str]]

PROBLEM = (
    f"holds {MASK}, which only stands for a value that is not shown; give the value itself, or"
    " leave it as it was"
)


def restored(was: Check | Channel, changes: Mapping[str, object]) -> Plain:
    """Return `changes`, the plain form of an edit of `was`, with old values in place of masks.

    A mask that stands for no value is left in place; `require_unmasked` refuses it.
    """
    table = {known.name: known for known in FIELDS[type(was)] if known.mask is not None}
    return {
        name: _restored(table[name], was, value) if name in table else value
        for name, value in changes.items()
    }


def require_unmasked(value: Check | Channel, was: Check | Channel | None) -> None:
    """Raise `InvalidValueError` for a mask in place of a secret, unless `was` has it too."""
    for known in FIELDS[type(value)]:
        given = _attribute(known, value)
        same = type(was) is type(value) and _attribute(known, was) == given
        if known.mask is not None and not same and _is_masked(given):
            raise InvalidValueError(known.name, PROBLEM)
    before = dict(was.extra) if was is not None else {}
    for name, text in value.extra:
        if text == json_text(MASK) and before.get(name) != text:
            raise InvalidValueError(name, PROBLEM)


def _restored(known: Field, was: object, value: object) -> object:
    old = _attribute(known, was)
    if old is None or known.mask is None:
        return value
    if isinstance(old, tuple):
        return _restored_headers(old, value, known.name)
    return known.write(old) if value == known.mask(old) else value


def _restored_headers(old: Headers, value: object, name: str) -> object:
    try:
        given = fields.headers(value, name)
    except InvalidValueError:
        return value  # the reader of the field refuses it
    left = list(old)
    kept: list[tuple[str, str]] = []
    for pair in given:
        match = next((o for o in left if o[0].lower() == pair[0].lower()), None)
        if match is not None:
            left.remove(match)
        kept.append((pair[0], match[1]) if match is not None and pair[1] == MASK else pair)
    return fields.format_headers(tuple(kept))


def _is_masked(given: object) -> bool:
    """Return whether a value is a mask, or a URL or a list of headers that contains one."""
    if isinstance(given, tuple):
        return any(MASK in (name, value) for name, value in given)
    return isinstance(given, str) and (given == MASK or ("://" in given and _in_url(given)))


def _in_url(url: str) -> bool:
    return _MASK_IN_URL.search(url) is not None


def _attribute(known: Field, value: object) -> Any:
    return getattr(value, known.attribute or known.name)

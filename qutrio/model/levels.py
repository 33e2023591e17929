"""The feature level: which features a cluster may use whose members run different versions.

Every program announces the highest level that it knows, and the document records the highest
level that every member announced.  A version that adds a field, a kind or a message that older
ones would lose, refuse or misread adds a constant here, and marks it: a field with `since`, a class
or a member of an enum with `needs_level`.  It is used only if the committed document allows it.
"""

from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Final, Protocol

import attrs
from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attrs import AttrsInstance

LEVEL: Final = 3
"""The highest level that this program knows."""
LEVEL_UNSAID: Final = 1
"""The level of programs that announce none."""
LEVEL_MAX: Final = 1_000_000

LEVELS: Final = 2
"""The document records the feature level."""
AUTHORS: Final = 2
"""The document records the authors of changes."""
UNSEEN_NOTICES: Final = 2
"""Notices about checks without a verdict."""
CLOSED_NOTICES: Final = 2
"""Notices that a check with an open incident was disabled or removed."""
NEW_CHECK_KINDS: Final = 2
"""Checks of the kinds icmp, tls and dns."""
RESOLVERS: Final = 2
"""Checks and the cluster may name the name servers that probes ask."""
EACH_ADDRESS: Final = 2
"""A check may probe every address of its host."""
DELIVERY_PARTS: Final = 2
"""A delivery records which of its recipients were reached."""
MAIL_NAMES: Final = 2
"""A mail address may have a name, and blanks within quotes."""

MEASURED_DURATIONS: Final = 2
"""Members send each other the ages of incidents, and notices contain them."""

DIGESTS: Final = 3
"""Notices that stand for many others."""
ITEM_WRITES: Final = 3
"""Writes whose items are texts of their own."""

_SINCE: Final = "qutrio.level"


class HasLevel(Protocol):
    """The part of a cluster document that this module uses."""

    @property
    def level(self) -> int:
        """The level that all members may use."""


def may_use(feature: int, document: HasLevel) -> bool:
    """Return True if a feature may be used in the cluster that committed `document`.

    `feature` is one of the constants above: the level that it needs.
    """
    return document.level >= feature


def can_belong(level: int, document: HasLevel) -> bool:
    """Return True if a node whose program knows `level` can be a member of the cluster."""
    return level >= document.level


def since(feature: int) -> dict[str, int]:
    """Return the attrs metadata of a field that needs the level `feature`.

    The field needs a default that means "not used"; the default is not written, so a value
    without new features is, byte for byte, what older versions write.
    """
    return {_SINCE: feature}


def level_of_field(attribute: "attrs.Attribute[object]") -> int:
    """Return the level that a field needs if its value is not the default."""
    level: int = attribute.metadata.get(_SINCE, LEVEL_UNSAID)
    return level


def needed(value: object) -> int:
    """Return the level that a value needs, including all values in it."""
    if isinstance(value, tuple | list):
        return max(map(needed, value), default=LEVEL_UNSAID)
    level: int = getattr(value, "needs_level", LEVEL_UNSAID)
    cls = type(value)
    if isinstance(value, Enum) or not attrs.has(cls):
        return level
    plan = _plan(cls)
    for name, default, of_field in plan.marked:
        if getattr(value, name) != default:
            level = max(level, of_field)
    return max(level, *(needed(getattr(value, name)) for name in plan.nested), LEVEL_UNSAID)


@frozen
class _Plan:
    """The fields of a class that can need a level: marked ones, and nested values."""

    marked: tuple[tuple[str, object, int], ...]
    nested: tuple[str, ...]


@cache
def _plan(cls: "type[AttrsInstance]") -> _Plan:
    fields: Mapping[str, attrs.Attribute[object]] = attrs.fields_dict(cls)
    marked = tuple(
        (name, attribute.default, level_of_field(attribute))
        for name, attribute in fields.items()
        if level_of_field(attribute) > LEVEL_UNSAID
    )
    plain = (bool, int, float, str, "bool", "int", "float", "str")
    nested = tuple(n for n, a in fields.items() if a.type not in plain and n != "extra")
    return _Plan(marked, nested)

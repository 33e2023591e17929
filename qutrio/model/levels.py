"""The feature level: what may be used in a cluster whose members run different versions.

Every program announces the highest level it knows, and a document holds the highest level that
every member announced.  A version that adds a field, a kind or a message that older ones would
lose, refuse or misread gives it a constant here, and marks it: a field with `since`, a class or
a member of an enum with `needs_level`.  It is used only when the committed document allows it.
"""

from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Final, Protocol

import attrs
from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attrs import AttrsInstance

LEVEL: Final = 2
"""The highest level that this program knows."""
LEVEL_UNSAID: Final = 1
"""The level of programs that announce none."""
LEVEL_MAX: Final = 1_000_000

LEVELS: Final = 2
"""The document says which level its members may use."""
AUTHORS: Final = 2
"""The document says who changed it last, and when."""
UNSEEN_NOTICES: Final = 2
"""People are told of checks that nobody can judge."""
CLOSED_NOTICES: Final = 2
"""People are told that the watch over something that was down has ended."""
NEW_CHECK_KINDS: Final = 2
"""Checks of the kinds icmp, tls and dns."""
RESOLVERS: Final = 2
"""Checks and the cluster name the servers that probes ask."""
EACH_ADDRESS: Final = 2
"""A check may ask for every address of its host."""
DELIVERY_PARTS: Final = 2
"""A delivery says which of its recipients were reached."""
MAIL_NAMES: Final = 2
"""A mail address may have a name, and blanks within quotes."""

MEASURED_DURATIONS: Final = 2
"""Members tell each other how long incidents have lasted, and notices say it."""

_SINCE: Final = "qutrio.level"


class HasLevel(Protocol):
    """A cluster document, as far as this module goes."""

    @property
    def level(self) -> int:
        """The level that all members may use."""


def may_use(feature: int, document: HasLevel) -> bool:
    """Tell whether a feature may be used in the cluster that committed `document`.

    `feature` is one of the constants above: the level that it needs.
    """
    return document.level >= feature


def can_belong(level: int, document: HasLevel) -> bool:
    """Tell whether a node whose program knows `level` can be a member of the cluster."""
    return level >= document.level


def since(feature: int) -> dict[str, int]:
    """Return the attrs metadata of a field that is only used from a level on.

    The field needs a default that means "not used"; then it is not written out at all, so a
    value without new things is, to the byte, what older versions write.
    """
    return {_SINCE: feature}


def level_of_field(attribute: "attrs.Attribute[object]") -> int:
    """Return the level that a field needs when it has another value than its default."""
    level: int = attribute.metadata.get(_SINCE, LEVEL_UNSAID)
    return level


def needed(value: object) -> int:
    """Return the level that a value needs, with all that is in it."""
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
    """Where to look in the values of a class."""

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

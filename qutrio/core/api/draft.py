"""A document while changes are applied to it: its checks and channels are looked up by id.

The cost of a batch grows with its changes, not with the document for each of them: the tuples of
the document are sorted, and its rules checked, once at the end.  A change is refused for the same
reasons as if it were applied alone.
"""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from copy import copy
from functools import cache
from operator import attrgetter
from typing import Any, Generic, TypeVar, cast

from attrs import define, evolve, field, fields, fields_dict

from qutrio.core.api.items import Item
from qutrio.model.channels import Channel, DiscordChannel
from qutrio.model.checks import Check
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Revision

T = TypeVar("T", bound=Item)


@define
class Table(Generic[T]):
    """The checks or the channels of a document, by id; an index by words is made when needed.

    `section` is the name of the tuple in the document.
    """

    section: str
    _before: tuple[T, ...]
    _items: dict[str, T] = field(init=False)
    _rule: Any = field(init=False)
    _changed: bool = False
    _found: dict[Callable[[T], Iterable[str]], dict[str, set[str]]] = field(factory=dict)
    """The ids of the items in which a function finds a word."""

    def __attrs_post_init__(self) -> None:
        """Begin with the items of the document."""
        self._items = {item.id: item for item in self._before}
        self._rule = fields_dict(ClusterDocument)[self.section]

    def get(self, ident: str) -> T | None:
        """Return the item with this id, or None."""
        return self._items.get(ident)

    def put(self, item: T) -> None:
        """Add an item, or replace the one with its id; raises `InvalidValueError` for too many."""
        self.drop(item.id)
        self._items[item.id] = item
        for words, ids in self._found.items():
            for word in words(item):
                ids.setdefault(word, set()).add(item.id)
        self._rule.validator(self, self._rule, self._items)

    def drop(self, ident: str) -> None:
        """Remove the item with this id, if there is one."""
        self._changed = True
        item = self._items.pop(ident, None)
        if item is None:
            return
        for words, ids in self._found.items():
            for word in words(item):
                ids[word].discard(ident)

    def where(self, words: Callable[[T], Iterable[str]], word: str) -> AbstractSet[str]:
        """Return the ids of the items in which `words` finds this word."""
        if words not in self._found:
            ids = self._found[words] = dict[str, set[str]]()
            for item in self._items.values():
                for found in words(item):
                    ids.setdefault(found, set()).add(item.id)
        return self._found[words].get(word, frozenset())

    def namesake(self, item: T, was: T | None) -> T | None:
        """Return another item whose name differs by case alone or not at all, if the name is new.

        Documents of earlier versions may hold such pairs; their other fields can be edited.
        """
        if was is not None and was.name == item.name:
            return None
        others = self.where(folded_name, item.name.casefold()) - {item.id}
        return self._items[min(others)] if others else None

    def sorted(self) -> tuple[T, ...]:
        """Return the sorted items; the tuple of the document if nothing changed."""
        if not self._changed:
            return self._before
        return tuple([self._items[ident] for ident in sorted(self._items)])


@define
class Draft:
    """A document that changes.  `rest` is all of it except its checks, channels and edits."""

    _before: ClusterDocument
    rest: ClusterDocument = field(init=False)
    checks: Table[Check] = field(init=False)
    channels: Table[Channel] = field(init=False)
    _bare: ClusterDocument = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Begin with the unchanged document."""
        before = self._before
        self.rest = self._bare = evolve(before, checks=(), channels=(), edits=())
        self.checks = Table("checks", before.checks)
        self.channels = Table("channels", before.channels)

    @property
    def next_revision(self) -> Revision:
        """The revision that the changes will get."""
        return Revision(self._before.revision + 1)

    def document(self) -> ClusterDocument:
        """Return the document with the changes; the same object if there are none."""
        before, checks, channels = self._before, self.checks.sorted(), self.channels.sorted()
        if self.rest is self._bare and checks is before.checks and channels is before.channels:
            return before
        return evolve(self.rest, checks=checks, channels=channels, edits=before.edits)


def folded_name(item: Item) -> Iterable[str]:
    """Return the case-folded name of an item."""
    return (item.name.casefold(),)


def exact_name(item: Item) -> Iterable[str]:
    """Return the name of an item."""
    return (item.name,)


def attached(check: Check) -> Iterable[str]:
    """Return the names of the channels that are attached to a check."""
    return check.alerts


def discord_url(channel: Channel) -> Iterable[str]:
    """Return the URL of a Discord channel."""
    return (channel.url,) if isinstance(channel, DiscordChannel) else ()


def same_check(left: Check | None, right: Check | None) -> bool:
    """Compare two checks without the revision stamp that the master sets."""
    if left is None or right is None:
        return left is right
    unstamped = _unstamped(cast("Any", type(left)))
    return type(left) is type(right) and unstamped(left) == unstamped(right)


@cache
def _unstamped(cls: Any) -> Callable[[Check], tuple[Any, ...]]:
    return attrgetter(*(a.name for a in fields(cls) if a.name != "changed"))


def stamped(check: Check, revision: Revision) -> Check:
    """Return the check with another revision stamp; its rules do not depend on it."""
    copied = copy(check)
    object.__setattr__(copied, "changed", revision)
    return copied

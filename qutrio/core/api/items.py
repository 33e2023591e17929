"""Tuples of named items, as a document holds them: sorted by id, replaced and never changed."""

from collections.abc import Iterable
from typing import Protocol, TypeVar


class Item(Protocol):
    """Anything with a permanent id and a name."""

    @property
    def id(self) -> str:
        """Unique within its tuple."""
        ...

    @property
    def name(self) -> str:
        """The name for people."""
        ...


T = TypeVar("T", bound=Item)


def put(items: tuple[T, ...], item: T) -> tuple[T, ...]:
    """Return the items with this one, which replaces an item with the same id."""
    others = [i for i in items if i.id != item.id]
    return tuple(sorted([*others, item], key=lambda i: i.id))


def drop(items: tuple[T, ...], ident: str) -> tuple[T, ...]:
    """Return the items without the one with this id."""
    return tuple(i for i in items if i.id != ident)


def find(items: Iterable[T], ident: str) -> T | None:
    """Return the item with this id, or None."""
    return next((i for i in items if i.id == ident), None)


def namesake(items: Iterable[T], item: Item, found: Item | None) -> T | None:
    """Return another item with the same name, ignoring case, if the name of `item` is new.

    Documents of earlier versions may hold such pairs; their other fields can be edited.
    """
    if found is not None and found.name == item.name:
        return None
    name = item.name.casefold()
    return next((i for i in items if i.id != item.id and i.name.casefold() == name), None)

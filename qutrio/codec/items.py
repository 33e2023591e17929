"""Ledgers and documents as plain data whose items are encoded and decoded once.

Incidents, notices, checks and the authors of changes stay the same over many revisions, and each
write carries all of them to the disk and to each member.  So the JSON of an item is kept as long as
the same object comes again, and an item that was read as long as the same text comes again.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import orjson
from attrs import define, evolve, field

from qutrio.codec.converter import CONVERTER
from qutrio.model.checks import Check
from qutrio.model.document import ClusterDocument
from qutrio.model.edits import Edit
from qutrio.model.incidents import Delivery, Incident, Ledger

ITEMS_MAX: Final = 60_000
"""How many items are kept; beyond it, those that were not used since the last time go."""
LISTS_MAX: Final = 8
"""The same for lists of items: a ledger is accepted, then committed, and sent to each member."""
SECTIONS: Final[Mapping[type, Mapping[str, Any]]] = MappingProxyType(
    {
        Ledger: MappingProxyType({"incidents": Incident, "outbox": Delivery}),
        ClusterDocument: MappingProxyType({"checks": Check, "edits": Edit}),
    }
)
"""The fields that hold the items, and the type of these."""


@define
class _Kept:
    """What was made of some objects, as long as the same objects come again.

    The objects are held, so that none of them is mistaken for a later one with its address.
    """

    limit: int
    _new: dict[int, tuple[object, bytes]] = field(factory=dict)
    _old: dict[int, tuple[object, bytes]] = field(factory=dict)

    def get(self, value: object) -> bytes | None:
        """Return the JSON of an object, or None."""
        found = self._new.get(id(value))
        if found is None and (found := self._old.pop(id(value), None)) is not None:
            self.put(value, found[1])
        return found[1] if found is not None and found[0] is value else None

    def put(self, value: object, data: bytes) -> None:
        """Keep the JSON of an object."""
        if len(self._new) >= self.limit // 2:
            self._old, self._new = self._new, {}
        self._new[id(value)] = value, data


@define
class ItemEncoder:
    """Encodes ledgers and documents; `encode` makes JSON of plain data, such as `canonical`."""

    encode: Callable[[object], bytes]
    _items: _Kept = field(factory=partial(_Kept, ITEMS_MAX))
    _lists: _Kept = field(factory=partial(_Kept, LISTS_MAX))

    def plain(self, value: Ledger | ClusterDocument) -> dict[str, Any]:
        """Return a value as data for `orjson.dumps`; raises what `encode` raises."""
        sections = SECTIONS[type(value)]
        whole: Any = value
        rest = evolve(whole, **dict.fromkeys(sections, ()))
        data: dict[str, Any] = CONVERTER.unstructure(rest)
        for name, shape in sections.items():
            if name in data or getattr(value, name):
                data[name] = orjson.Fragment(self._list(getattr(value, name), shape))
        return data

    def _list(self, items: tuple[object, ...], shape: Any) -> bytes:
        data = self._lists.get(items)
        if data is None:
            data = b"[" + b",".join([self._item(item, shape) for item in items]) + b"]"
            self._lists.put(items, data)
        return data

    def _item(self, item: object, shape: Any) -> bytes:
        data = self._items.get(item)
        if data is None:
            data = self.encode(CONVERTER.unstructure(item, shape))
            self._items.put(item, data)
        return data


def as_text(data: object) -> bytes:
    """Return plain data as JSON within a JSON string."""
    return orjson.dumps(orjson.dumps(data).decode())


@define
class ItemReader:
    """Reads ledgers and documents whose items are JSON within strings, as `as_text` makes them."""

    limit: int = ITEMS_MAX
    _new: dict[tuple[str, Any], object] = field(factory=dict)
    _old: dict[tuple[str, Any], object] = field(factory=dict)

    def read(self, data: Any, shape: type) -> Any:
        """Return the value, with the objects that were read before where the texts are the same.

        Raises what the converter raises, and `TypeError` for items that are no texts.
        """
        if type(data) is not dict:
            raise TypeError("a value is missing or is not an object")
        sections = SECTIONS[shape]
        rest = {name: value for name, value in data.items() if name not in sections}
        built: Any = CONVERTER.structure({**rest, **{name: [] for name in sections}}, shape)
        found = {name: self._items(data.get(name, []), kind) for name, kind in sections.items()}
        whole = evolve(built, **found)
        return whole.well_formed() if isinstance(whole, Ledger) else whole

    def _items(self, texts: Any, shape: Any) -> tuple[object, ...]:
        if type(texts) is not list:
            raise TypeError("items are not a list")
        return tuple([self._item(text, shape) for text in texts])

    def _item(self, text: Any, shape: Any) -> object:
        if type(text) is not str:
            raise TypeError("an item is not a text")
        key = text, shape
        item = self._new.get(key)
        if item is None:
            item = self._old.pop(key, None)
            if item is None:
                item = CONVERTER.structure(orjson.loads(text), shape)
            if len(self._new) >= self.limit // 2:
                self._old, self._new = self._new, {}
            self._new[key] = item
        return item

"""A ledger as plain data whose incidents and deliveries are encoded once.

They stay in the ledger over many writes, and each write carries the whole ledger to the disk and to
each member.  So their JSON is kept as long as the same objects come again.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import orjson
from attrs import define, evolve, field

from qutrio.codec.converter import CONVERTER
from qutrio.model.incidents import Delivery, Incident, Ledger

ITEMS_MAX: Final = 20_000
"""How many encoded items are kept; beyond it, those that were not used since the last time go."""
LISTS_MAX: Final = 8
"""The same for lists of items: a ledger is accepted, then committed, and sent to each member."""


@define
class _Kept:
    """The JSON of some objects, as long as the same objects come again.

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
class LedgerEncoder:
    """Encodes ledgers; `encode` makes JSON of plain data, such as `canonical`."""

    encode: Callable[[object], bytes]
    _items: _Kept = field(factory=partial(_Kept, ITEMS_MAX))
    _lists: _Kept = field(factory=partial(_Kept, LISTS_MAX))

    def plain(self, ledger: Ledger) -> dict[str, Any]:
        """Return a ledger as data for `orjson.dumps`; raises what `encode` raises."""
        data: dict[str, Any] = CONVERTER.unstructure(evolve(ledger, incidents=(), outbox=()))
        data["incidents"] = orjson.Fragment(self._list(ledger.incidents))
        data["outbox"] = orjson.Fragment(self._list(ledger.outbox))
        return data

    def _list(self, items: tuple[Incident, ...] | tuple[Delivery, ...]) -> bytes:
        data = self._lists.get(items)
        if data is None:
            data = b"[" + b",".join([self._item(item) for item in items]) + b"]"
            self._lists.put(items, data)
        return data

    def _item(self, item: Incident | Delivery) -> bytes:
        data = self._items.get(item)
        if data is None:
            data = self.encode(CONVERTER.unstructure(item))
            self._items.put(item, data)
        return data

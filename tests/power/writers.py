"""Clients that change the document all the time, and record the answers.

A writer works through its places in turn.  Its k-th change adds, edits or removes the check at
place k, and what it writes is k itself; so from the number of changes that took effect follows
all that must be in the document, and one look at a document tells which number that was.
"""

import random
import threading
from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from qutrio.errors import ControlError
from tests.cluster.nodes import Node
from tests.cluster.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

PLACES = 5
PAUSE_S_MAX = 0.05
"""Pauses, because the flush of one change would also save what the one before had left out."""

ADD, EDIT, REMOVE = range(3)
PROGRESS_S_MAX = 30.0

Found = Mapping[str, str]
"""Addresses by the name of their check."""


@frozen
class History:
    """The answers to one series of changes: `acked` took effect, `begun` may have."""

    series: str
    acked: int = 0
    begun: int = 0

    def explains(self, found: Found) -> bool:
        """Return True if these checks are a possible result and no acknowledged change is lost."""
        mine = {name: at for name, at in found.items() if name.startswith(f"{self.series}-")}
        return any(mine == self._after(k) for k in range(self.acked, self.begun + 1))

    def _after(self, changes: int) -> dict[str, str]:
        first = max(1, changes - PLACES + 1)
        return {
            place_of(self.series, k): address_of(k)
            for k in range(first, changes + 1)
            if kind_of(k) != REMOVE
        }


def place_of(series: str, k: int) -> str:
    """Return the name of the check that the k-th change of a series is about."""
    return f"{series}-{k % PLACES}"


def address_of(k: int) -> str:
    """Return what the k-th change writes."""
    return f"after-{k}.test:1"


def kind_of(k: int) -> int:
    """Return what the k-th change does."""
    return (k - 1) // PLACES % 3


@define(eq=False)
class Writer:
    """A thread that changes the document through one node, until the `with` block ends.

    If it does not learn the outcome of a change, it leaves that series and begins another.
    """

    name: str
    door: Node
    _series: "Iterator[int]" = field(factory=lambda: count(1))
    _over: list[History] = field(factory=list)
    _now: History = field(init=False)
    _ended: threading.Event = field(factory=threading.Event)
    _thread: threading.Thread = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._now = self._next()
        self._thread = threading.Thread(target=self._write_on, name=self.name)

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def histories(self) -> list[History]:
        """The answers to each series until now."""
        return [*self._over, self._now]

    @property
    def acked(self) -> int:
        """How many changes were acknowledged."""
        return sum(h.acked for h in self.histories)

    def go_on(self) -> None:
        """Wait until another change is acknowledged."""
        before = self.acked
        wait_for(f"{self.name} writes", lambda: self.acked > before, PROGRESS_S_MAX)

    def _next(self) -> History:
        return History(f"{self.name}.{next(self._series)}")

    def _write_on(self) -> None:
        rng = random.Random(self.name)
        while not self._ended.wait(rng.uniform(0, PAUSE_S_MAX)):
            k = self._now.acked + 1
            self._now = evolve(self._now, begun=k)
            try:
                self._change(k)
            except ControlError:
                self._over, self._now = [*self._over, self._now], self._next()
            else:
                self._now = evolve(self._now, acked=k)

    def _change(self, k: int) -> None:
        name = place_of(self._now.series, k)
        check = {"kind": "tcp", "name": name, "address": address_of(k), "enabled": False}
        kind = kind_of(k)
        if kind == ADD:
            self.door.ask("check.add", check=check)
        elif kind == EDIT:
            self.door.ask("check.edit", name=name, set={"address": address_of(k)}, unset=[])
        else:
            self.door.ask("check.remove", name=name)


def lost(before: list[History], after: list[History], found: Found) -> list[History]:
    """Return the series that `found` lacks a change of, or has an unknown change of.

    `before` is what was told when the power was cut, `after` shortly later.
    """
    begun = {h.series: h.begun for h in after}
    seen = [evolve(h, begun=begun[h.series]) for h in before]
    seen += [evolve(h, acked=0) for h in after if h.series not in {b.series for b in before}]
    return [h for h in seen if not h.explains(found)]

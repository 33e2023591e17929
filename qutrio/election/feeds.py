"""What a seat tells whoever listens: a bounded queue for each, and none ever waits for another."""

from collections import deque
from enum import Enum
from typing import Generic, TypeVar
from weakref import WeakSet

import trio
from attrs import frozen

FEED_ITEMS_MAX = 64
"""How much waits for one listener; the oldest goes when there is more."""

T = TypeVar("T")


class TroubleKind(Enum):
    """Where something went wrong."""

    PROTOCOL = "protocol"
    DISK = "disk"
    GROUP = "group"
    WIRE = "wire"


@frozen
class Trouble:
    """Something went wrong that a person may have to look at; the election goes on."""

    kind: TroubleKind
    what: str

    def __str__(self) -> str:
        """Return the sentence alone."""
        return self.what


class Listener(Generic[T]):
    """One listener's queue; iterate to take what it holds, until the seat is left.

    `lost` counts what went unheard because the queue was full.
    """

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self.lost = 0
        self._queue: deque[T] = deque(maxlen=FEED_ITEMS_MAX)
        self._ended = False
        self._stirred = trio.Event()

    def __aiter__(self) -> "Listener[T]":
        return self

    async def __anext__(self) -> T:
        await trio.lowlevel.checkpoint()
        while not self._queue:
            if self._ended:
                raise StopAsyncIteration
            await self._stirred.wait()
        return self._queue.popleft()

    def take(self, item: T) -> None:
        """Queue an item; loses the oldest when there is no room."""
        self.lost += len(self._queue) == self._queue.maxlen
        self._queue.append(item)
        self._stir()

    def end(self) -> None:
        """End the iteration once what is queued has been taken."""
        self._ended = True
        self._stir()

    def _stir(self) -> None:
        self._stirred.set()
        self._stirred = trio.Event()


class Feed(Generic[T]):
    """Tells every listener; one that is dropped by its owner is forgotten."""

    def __init__(self, *, repeats: bool = False) -> None:
        """Begin without listeners; `repeats` tells a new one what was told before, too."""
        self._listeners: WeakSet[Listener[T]] = WeakSet()
        self._told: deque[T] = deque(maxlen=FEED_ITEMS_MAX if repeats else 0)
        self._ended = False

    def listen(self) -> Listener[T]:
        """Return a new listener."""
        listener = Listener[T]()
        for item in self._told:
            listener.take(item)
        self._listeners.add(listener)
        if self._ended:
            listener.end()
        return listener

    def tell(self, item: T) -> None:
        """Tell everybody; never waits."""
        self._told.append(item)
        for listener in tuple(self._listeners):
            listener.take(item)

    def end(self) -> None:
        """Tell nothing more."""
        self._ended = True
        for listener in tuple(self._listeners):
            listener.end()

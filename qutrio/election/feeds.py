"""Publishes a participant's events to listeners; each has a bounded queue of its own."""

from collections import deque
from enum import Enum
from typing import Generic, TypeVar
from weakref import WeakSet

import trio
from attrs import frozen

FEED_ITEMS_MAX = 64
"""How many items wait for one listener; when there are more, the oldest is dropped."""

T = TypeVar("T")


class TroubleKind(Enum):
    """What part of the election had a problem."""

    PROTOCOL = "protocol"
    DISK = "disk"
    GROUP = "group"
    WIRE = "wire"


@frozen
class Trouble:
    """A problem that a person may have to look at; the election goes on."""

    kind: TroubleKind
    what: str

    def __str__(self) -> str:
        """Return the sentence without the kind."""
        return self.what


class Listener(Generic[T]):
    """One listener's queue, for `async for`; the iteration ends when the participant leaves.

    `lost` counts the items that were dropped because the queue was full.
    """

    def __init__(self) -> None:
        """Begin with an empty queue."""
        self.lost = 0
        self._queue: deque[T] = deque(maxlen=FEED_ITEMS_MAX)
        self._ended = False
        self._wakeup = trio.Event()

    def __aiter__(self) -> "Listener[T]":
        return self

    async def __anext__(self) -> T:
        await trio.lowlevel.checkpoint()
        while not self._queue:
            if self._ended:
                raise StopAsyncIteration
            await self._wakeup.wait()
        return self._queue.popleft()

    def put(self, item: T) -> None:
        """Queue an item; drops the oldest when the queue is full."""
        self.lost += len(self._queue) == self._queue.maxlen
        self._queue.append(item)
        self._wake()

    def end(self) -> None:
        """End the iteration after the items that are queued."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        self._wakeup.set()
        self._wakeup = trio.Event()


class Feed(Generic[T]):
    """Publishes items to its listeners, to which it holds weak references only."""

    def __init__(self, *, repeats: bool = False) -> None:
        """Begin without listeners; with `repeats`, a new one first gets the latest items."""
        self._listeners: WeakSet[Listener[T]] = WeakSet()
        self._history: deque[T] = deque(maxlen=FEED_ITEMS_MAX if repeats else 0)
        self._ended = False

    def listen(self) -> Listener[T]:
        """Return a new listener."""
        listener = Listener[T]()
        for item in self._history:
            listener.put(item)
        self._listeners.add(listener)
        if self._ended:
            listener.end()
        return listener

    def publish(self, item: T) -> None:
        """Queue an item for every listener; never waits."""
        self._history.append(item)
        for listener in tuple(self._listeners):
            listener.put(item)

    def end(self) -> None:
        """End the iteration of every listener."""
        self._ended = True
        for listener in tuple(self._listeners):
            listener.end()

"""A bounded queue whose `put` never waits: when it is full, the oldest item is dropped."""

from collections import deque
from typing import Generic, TypeVar

import trio

T = TypeVar("T")


class Ring(Generic[T]):
    """At most `capacity` items, first in, first out, for one reader at a time."""

    def __init__(self, capacity: int) -> None:
        """Begin empty."""
        self._items: deque[T] = deque(maxlen=capacity)
        self._closed = False
        self._wakeup = trio.Event()

    def put(self, item: T) -> None:
        """Add an item; drops the oldest one when the queue is full."""
        if not self._closed:
            self._items.append(item)
            self._wakeup.set()

    async def get(self) -> T:
        """Wait for the oldest item, and remove it; raises `trio.EndOfChannel` at the end."""
        await trio.lowlevel.checkpoint()
        while not self._items:
            if self._closed:
                raise trio.EndOfChannel
            self._wakeup = trio.Event()
            await self._wakeup.wait()
        return self._items.popleft()

    def close(self) -> None:
        """Ignore further items; those in the queue can still be read."""
        self._closed = True
        self._wakeup.set()

"""A queue that never makes anybody wait to put something in: when it is full, the oldest goes."""

from collections import deque
from typing import Generic, TypeVar

import trio

T = TypeVar("T")


class Ring(Generic[T]):
    """At most `capacity` things in the order in which they came, for one reader at a time."""

    def __init__(self, capacity: int) -> None:
        """Begin empty."""
        self._things: deque[T] = deque(maxlen=capacity)
        self._closed = False
        self._stir = trio.Event()

    def put(self, thing: T) -> None:
        """Put a thing in; the oldest one goes when there are too many."""
        if not self._closed:
            self._things.append(thing)
            self._stir.set()

    async def take(self) -> T:
        """Wait for the oldest thing; raises `trio.EndOfChannel` once closed and empty."""
        await trio.lowlevel.checkpoint()
        while not self._things:
            if self._closed:
                raise trio.EndOfChannel
            self._stir = trio.Event()
            await self._stir.wait()
        return self._things.popleft()

    def close(self) -> None:
        """Take nothing more in; what is in can still be taken."""
        self._closed = True
        self._stir.set()

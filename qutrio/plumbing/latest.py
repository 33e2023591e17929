"""A value that one task replaces and many tasks read."""

from collections.abc import Callable
from typing import Generic, TypeVar

import trio

T = TypeVar("T")


class Latest(Generic[T]):
    """The newest of a series of immutable values, with ways to wait for another."""

    def __init__(self, value: T) -> None:
        """Begin with `value`."""
        self.value = value
        self._replaced = trio.Event()

    def publish(self, value: T) -> None:
        """Replace the value and wake all waiting tasks; an equal value changes nothing."""
        if value == self.value:
            return
        self.value = value
        self._replaced.set()
        self._replaced = trio.Event()

    async def changed(self) -> T:
        """Wait until the value is replaced, and return the newest one."""
        await self._replaced.wait()
        return self.value

    async def other_than(self, seen: T) -> T:
        """Wait until the value is not `seen`, and return it; no change made before is missed."""
        while self.value is seen:
            await self._replaced.wait()
        return self.value

    async def until(self, wanted: Callable[[T], bool]) -> T:
        """Wait until `wanted` is true of the value, and return it."""
        while not wanted(self.value):
            await self._replaced.wait()
        return self.value

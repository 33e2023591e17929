"""The random numbers of the core, which are passed in like the time."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class Rng(Protocol):
    """The part of a random number generator, such as `random.Random`, that the core uses."""

    def random(self) -> float:
        """Return a number from 0 to below 1."""
        ...

    def uniform(self, a: float, b: float, /) -> float:
        """Return a number between `a` and `b`."""
        ...

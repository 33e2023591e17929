"""The randomness that decisions are given, like the time: they make none themselves."""

from typing import Protocol


class Rng(Protocol):
    """What the core needs of a random number generator, such as `random.Random`."""

    def random(self) -> float:
        """Return a number from 0 to below 1."""
        ...

    def uniform(self, a: float, b: float, /) -> float:
        """Return a number between `a` and `b`."""
        ...

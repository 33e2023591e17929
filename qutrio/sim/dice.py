"""Random numbers that are the same in every process and on every version of Python.

Python guarantees that only `random.Random.random()` stays the same, so all draws are made from
it, with arithmetic that is exact everywhere.  Each part of a world has dice of its own: the
draws of one part do not affect another, and removing a fault from a schedule changes little else.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from random import Random
from typing import TypeVar

from attrs import define, field

T = TypeVar("T")


def generator(*seed: object) -> Random:
    """Return a generator that depends only on the text of `seed`."""
    text = ":".join(str(part) for part in seed)
    number = int.from_bytes(sha256(text.encode()).digest()[:8])
    return Random(number)  # noqa: S311 - replayable on purpose


@define(init=False)
class Dice:
    """Draws for one part of a world."""

    random: Callable[[], float] = field(repr=False)
    """Return a number from 0 up to, but not including, 1."""

    def __init__(self, *seed: object) -> None:
        self.random = generator(*seed).random

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.random() < probability

    def between(self, low: float, high: float) -> float:
        """Return a number between the two, uniformly distributed."""
        return low + (high - low) * self.random()

    def below(self, bound: int) -> int:
        """Return an integer from 0 up to, but not including, `bound`."""
        return int(self.random() * bound)

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[self.below(len(items))]

    def some(self, items: Sequence[T], probability: float = 0.5) -> list[T]:
        """Return each item with this probability, in order."""
        return [item for item in items if self.chance(probability)]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in a random order."""
        return [item for _, _, item in sorted((self.random(), n, i) for n, i in enumerate(items))]

    def heavy(self, scale: float, most: float) -> float:
        """Return a number that is usually near `scale` and sometimes as large as `most`."""
        drawn = self.random()
        return min(most, scale * drawn / (1.0 - drawn))

    def times(self, rate: float, until: float) -> list[float]:
        """Return times until `until`, about `rate` in each second, in order."""
        count = rate * until
        whole = int(count)
        number = whole + self.chance(count - whole)
        return sorted(self.between(0.0, until) for _ in range(number))

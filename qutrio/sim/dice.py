"""Dice that fall alike in every process and on every version of Python.

Of `random.Random` only `random()` is promised to stay as it is, so all else is made from it,
with arithmetic that is exact everywhere.  Each part of a world has dice of its own: what one
part draws changes nothing for another, and a schedule from which a fault was taken out stays
much the same.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from random import Random
from typing import TypeVar

from attrs import define, field

T = TypeVar("T")


def generator(*seed: object) -> Random:
    """Return a generator that depends on the text of `seed` and on nothing else."""
    text = ":".join(str(part) for part in seed)
    number = int.from_bytes(sha256(text.encode()).digest()[:8])
    return Random(number)  # noqa: S311 - replayable on purpose


@define(init=False)
class Dice:
    """Draws for one part of a world."""

    random: Callable[[], float] = field(repr=False)
    """A number from 0 up to and without 1."""

    def __init__(self, *seed: object) -> None:
        self.random = generator(*seed).random

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.random() < probability

    def between(self, low: float, high: float) -> float:
        """Return a number between the two, all alike."""
        return low + (high - low) * self.random()

    def below(self, bound: int) -> int:
        """Return a whole number from 0 up to and without `bound`."""
        return int(self.random() * bound)

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[self.below(len(items))]

    def some(self, items: Sequence[T], probability: float = 0.5) -> list[T]:
        """Return each item with this probability, in order."""
        return [item for item in items if self.chance(probability)]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in any order."""
        return [item for _, _, item in sorted((self.random(), n, i) for n, i in enumerate(items))]

    def heavy(self, scale: float, most: float) -> float:
        """Return a number that mostly is near `scale` and sometimes as large as `most`."""
        drawn = self.random()
        return min(most, scale * drawn / (1.0 - drawn))

    def moments(self, rate: float, until: float) -> list[float]:
        """Return moments up to `until`, about `rate` in each second, in order."""
        count = rate * until
        whole = int(count)
        number = whole + self.chance(count - whole)
        return sorted(self.between(0.0, until) for _ in range(number))

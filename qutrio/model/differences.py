"""Where two tuples differ, found without a look at each item by the interpreter.

The ledgers that a master makes one after the other share nearly all of their items.
"""

from operator import is_
from typing import TypeVar

T = TypeVar("T")
PART = 512
"""How many items are compared at one time, in C."""


def differing(before: tuple[T, ...], after: tuple[T, ...]) -> tuple[tuple[T, ...], tuple[T, ...]]:
    """Return what is left of two tuples without their common beginning and their common end.

    Only an item that is the same object is common; equal ones, as in a ledger that was received,
    are left for the caller to compare.
    """
    if before is after:
        return (), ()
    shortest = min(len(before), len(after))
    begin = 0
    while begin < shortest and _same(before[begin : begin + PART], after[begin : begin + PART]):
        begin += PART
    begin = min(begin, shortest)
    while begin < shortest and before[begin] is after[begin]:
        begin += 1
    left = shortest - begin
    end = 0
    while end + PART <= left and _same(_last(before, end), _last(after, end)):
        end += PART
    while end < left and before[-end - 1] is after[-end - 1]:
        end += 1
    return before[begin : len(before) - end], after[begin : len(after) - end]


def _same(left: tuple[T, ...], right: tuple[T, ...]) -> bool:
    return len(left) == len(right) and all(map(is_, left, right))


def _last(items: tuple[T, ...], end: int) -> tuple[T, ...]:
    """Return the part of `items` that ends `end` items before their end."""
    return items[len(items) - end - PART : len(items) - end]

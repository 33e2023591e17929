"""Waiting for a condition in real time, with an error when it takes too long."""

import time
from collections.abc import Callable
from typing import TypeVar

from tests.patience import HANG_S

T = TypeVar("T")

LOOK_EVERY_S = 0.05
PATIENCE = 6.0
"""How many times longer a step may take where other programs have most of the processor."""


def wait_for(
    what: str,
    look: Callable[[], T | None],
    within_s: float,
    explain: Callable[[], object] = lambda: "",
) -> T:
    """Call `look` until it returns something true, and return that; fail when it takes too long.

    `within_s` is for a quiet machine, `PATIENCE` for the others.  The failure carries
    what `explain` returns at that time.
    """
    within_s = max(within_s, min(PATIENCE * within_s, HANG_S))
    deadline = time.monotonic() + within_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:g} s: {what}; {explain()}")
        time.sleep(LOOK_EVERY_S)


def measured(what: str) -> None:
    """Print a measurement: pytest shows it with `-s`, and when the test fails."""
    print(what)  # noqa: T201 - see above

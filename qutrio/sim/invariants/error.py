"""The error of a broken invariant."""

from qutrio.model.ids import Seconds


class InvariantError(AssertionError):
    """An invariant is broken; the message begins with its number."""


def broken(number: int, true: Seconds, what: str) -> InvariantError:
    """Return the error for invariant `number`, broken at true time `true`."""
    return InvariantError(f"{number}: {what} (at {true:.6f})")

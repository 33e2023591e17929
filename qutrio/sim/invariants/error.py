"""The one way in which an invariant fails."""

from qutrio.model.ids import Seconds


class InvariantError(AssertionError):
    """The core broke a promise; the message begins with the number of the invariant."""


def broken(number: int, true: Seconds, what: str) -> InvariantError:
    """Return the error for invariant `number`, broken at true time `true`."""
    return InvariantError(f"{number}: {what} (at {true:.6f})")

"""The interface of the log: a constant message, and data in keys."""

from traceback import format_tb
from typing import Protocol


class Log(Protocol):
    """Writes a line to the log; never fails."""

    def __call__(self, what: str, /, **details: object) -> None:
        """Log that `what` happened; `details` are shown as key=value."""
        ...


EXCEPTIONS_MAX = 20
"""The most exceptions of one bug, causes included, that are logged."""


def trace_of(bug: BaseException) -> str:
    """Return the traceback and the type of a bug; the last line is the bug itself.

    The text of the exception is left out: libraries quote values in theirs, also secret ones.
    """
    found: list[BaseException] = [bug]
    for error in found:  # grows during the loop; a group may be the context of its own members
        inner = list(error.exceptions) if isinstance(error, BaseExceptionGroup) else []
        before = error.__cause__ or error.__context__
        inner += [before] if before is not None else []
        found += [e for e in inner if not any(e is known for known in found)]
        del found[EXCEPTIONS_MAX:]
    traces = ["".join(format_tb(e.__traceback__)) + type(e).__name__ for e in reversed(found)]
    return "\n".join(traces)

"""All that an edge knows of logging: a constant message, and data in keys."""

from traceback import format_tb
from typing import Protocol


class Log(Protocol):
    """Something that takes a line for the log and never fails."""

    def __call__(self, what: str, /, **details: object) -> None:
        """Log that `what` happened; `details` are shown as key=value."""
        ...


EXCEPTIONS_TOLD_MAX = 20
"""Of a bug with more causes than this, only so many are told."""


def trace_of(bug: BaseException) -> str:
    """Return where a bug struck, line by line, and its type; the last line tells most.

    The words of the exception are left out: those of libraries quote values, also secret ones.
    """
    found: list[BaseException] = [bug]
    for error in found:  # grows while it is walked; a group may be the context of its own members
        inner = list(error.exceptions) if isinstance(error, BaseExceptionGroup) else []
        before = error.__cause__ or error.__context__
        inner += [before] if before is not None else []
        found += [e for e in inner if not any(e is known for known in found)]
        del found[EXCEPTIONS_TOLD_MAX:]
    traces = ["".join(format_tb(e.__traceback__)) + type(e).__name__ for e in reversed(found)]
    return "\n".join(traces)

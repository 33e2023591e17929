"""All that an edge knows of logging: a constant message, and data in keys."""

from traceback import format_tb
from typing import Protocol


class Log(Protocol):
    """Something that takes a line for the log and never fails."""

    def __call__(self, what: str, /, **details: object) -> None:
        """Log that `what` happened; `details` are shown as key=value."""
        ...


def trace_of(bug: BaseException) -> str:
    """Return where a bug struck, line by line, and its type; the last line tells most.

    The words of the exception are left out: those of libraries quote values, also secret ones.
    """
    inner = list(bug.exceptions) if isinstance(bug, BaseExceptionGroup) else []
    before = bug.__cause__ or bug.__context__
    inner += [before] if before is not None else []
    traces = [*map(trace_of, inner), "".join(format_tb(bug.__traceback__)) + type(bug).__name__]
    return "\n".join(traces)

"""All that an edge knows of logging: a constant message, and data in keys."""

from typing import Protocol


class Log(Protocol):
    """Something that takes a line for the log and never fails."""

    def __call__(self, what: str, /, **details: object) -> None:
        """Log that `what` happened; `details` are shown as key=value."""
        ...

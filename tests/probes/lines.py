"""A log for tests to read."""


class Lines:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        """Begin empty."""
        self.lines: list[tuple[str, dict[str, object]]] = []

    def __call__(self, what: str, /, **details: object) -> None:
        """Keep a line."""
        self.lines.append((what, details))

"""The order of names in lists: web2 before web10."""

import re

_PARTS = re.compile(r"([^0-9]*)([0-9]*)")


def natural_order(name: str) -> tuple[tuple[tuple[str, int], ...], str]:
    """Return a sort key that orders numbers in names by value, and compares case last."""
    parts = _PARTS.findall(name.casefold())
    return tuple((word, int(number or -1)) for word, number in parts), name

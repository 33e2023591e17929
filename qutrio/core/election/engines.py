"""Which engines there are, by the name that the document's settings use."""

from qutrio.core.election.interface import Engine
from qutrio.core.election.lowest_id import LowestId

ENGINES = ("lowest-id",)


def engine_named(name: str) -> Engine | None:
    """Return the engine, or None when this version does not know it."""
    return LowestId() if name in ENGINES else None

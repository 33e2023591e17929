"""Which engines there are, by the name that the document's settings use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qutrio.core.election.gossip import Gossip
from qutrio.core.election.interface import Engine, Position, Timing
from qutrio.core.election.lowest_id import LowestId
from qutrio.core.election.raft import Raft

if TYPE_CHECKING:
    from random import Random

    from qutrio.model.document import Settings
    from qutrio.model.ids import Instant, NodeId
    from qutrio.model.stable import Ballot

ENGINES = ("gossip", "lowest-id", "raft")
WHY_HANDED_OVER = {
    "gossip": "a lower id declared itself",
    "lowest-id": "lower id is back for good",
    "raft": "a majority voted for another",
}
"""In which case each engine names a successor for an incumbent that is well."""


def engine_named(
    name: str,
    me: NodeId,
    *,
    ballot: Ballot,
    rng: Random,
    now: Instant,
    position: Position | None = None,
) -> Engine | None:
    """Return a new engine that begins at `now`, or None when this version does not know it."""
    match name:
        case "lowest-id":
            return LowestId()
        case "raft":
            return Raft(me=me, ballot=ballot, rng=rng, position=position, now=now)
        case "gossip":
            return Gossip(me=me, now=now)
        case _:
            return None


def timing(settings: Settings) -> Timing:
    """Return how often a claimant beats and for how long a voter is bound."""
    if settings.engine == "raft":
        return Timing(settings.raft_heartbeat_s, settings.raft_election_timeout_s)
    return Timing(settings.heartbeat_s, settings.dead_after_s)

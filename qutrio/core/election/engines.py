"""The engines, by the name that the document's settings use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qutrio.core.election.descriptor import EngineArgs, by_heartbeat
from qutrio.core.election.gossip import GOSSIP
from qutrio.core.election.lowest_id import LOWEST_ID
from qutrio.core.election.raft.descriptor import RAFT

if TYPE_CHECKING:
    from qutrio.core.election.interface import Engine, ProgramState, Timing
    from qutrio.model.dice import Rng
    from qutrio.model.document import Settings
    from qutrio.model.ids import Instant, NodeId
    from qutrio.model.stable import HardState

DESCRIPTORS = {one.name: one for one in (GOSSIP, LOWEST_ID, RAFT)}
"""A new engine is a line here."""
ENGINES = tuple(DESCRIPTORS)
CLAIMS = tuple(message for one in DESCRIPTORS.values() for message in one.claims)
"""The messages that make others wait for their sender."""


def minority_leads(settings: Settings) -> bool:
    """Return whether the leader of a minority may page."""
    known = DESCRIPTORS.get(settings.engine)
    return known is not None and known.minority_leads and settings.acting == "partition"


def engine_named(
    name: str,
    me: NodeId,
    *,
    hard_state: HardState,
    rng: Rng,
    now: Instant,
    position: ProgramState | None = None,
) -> Engine | None:
    """Return a new engine that begins at `now`, or None if this version does not know it."""
    known = DESCRIPTORS.get(name)
    if known is None:
        return None
    return known.make(EngineArgs(me=me, hard_state=hard_state, rng=rng, now=now, position=position))


def timing(settings: Settings) -> Timing:
    """Return how often a node with a claim sends heartbeats, and how long a voter is bound."""
    known = DESCRIPTORS.get(settings.engine)
    return by_heartbeat(settings) if known is None else known.timing(settings)

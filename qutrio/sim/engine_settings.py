"""Election settings of a simulated cluster: the engine and its timers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from qutrio.core.election.engines import ENGINES

if TYPE_CHECKING:
    from qutrio.model.document import Settings
    from qutrio.sim.dice import Dice

MIXED = "mixed"
"""Any engine; half of the time the simplest."""
CHOICES = (MIXED, *ENGINES)
_MIXTURE = ("lowest-id", "raft", "lowest-id", "gossip")
_RAFT_S = ((0.5, 2.0), (0.3, 1.5), (0.5, 3.0), (0.25, 1.0), (0.1, 0.5))
"""Heartbeat intervals and shortest election timeouts of raft; the last pair is the default."""
_GOSSIP_S = (
    (0.0, 0.5, 1.0, 4.0, "majority"),
    (2.0, 0.2, 0.5, 2.0, "partition"),
    (5.0, 1.0, 2.0, 5.0, "majority"),
    (3.0, 0.5, 1.0, 3.0, "partition"),
    (15.0, 1.0, 5.0, 10.0, "majority"),
)
"""Start grace, sampling, election and declaration times of gossip, and who may page.

The last are the defaults.
"""


def engine_of(wanted: str, dice: Dice) -> str:
    """Return the wanted engine; draw one if the mixture is wanted."""
    return dice.pick(_MIXTURE) if wanted == MIXED else wanted


def with_engine(settings: Settings, engine: str, dice: Dice) -> Settings:
    """Return settings with this engine and with random timers of the engines."""
    beat_s, timeout_s = dice.pick(_RAFT_S)
    grace_s, sample_s, election_s, alive_s, acting = dice.pick(_GOSSIP_S)
    return evolve(
        settings,
        engine=engine,
        raft_heartbeat_s=beat_s,
        raft_election_timeout_s=timeout_s,
        gossip_startup_grace_s=grace_s,
        gossip_sample_s=sample_s,
        gossip_election_s=election_s,
        gossip_alive_s=alive_s,
        acting=acting,
    )

"""Which settings belong to which election engine, and what each of them means, in a few words."""

from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen


@frozen
class Timer:
    """A setting of an engine, by its name in `cluster.yaml`."""

    name: str
    meaning: str


TIMERS: Mapping[str, tuple[Timer, ...]] = MappingProxyType(
    {
        "gossip": (
            Timer("gossip_startup_grace", "how long a node that starts looks for a leader"),
            Timer("gossip_sample", "time between two looks at who is there, while it starts"),
            Timer("gossip_election", "how long a candidate collects proposals"),
            Timer("gossip_alive", "silence after which a leader's declaration no longer counts"),
            Timer("acting", "where the leader may page: in a 'majority', or in any 'partition'"),
        ),
        "lowest-id": (
            Timer("heartbeat", "time between heartbeats"),
            Timer("dead_after", "silence that counts as death"),
            Timer("master_cooldown", "how long a lower id must live before it leads again"),
        ),
        "raft": (
            Timer("raft_heartbeat", "time between the leader's heartbeats"),
            Timer("raft_election_timeout", "least silence of the leader before an election"),
        ),
    }
)
"""By the name of the engine, which is also how the settings name it."""


def setting_of(engine: str, name: str) -> str | None:
    """Return the setting that a timer's name means, with or without the engine's prefix."""
    known = {timer.name for timer in TIMERS[engine]}
    return next((given for given in (name, f"{engine}_{name}") if given in known), None)


def matters(setting: str, engine: str) -> bool:
    """Tell whether a setting, by its name, bears on a cluster that runs this engine.

    The timers of lowest-id do under each: they are also those of the mandate and of liveness.
    """
    owners = {timer.name: owner for owner in ("gossip", "raft") for timer in TIMERS[owner]}
    return owners.get(setting, engine) == engine

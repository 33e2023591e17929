"""The timers of an election, as arguments of `join`."""

from typing import TypedDict

from qutrio.core.election.engines import ENGINES
from qutrio.errors import InvalidValueError
from qutrio.model.document import Settings
from qutrio.model.ids import Seconds

FIELDS = {
    "heartbeat": "heartbeat_s",
    "dead_after": "dead_after_s",
    "cooldown": "master_cooldown_s",
    "leader_heartbeat": "raft_heartbeat_s",
    "election_timeout": "raft_election_timeout_s",
    "startup_grace": "gossip_startup_grace_s",
    "sample": "gossip_sample_s",
    "election": "gossip_election_s",
    "alive": "gossip_alive_s",
}
"""Each argument, and the field of the settings that it sets."""


class Timers(TypedDict, total=False):
    """Durations in seconds; those left out have their defaults.

    heartbeat: how often a participant sends a heartbeat.  dead_after: the silence after which
    it counts as dead.  cooldown (lowest-id): how long a lower id must have been alive before
    it gets the role.  leader_heartbeat, election_timeout: of raft.  startup_grace, sample,
    election, alive: of gossip.
    """

    heartbeat: Seconds
    dead_after: Seconds
    cooldown: Seconds
    leader_heartbeat: Seconds
    election_timeout: Seconds
    startup_grace: Seconds
    sample: Seconds
    election: Seconds
    alive: Seconds


def settings_of(engine: str, timers: Timers) -> Settings:
    """Return the settings for an engine and timers.

    Raises `InvalidValueError` that names the argument, and `TypeError` for an unknown one.
    """
    if engine not in ENGINES:
        known = ", ".join(ENGINES)
        raise InvalidValueError("engine", f"{engine!r} is not an engine: choose one of {known}")
    given = dict(timers)
    if unknown := sorted(given.keys() - FIELDS.keys()):
        raise TypeError(f"join() got an unexpected keyword argument {unknown[0]!r}")
    values = {FIELDS[name]: _seconds(name, value) for name, value in given.items()}
    try:
        return Settings(engine=engine, **values)  # type: ignore[arg-type]
    except InvalidValueError as error:
        names = {field: name for name, field in FIELDS.items()}
        raise InvalidValueError(names.get(error.field, error.field), error.problem) from None


def _seconds(name: str, value: object) -> Seconds:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidValueError(name, f"{value!r} is not a number of seconds")
    return float(value)

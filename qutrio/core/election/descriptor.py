"""The descriptor of an election engine: what a node must know besides the election itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qutrio.core.election.interface import Timing
from qutrio.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    from qutrio.core.election.engine_messages import EngineMessage
    from qutrio.core.election.interface import Engine, ProgramState
    from qutrio.model.dice import Rng
    from qutrio.model.document import Settings
    from qutrio.model.ids import Instant, NodeId, Seconds
    from qutrio.model.stable import HardState


@frozen
class Timer:
    """A setting of an engine, by its name in `cluster.yaml`."""

    name: str
    meaning: str


@frozen(kw_only=True)
class EngineArgs:
    """The arguments of a new engine."""

    me: NodeId
    hard_state: HardState
    rng: Rng
    now: Instant
    position: ProgramState | None


def by_heartbeat(settings: Settings) -> Timing:
    """Return the timing of an engine that has no heartbeat of its own."""
    return Timing(settings.heartbeat_s, settings.dead_after_s)


def no_election_delay(_: Settings) -> Seconds:
    """Return 0: an engine without elections chooses as soon as the living nodes are known."""
    return 0.0


@frozen(kw_only=True)
class Descriptor:
    """An engine, by the name that the document's settings use.

    `claims` are the messages that make others wait for their sender.  `why_handed_over` is the
    reason for which the engine names a successor to a healthy master.  `timing` says how often a
    node with a claim sends heartbeats, and how long a voter is bound.  Timers that are not
    `private` matter under every engine, because the lease and liveness use them too.
    `ranks_by_id` tells whether the lowest id leads once it has lived for the cooldown, and
    `minority_leads` whether the leader of a minority may page, if the setting `acting` says so.
    `elects_within` is the longest time that elections take once the living nodes are known.
    """

    name: str
    make: Callable[[EngineArgs], Engine]
    timers: tuple[Timer, ...]
    why_handed_over: str
    claims: tuple[type[EngineMessage], ...] = ()
    timing: Callable[[Settings], Timing] = by_heartbeat
    private: bool = True
    ranks_by_id: bool = False
    minority_leads: bool = False
    elects_within: Callable[[Settings], Seconds] = no_election_delay

"""What a node must know of an election engine besides how it elects."""

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
    from qutrio.model.ids import Instant, NodeId
    from qutrio.model.stable import HardState


@frozen
class Timer:
    """A setting of an engine, by its name in `cluster.yaml`."""

    name: str
    meaning: str


@frozen(kw_only=True)
class Beginning:
    """What a new engine begins with."""

    me: NodeId
    hard_state: HardState
    rng: Rng
    now: Instant
    position: ProgramState | None


def by_heartbeat(settings: Settings) -> Timing:
    """Return the timing of an engine that has no heartbeat of its own."""
    return Timing(settings.heartbeat_s, settings.dead_after_s)


@frozen(kw_only=True)
class Descriptor:
    """An engine, by the name that the document's settings use.

    `claims` are the words that make others wait for the node that says them.  `why_handed_over`
    says in which case it names a successor for an incumbent that is well.  `timing` is how often
    a node that claims beats, and for how long a voter is bound.  Timers that are not `private`
    matter under every engine, because the mandate and liveness use them too.
    """

    name: str
    make: Callable[[Beginning], Engine]
    timers: tuple[Timer, ...]
    why_handed_over: str
    claims: tuple[type[EngineMessage], ...] = ()
    timing: Callable[[Settings], Timing] = by_heartbeat
    private: bool = True

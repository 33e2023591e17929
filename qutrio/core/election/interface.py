"""What every election engine sees and promises.

An engine is a machine without IO: it hears words and lets time pass, and says words.  It says
who *should* lead; whether that node acts is the mandate's decision, the same for all engines.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Protocol, TypeAlias

from qutrio.core.election.engine_messages import EngineMessage
from qutrio.core.quorum.majorities import JointConfig
from qutrio.model.document import Settings
from qutrio.model.frozen import frozen
from qutrio.model.ids import Instant, NodeId, Seconds, Term
from qutrio.model.stable import HardState


class Role(Enum):
    """What an engine takes its own node for."""

    FOLLOWER = "follower"
    CANDIDATE = "candidate"
    LEADER = "leader"
    CLOSED = "closed"


@frozen
class Turn:
    """An engine's node changed its role in `term`, because of `reason`.

    `reason` is a sentence; raft gives a member of its enum `Why`, which is one.
    """

    before: Role
    after: Role
    term: Term
    reason: str


@frozen
class Complaint:
    """Something happened that must not: another node, or its program, breaks the protocol."""

    what: str


News: TypeAlias = Turn | Complaint


@frozen
class Outgoing:
    """Say a word to one member, or to every other one if `to` is None."""

    to: NodeId | None
    message: EngineMessage


@frozen
class Timing:
    """How an engine's timers reach the mandate.

    A node that claims sends heartbeats every `beat_s` seconds, all others every heartbeat of
    the settings.  A voter is bound for `bound_s` seconds.
    """

    beat_s: Seconds
    bound_s: Seconds


@frozen(kw_only=True)
class Electorate:
    """The members as one node sees them at one moment.

    `able` are the living voters that see a majority and can write their disk, this node
    included if it can.  `living` are the voters heard within `dead_after`, this node included.
    `master` is the node that was heard acting of late, from its own mouth; it may be this
    node.  `streaks` says for how many seconds each living voter has been heard without a gap.
    `fit` is False while this node's disk refuses writes.  `term` is the highest one heard of.
    """

    me: NodeId
    joint_config: JointConfig
    able: frozenset[NodeId]
    living: frozenset[NodeId]
    master: NodeId | None
    streaks: Mapping[NodeId, Seconds]
    settings: Settings
    term: Term
    fit: bool = True


class ProgramState(Protocol):
    """The program whose state decides who may lead: raft's state-machine hook."""

    def current_state(self) -> bytes:
        """Return where this node's program stands, in its own words (at most 4 KiB)."""
        ...

    def grant_vote(self, position: bytes) -> bool:
        """Tell whether a candidate that stands at `position` may lead."""
        ...


class Engine(Protocol):
    """Chooses one leader.  The same events at the same moments give the same answers.

    Whoever drives an engine makes its `hard_state` durable before any word leaves that was said in
    the same step, and drains `news` after each.
    """

    @property
    def role(self) -> Role:
        """What this engine takes its own node for."""
        ...

    @property
    def hard_state(self) -> HardState:
        """What must be durable; always the same value for engines that remember nothing."""
        ...

    def restore(self, hard_state: HardState) -> None:
        """Go back to what the disk still holds: it refused the last write."""
        ...

    def choice(self, electorate: Electorate, now: Instant) -> NodeId | None:
        """Return the member that should lead, or None while nobody can.  Changes nothing."""
        ...

    def awaits(self, now: Instant) -> NodeId | None:
        """Return whom this node lets go first without choosing it yet.  Changes nothing."""
        ...

    def successor(self, electorate: Electorate, now: Instant) -> NodeId | None:
        """Return the member to which this node, the incumbent, should hand over, if any."""
        ...

    def heir(self, electorate: Electorate) -> NodeId | None:
        """Return the member that should lead when this node leaves, if any."""
        ...

    def on_message(
        self, sender: NodeId, message: EngineMessage, electorate: Electorate, now: Instant
    ) -> list[Outgoing]:
        """Take in a member's word; words of other engines are ignored."""
        ...

    def on_acting(self, node: NodeId, term: Term, electorate: Electorate, now: Instant) -> None:
        """Take in that `node`, perhaps this one, acts in `term`: it said so just now."""
        ...

    def advance(self, electorate: Electorate, now: Instant) -> list[Outgoing]:
        """Let time pass up to `now`."""
        ...

    def step_aside(self, electorate: Electorate, now: Instant) -> None:
        """Give the lead up, and stay out until another leads or a while has passed."""
        ...

    def close(self, now: Instant) -> None:
        """End; the engine says nothing more."""
        ...

    def deadline(self, now: Instant) -> Instant:
        """Return when something may change without a word; `FOREVER` if nothing will."""
        ...

    def news(self) -> list[News]:
        """Return what was noted since the last call, oldest first."""
        ...

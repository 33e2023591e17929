"""The interface of election engines: their inputs and their promises.

An engine is a state machine without IO: messages and time go in, messages come out.  It chooses the
node that *should* lead.  Whether that node is master is decided by the lease, under every engine.
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
    """The role of an engine's own node."""

    FOLLOWER = "follower"
    CANDIDATE = "candidate"
    LEADER = "leader"
    CLOSED = "closed"


@frozen
class RoleChange:
    """An engine's node changed its role in `term`, because of `reason`.

    `reason` is a sentence; for raft it is a member of the enum `Why`.
    """

    before: Role
    after: Role
    term: Term
    reason: str


@frozen
class Complaint:
    """A violation of the protocol by another node or its program."""

    what: str


News: TypeAlias = RoleChange | Complaint


@frozen
class Outgoing:
    """A message to one member, or to all others if `to` is None."""

    to: NodeId | None
    message: EngineMessage


@frozen
class Timing:
    """An engine's timers for the lease.

    A node with a claim sends heartbeats every `beat_s` seconds; all others follow the setting
    `heartbeat`.  A voter is bound for `bound_s` seconds.
    """

    beat_s: Seconds
    bound_s: Seconds


@frozen(kw_only=True)
class Electorate:
    """The members as one node sees them at one time.

    `able` are the living voters that see a majority and can write their disks, this node
    included if it can.  `living` are the voters heard within `dead_after`, this node included.
    `master` is the node that recently said that it is master; it may be this node.  `streaks`
    says for how many seconds each living voter has been heard without a gap.  `fit` is False
    while this node's disk refuses writes.  `term` is the highest term heard of.
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
    """A program whose state decides which node may lead: raft's state-machine hook."""

    def current_state(self) -> bytes:
        """Return the state of this node's program, in its own format (at most 4 KiB)."""
        ...

    def grant_vote(self, position: bytes) -> bool:
        """Return whether a candidate with the state `position` may lead."""
        ...


class Engine(Protocol):
    """Chooses one leader.  The same events at the same times give the same answers.

    After each step the host of an engine makes its `hard_state` durable before it sends any message
    of that step, and drains `news`.
    """

    @property
    def role(self) -> Role:
        """The role of this engine's own node."""
        ...

    @property
    def hard_state(self) -> HardState:
        """The state that must be durable; constant for engines that have none."""
        ...

    def restore(self, hard_state: HardState) -> None:
        """Go back to the hard state on the disk, because the disk refused the last write."""
        ...

    def choice(self, electorate: Electorate, now: Instant) -> NodeId | None:
        """Return the member that should lead, or None while none can.  Changes nothing."""
        ...

    def awaits(self, now: Instant) -> NodeId | None:
        """Return the member that this node lets go first without choosing it.  Changes nothing."""
        ...

    def successor(self, electorate: Electorate, now: Instant) -> NodeId | None:
        """Return the member to which this node, the master, should hand over, if any."""
        ...

    def next_leader(self, electorate: Electorate) -> NodeId | None:
        """Return the member that should lead when this node leaves, if any."""
        ...

    def on_message(
        self, sender: NodeId, message: EngineMessage, electorate: Electorate, now: Instant
    ) -> list[Outgoing]:
        """Process a member's message; ignore messages of other engines."""
        ...

    def on_acting(self, node: NodeId, term: Term, electorate: Electorate, now: Instant) -> None:
        """Record that `node`, perhaps this one, just said that it is master in `term`."""
        ...

    def advance(self, electorate: Electorate, now: Instant) -> list[Outgoing]:
        """Do what is due at `now`."""
        ...

    def step_aside(self, electorate: Electorate, now: Instant) -> None:
        """Step down, and stay out until another leads or some time has passed."""
        ...

    def close(self, now: Instant) -> None:
        """Close the engine; it sends no more messages."""
        ...

    def deadline(self, now: Instant) -> Instant:
        """Return when something may change without a message; `FOREVER` if nothing will."""
        ...

    def news(self) -> list[News]:
        """Return the news since the last call, oldest first."""
        ...

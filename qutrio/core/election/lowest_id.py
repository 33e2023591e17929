"""The lowest-id engine: the lowest living id leads, unless it came back recently.

Theory of operation.  Without a master the lowest able id is elected at once.  A living master is
kept.  A lower id that returns must have been alive without a gap for the whole cooldown, as the
master counts it; then the master hands over to it.  So a node that flaps never moves the role, and
a node that is back for good moves it once.

Source: the election of QUptime (`qu`).  There every node counts the cooldown and two may differ;
here only the master counts it.
"""

from attrs import define, field

from qutrio.core.election.descriptor import Descriptor, Timer
from qutrio.core.election.engine_messages import EngineMessage
from qutrio.core.election.interface import Electorate, News, Outgoing, Role, RoleChange
from qutrio.model.ids import FOREVER, Instant, NodeId, Term
from qutrio.model.stable import NO_HARD_STATE, HardState

LEADS = "this node is master, or none is and it is the lowest able id"
FOLLOWS = "another is master, or a lower id is able, or this node is not able"
CLOSED = "closed"

TRANSITIONS = (
    (Role.FOLLOWER, LEADS, Role.LEADER),
    (Role.LEADER, FOLLOWS, Role.FOLLOWER),
    (Role.FOLLOWER, CLOSED, Role.CLOSED),
    (Role.LEADER, CLOSED, Role.CLOSED),
)
"""The state table: from, why, to.  docs/engines.md draws its diagram from this."""


@define
class LowestId:
    """Elects the smallest id; a returning smaller id waits out a cooldown."""

    role: Role = Role.FOLLOWER
    hard_state: HardState = NO_HARD_STATE
    _news: list[News] = field(factory=list)

    def restore(self, hard_state: HardState) -> None:
        """Do nothing: this engine has no hard state."""

    def choice(self, electorate: Electorate, now: Instant) -> NodeId | None:
        """Return the master while it lives, else the lowest able id."""
        if electorate.master is not None:
            return electorate.master
        return min(electorate.able, default=None)

    def awaits(self, now: Instant) -> NodeId | None:
        """Return None: this node waits for its choice only."""
        return None

    def successor(self, electorate: Electorate, now: Instant) -> NodeId | None:
        """Return the lowest able id, if it is below this node's and lived through the cooldown.

        It is not the lowest of those that did: when the role is free every node elects the lowest
        id, so a node that only just came back would get the role instead of the successor.
        """
        cooldown = electorate.settings.master_cooldown_s
        lowest = min(electorate.able, default=electorate.me)
        waited_out = electorate.streaks.get(lowest, 0.0) >= cooldown
        return lowest if lowest < electorate.me and waited_out else None

    def next_leader(self, electorate: Electorate) -> NodeId | None:
        """Return the lowest able id other than this node."""
        return min(electorate.able - {electorate.me}, default=None)

    def on_message(
        self, sender: NodeId, message: EngineMessage, electorate: Electorate, now: Instant
    ) -> list[Outgoing]:
        """Do nothing: heartbeats carry all that this engine needs."""
        return []

    def on_acting(self, node: NodeId, term: Term, electorate: Electorate, now: Instant) -> None:
        """Do nothing: the electorate names the master too."""

    def advance(self, electorate: Electorate, now: Instant) -> list[Outgoing]:
        """Record whether this node should lead."""
        leads = self.choice(electorate, now) == electorate.me
        if leads and self.role is Role.FOLLOWER:
            self._change_role(Role.LEADER, electorate.term, LEADS)
        elif not leads and self.role is Role.LEADER:
            self._change_role(Role.FOLLOWER, electorate.term, FOLLOWS)
        return []

    def step_aside(self, electorate: Electorate, now: Instant) -> None:
        """Do nothing: the host says for a while that this node is not able."""

    def close(self, now: Instant) -> None:
        """Close the engine."""
        self._change_role(Role.CLOSED, Term(0), CLOSED)

    def deadline(self, now: Instant) -> Instant:
        """Return `FOREVER`: nothing changes without an event."""
        return FOREVER

    def news(self) -> list[News]:
        """Return the changes of role since the last call."""
        news, self._news = self._news, []
        return news

    def _change_role(self, after: Role, term: Term, reason: str) -> None:
        self._news.append(RoleChange(self.role, after, term, reason))
        self.role = after


LOWEST_ID = Descriptor(
    name="lowest-id",
    make=lambda _: LowestId(),
    timers=(
        Timer("heartbeat", "time between heartbeats"),
        Timer("dead_after", "silence that counts as death"),
        Timer("master_cooldown", "how long a lower id must live before it leads again"),
    ),
    why_handed_over="lower id is back for good",
    private=False,
    ranks_by_id=True,
)

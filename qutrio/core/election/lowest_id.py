"""The lowest-id engine: the lowest living id leads, unless it only just came back.

Theory of operation.  Without an incumbent the lowest able id is elected at once.  A living
incumbent is kept.  A lower id that returns must have been alive without a gap for the whole
cooldown, as the incumbent counts it; then the incumbent hands over to it.  So a node that
flaps never moves the role, and a node that is back for good moves it once.

Source: the election of QUptime (`qu`), with the cooldown counted by one node, the incumbent,
where every node of QUptime counted its own and two could differ.
"""

from attrs import define, field

from qutrio.core.election.descriptor import Descriptor, Timer
from qutrio.core.election.engine_messages import EngineMessage
from qutrio.core.election.interface import Electorate, News, Outgoing, Role, Turn
from qutrio.model.ids import FOREVER, Instant, NodeId, Term
from qutrio.model.stable import NO_HARD_STATE, HardState

LEADS = "this node acts, or nobody does and it is the lowest able id"
FOLLOWS = "another acts, or a lower able id is there, or this one is not able"
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
        """Lose nothing: this engine remembers nothing."""

    def choice(self, electorate: Electorate, now: Instant) -> NodeId | None:
        """Return the incumbent while it lives, else the lowest able id."""
        if electorate.master is not None:
            return electorate.master
        return min(electorate.able, default=None)

    def awaits(self, now: Instant) -> NodeId | None:
        """Return None: it is the choice for which others wait."""
        return None

    def successor(self, electorate: Electorate, now: Instant) -> NodeId | None:
        """Return the lowest able id if it is below this node's and lived through the cooldown.

        Not the lowest of those that did: when the role is free everybody elects the lowest, so
        one that only just came back would get it in another's place.
        """
        cooldown = electorate.settings.master_cooldown_s
        lowest = min(electorate.able, default=electorate.me)
        seasoned = electorate.streaks.get(lowest, 0.0) >= cooldown
        return lowest if lowest < electorate.me and seasoned else None

    def heir(self, electorate: Electorate) -> NodeId | None:
        """Return the lowest able id beside this node."""
        return min(electorate.able - {electorate.me}, default=None)

    def on_message(
        self,
        sender: NodeId,
        message: EngineMessage,
        electorate: Electorate,
        now: Instant,
    ) -> list[Outgoing]:
        """Learn nothing: heartbeats say all that this engine needs."""
        return []

    def on_acting(self, node: NodeId, term: Term, electorate: Electorate, now: Instant) -> None:
        """Learn nothing: the electorate says so too."""

    def advance(self, electorate: Electorate, now: Instant) -> list[Outgoing]:
        """Note whether this node should lead."""
        leads = self.choice(electorate, now) == electorate.me
        if leads and self.role is Role.FOLLOWER:
            self._turn(Role.LEADER, electorate.term, LEADS)
        elif not leads and self.role is Role.LEADER:
            self._turn(Role.FOLLOWER, electorate.term, FOLLOWS)
        return []

    def step_aside(self, electorate: Electorate, now: Instant) -> None:
        """Do nothing: this node calls itself unable for a while."""

    def close(self, now: Instant) -> None:
        """End."""
        self._turn(Role.CLOSED, Term(0), CLOSED)

    def deadline(self, now: Instant) -> Instant:
        """Return `FOREVER`: nothing changes without an event."""
        return FOREVER

    def news(self) -> list[News]:
        """Return the turns since the last call."""
        news, self._news = self._news, []
        return news

    def _turn(self, after: Role, term: Term, reason: str) -> None:
        self._news.append(Turn(self.role, after, term, reason))
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
)

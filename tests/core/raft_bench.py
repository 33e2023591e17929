"""One raft engine whose clock and view of the members the test controls."""

from random import Random
from typing import Any

from attrs import define, evolve, field

from qutrio.core.election.engine_messages import (
    EngineMessage,
    LeaderHeartbeat,
    LeaderHeartbeatAck,
    PreVoteResponse,
    VoteRequest,
    VoteResponse,
)
from qutrio.core.election.interface import (
    Complaint,
    Electorate,
    Outgoing,
    ProgramState,
    Role,
    RoleChange,
)
from qutrio.core.election.raft.machine import Raft
from qutrio.core.election.raft.votes import TRANSITIONS
from qutrio.core.quorum.majorities import JointConfig
from qutrio.model.document import Settings
from qutrio.model.ids import Instant, NodeId, Term
from qutrio.model.stable import HardState
from tests.core.samples import A, B, C, at

SETTINGS = Settings(engine="raft", raft_heartbeat_s=0.1, raft_election_timeout_s=1.0)
TIMEOUT_S = SETTINGS.raft_election_timeout_s
BEAT_S = SETTINGS.raft_heartbeat_s
THREE = frozenset({A, B, C})


def term(number: int) -> Term:
    """A term."""
    return Term(number)


def hard_state(number: int, vote: NodeId | None = None) -> HardState:
    """A term and a vote."""
    return HardState(Term(number), vote)


def yes(number: int) -> VoteResponse:
    """A granted vote."""
    return VoteResponse(term=term(number), granted=True)


def no(number: int) -> VoteResponse:
    """A refused vote."""
    return VoteResponse(term=term(number), granted=False)


def asks(number: int, position: str = "") -> VoteRequest:
    """A candidate's request."""
    return VoteRequest(term=term(number), position=position)


def would(asked: int, own: int = 0) -> PreVoteResponse:
    """A granted pre-vote."""
    return PreVoteResponse(asked=term(asked), granted=True, term=term(own))


def would_not(asked: int, own: int = 0) -> PreVoteResponse:
    """A refused pre-vote."""
    return PreVoteResponse(asked=term(asked), granted=False, term=term(own))


def leads(number: int) -> LeaderHeartbeat:
    """A leader's heartbeat."""
    return LeaderHeartbeat(term=term(number))


def led(number: int) -> LeaderHeartbeatAck:
    """The answer to a leader's heartbeat."""
    return LeaderHeartbeatAck(term=term(number))


def electorate(*members: NodeId, **fields: Any) -> Electorate:
    """What A sees when all is well, or with other `fields`."""
    everybody = frozenset(members) or THREE
    seen = Electorate(
        me=A,
        joint_config=JointConfig(everybody, everybody),
        able=everybody,
        living=everybody,
        master=None,
        streaks={},
        settings=SETTINGS,
        term=Term(0),
    )
    return evolve(seen, **fields)


class Program:
    """A program whose state is a number; it grants a vote to a candidate that is not behind."""

    def __init__(self, number: int = 5) -> None:
        self.state = bytes([number])

    def current_state(self) -> bytes:
        return self.state

    def grant_vote(self, position: bytes) -> bool:
        return position >= self.state


@define
class Bench:
    """The engine of member A.  Every change it takes must be in the table."""

    seen: Electorate = field(factory=electorate)
    graft: bool = False
    hard_state: HardState = field(factory=HardState)
    position: ProgramState | None = None
    seed: int = 1
    now: Instant = field(factory=lambda: at(0))
    engine: Raft = field(init=False)
    role_changes: list[RoleChange] = field(init=False, factory=list)
    complaints: list[str] = field(init=False, factory=list)

    @engine.default
    def _engine(self) -> Raft:
        rng = Random(self.seed)
        return Raft(
            me=A,
            hard_state=self.hard_state,
            rng=rng,
            position=self.position,
            now=self.now,
            graft=self.graft,
        )

    @property
    def role(self) -> Role:
        self._note()
        return self.engine.role

    @property
    def choice(self) -> NodeId | None:
        before = self.engine.hard_state, self.engine.role, self.engine.deadline(self.now)
        choice = self.engine.choice(self.seen, self.now)
        assert before == (self.engine.hard_state, self.engine.role, self.engine.deadline(self.now))
        return choice

    @property
    def whys(self) -> list[tuple[Role, str, Role]]:
        """Return the changes of role that were taken, as the table writes them."""
        self._note()
        return [(change.before, change.reason, change.after) for change in self.role_changes]

    def see(self, **fields: Any) -> None:
        """Change A's view of the members."""
        self.seen = evolve(self.seen, **fields)

    def hear(self, sender: NodeId, message: EngineMessage) -> list[EngineMessage]:
        """Return A's answers to one message, for its sender or for all."""
        says = self.engine.on_message(sender, message, self.seen, self.now)
        assert {say.to for say in says} <= {sender, None}
        self._note()
        return _messages(says)

    def advance(self) -> list[EngineMessage]:
        """Return what A says now; a second call at the same time returns nothing."""
        says = self.engine.advance(self.seen, self.now)
        assert all(say.to is None for say in says)
        assert self.engine.advance(self.seen, self.now) == []
        assert self.engine.deadline(self.now) > self.now
        self._note()
        return _messages(says)

    def wait(self, seconds: float) -> list[EngineMessage]:
        """Let so many seconds pass, and return what A says until then."""
        until, said = Instant(self.now + seconds), self.advance()
        while self.engine.deadline(self.now) <= until:
            self.now = self.engine.deadline(self.now)
            said += self.advance()
        self.now = until
        return said + self.advance()

    def fire(self) -> list[EngineMessage]:
        """Return what A says when its next timer runs out."""
        self.advance()
        self.now = self.engine.deadline(self.now)
        return self.advance()

    def acting(self, node: NodeId, number: int) -> None:
        """Let `node` act in a term."""
        self.engine.on_acting(node, Term(number), self.seen, self.now)
        self._note()

    def stand(self) -> list[EngineMessage]:
        """Make A a candidate, and return what it says as it stands."""
        said = self.fire()
        if not self.graft:
            asked = said[0].term  # type: ignore[union-attr]
            said = self.hear(B, PreVoteResponse(asked=asked, granted=True, term=Term(0)))
        assert self.role is Role.CANDIDATE
        return said

    def win(self) -> list[EngineMessage]:
        """Make A a leader, and return what it says as it wins."""
        self.stand()
        said = self.hear(B, VoteResponse(term=self.engine.hard_state.term, granted=True))
        assert self.role is Role.LEADER
        return said

    def _note(self) -> None:
        for news in self.engine.news():
            if isinstance(news, Complaint):
                self.complaints.append(news.what)
            else:
                assert (news.before, news.reason, news.after) in TRANSITIONS
                self.role_changes.append(news)


def _messages(says: list[Outgoing]) -> list[EngineMessage]:
    return [say.message for say in says]

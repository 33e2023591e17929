"""The raft engine: voters elect one leader for each term, and follow it while they hear it.

Theory of operation.  Time is divided into terms.  In each term a node votes once, and its hard
state (the term and its vote) is durable before any message that depends on it is sent.  So no term
has two elected leaders.  A follower that heard no leader for a random time first asks whether a
majority would vote for it (PreVote).  Only then it becomes a candidate, in a term above all that it
heard of.  A node that heard from a leader within the election timeout does not vote, so a node that
comes back cannot depose a leader that others hear.  A leader that a majority no longer answers
steps down (CheckQuorum).

The master leads, whichever node was elected: its heartbeats count as a leader's, in the highest
term that each receiver knows.  So a running cluster changes to this engine without an election.
While a node is master, it sends no `LeaderHeartbeat` and ignores those of others.

In graft mode PreVote, the refusal to vote while a leader is heard, and CheckQuorum are off, and
heartbeats are not answered.  The faults of graft that could elect two leaders are fixed: votes are
durable and kept, each voter counts once, and a higher term in a denial counts.

Sources: Ongaro, "Consensus: Bridging Theory and Practice" (2014), chapter 3 and sections 4.2.3,
6.2 and 9.6; the election of NATS graft, for its behaviour and its position hook.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from attrs import define, field

from qutrio.core.election.engine_messages import (
    EngineMessage,
    LeaderHeartbeat,
    LeaderHeartbeatAck,
    PreVoteRequest,
    PreVoteResponse,
    VoteRequest,
    VoteResponse,
)
from qutrio.core.election.interface import Complaint, News, Outgoing, Role, RoleChange
from qutrio.core.election.raft.positions import MalformedPositionError, may_lead_from, own_position
from qutrio.core.election.raft.tenure import Inputs, Tenure
from qutrio.core.election.raft.votes import VoteRound, Why, raised
from qutrio.model.ids import FOREVER, NEVER, Instant, NodeId, Term
from qutrio.model.stable import HardState

if TYPE_CHECKING:
    from qutrio.core.election.interface import Electorate, ProgramState
    from qutrio.model.dice import Rng

NEWS_MAX = 64
"""How many news are kept between two calls of `news`; the oldest are dropped."""
ASIDE_TIMEOUTS = 6
"""How long, in times the longest election timeout, a node that stepped aside is no candidate."""


@define(kw_only=True)
class Raft:
    """Elects one leader for each term by the votes of a majority."""

    me: NodeId
    hard_state: HardState
    _rng: Rng
    _position: ProgramState | None
    _since: Instant = field(alias="now")
    """When the election timer began; FOREVER: it begins at the next event."""
    _graft: bool = False
    role: Role = field(init=False, default=Role.FOLLOWER)
    _spread: float = field(init=False)
    """By which part of itself the election timeout is longer this time."""
    _leader: NodeId | None = field(init=False, default=None)
    _outdated: bool = field(init=False, default=False)  # a leader of an older term (graft)
    _voted_for: NodeId | None = field(init=False, default=None)
    """The candidate for which this node voted since its election timer began."""
    _heard_at: Instant = field(init=False, default=NEVER)  # when another was heard leading
    _aside_until: Instant = field(init=False, default=NEVER)
    _pre_votes: VoteRound | None = field(init=False, default=None)
    """The pre-votes for a candidacy of this node."""
    _votes: VoteRound = field(init=False, factory=lambda: VoteRound(Term(0)))
    _tenure: Tenure = field(init=False, factory=Tenure)
    _due: Instant = field(init=False, default=NEVER)
    _news: deque[News] = field(init=False, factory=lambda: deque(maxlen=NEWS_MAX))

    def __attrs_post_init__(self) -> None:
        self._spread = self._rng.random()

    # --- the choice -------------------------------------------------------------------------

    def choice(self, electorate: Electorate, now: Instant) -> NodeId | None:
        """Return the leader, else the candidate that has this node's vote, else the master."""
        if self._leader is not None:
            return self._leader
        if self._voted_for is not None and now < self._expires(Inputs(electorate, now)):
            return self._voted_for
        return electorate.master

    def awaits(self, now: Instant) -> NodeId | None:
        """Return None: this node waits for its choice only."""
        return None

    def successor(self, electorate: Electorate, now: Instant) -> NodeId | None:
        """Return the leader if it is another node, and able."""
        others = electorate.able - {self.me}
        return self._leader if self._leader in others else None

    def next_leader(self, electorate: Electorate) -> NodeId | None:
        """Return the lowest able id other than this node."""
        return min(electorate.able - {self.me}, default=None)

    # --- events -----------------------------------------------------------------------------

    def on_message(
        self, sender: NodeId, message: EngineMessage, electorate: Electorate, now: Instant
    ) -> list[Outgoing]:
        """Process a voter's message."""
        stranger = sender == self.me or sender not in electorate.joint_config.all
        if self.role is Role.CLOSED or stranger:
            return []
        at = Inputs(electorate, now)
        says = self._dispatch(sender, message, at)
        self._plan(at)
        return says

    def on_acting(self, node: NodeId, term: Term, electorate: Electorate, now: Instant) -> None:
        """Follow the master, or lead if this node is master."""
        if self.role is Role.CLOSED:
            return
        at = Inputs(electorate, now)
        if node == self.me:
            self._lead_as_master(term, at)
        else:
            if at.fit and term > self.hard_state.term:
                self.hard_state = raised(self.hard_state, term)
            self._follow(node, Why.ANOTHER_MASTER, now)
        self._plan(at)

    def advance(self, electorate: Electorate, now: Instant) -> list[Outgoing]:
        """Stand when no leader was heard for too long; as a leader, beat or step down."""
        if self.role is Role.CLOSED:
            return []
        at = Inputs(electorate, now)
        if self.role is not Role.FOLLOWER and not at.may_lead:
            self._step_down(Why.UNFIT, now)
        says = self._lead_on(at) if self.role is Role.LEADER else self._wait_on(at)
        self._plan(at)
        return says

    def step_aside(self, electorate: Electorate, now: Instant) -> None:
        """Step down; stand again when another has led, or none has for a long time."""
        if self.role is Role.CLOSED:
            return
        at = Inputs(electorate, now)
        self._aside_until = Instant(now + ASIDE_TIMEOUTS * 2 * at.timeout_s)
        if self.role is not Role.FOLLOWER:
            self._step_down(Why.ASIDE, now)
        self._plan(at)

    def restore(self, hard_state: HardState) -> None:
        """Go back to the hard state on the disk, as a follower without a leader."""
        self.hard_state = hard_state
        if self.role is not Role.CLOSED:
            self._step_down(Why.FORGOT, FOREVER)
            self._due = NEVER

    def close(self, now: Instant) -> None:
        """Close the engine; the hard state stays."""
        self._leader = self._voted_for = self._pre_votes = None
        self._change_role(Role.CLOSED, Why.CLOSED)

    def deadline(self, now: Instant) -> Instant:
        """Return when the next timer of this node expires."""
        return FOREVER if self.role is Role.CLOSED else max(self._due, now)

    def news(self) -> list[News]:
        """Return the changes of role and complaints since the last call."""
        news = list(self._news)
        self._news.clear()
        return news

    def _dispatch(self, sender: NodeId, message: EngineMessage, at: Inputs) -> list[Outgoing]:
        match message:
            case VoteRequest():
                return self._on_vote_request(sender, message, at)
            case VoteResponse():
                return self._on_vote_response(sender, message, at)
            case LeaderHeartbeat():
                return self._on_heartbeat(sender, message, at)
            case PreVoteRequest() if not self._graft:
                return self._on_pre_vote(sender, message, at)
            case PreVoteResponse() if not self._graft:
                return self._on_pre_voted(sender, message, at)
            case LeaderHeartbeatAck() if not self._graft:
                self._on_heartbeat_ack(sender, message, at)
        return []

    def _on_vote_request(self, sender: NodeId, message: VoteRequest, at: Inputs) -> list[Outgoing]:
        agrees = self._program_agrees(sender, message.position)
        refused = agrees is None or (self._graft and not agrees)
        if refused or self._hears_leader(at):
            return [Outgoing(sender, VoteResponse(term=self.hard_state.term, granted=False))]
        self._raise_term(message.term, at)
        granted = (
            agrees is True
            and at.fit
            and message.term == self.hard_state.term
            and self.role is not Role.LEADER
            and self.hard_state.vote in {None, sender}
        )
        if granted:
            self.hard_state = HardState(message.term, sender)
            self._voted_for, self._pre_votes = sender, None
            self._restart_timer(at.now)
        return [Outgoing(sender, VoteResponse(term=self.hard_state.term, granted=granted))]

    def _on_vote_response(
        self, sender: NodeId, message: VoteResponse, at: Inputs
    ) -> list[Outgoing]:
        self._raise_term(message.term, at)
        counts = message.granted and message.term == self.hard_state.term
        if self.role is not Role.CANDIDATE or not counts:
            return []
        return self._win(at) if self._votes.count(sender, at.voters) else []

    def _on_pre_vote(self, sender: NodeId, message: PreVoteRequest, at: Inputs) -> list[Outgoing]:
        """Answer whether this node would vote; this commits it to nothing."""
        granted = (
            self._program_agrees(sender, message.position) is True
            and at.fit
            and message.term > self.hard_state.term
            and not self._hears_leader(at)
        )
        own = self.hard_state.term
        return [Outgoing(sender, PreVoteResponse(asked=message.term, granted=granted, term=own))]

    def _on_pre_voted(self, sender: NodeId, message: PreVoteResponse, at: Inputs) -> list[Outgoing]:
        asking = self._pre_votes
        if asking is None or not message.granted or message.asked != asking.term:
            self._raise_term(message.term, at)
            return []
        enough = asking.count(sender, at.voters)
        return self._stand(Why.WOULD_WIN, at) if enough and self._may_stand(at) else []

    def _on_heartbeat(self, sender: NodeId, message: LeaderHeartbeat, at: Inputs) -> list[Outgoing]:
        own = self.hard_state.term
        if self._is_master(at) or (message.term > own and not at.fit):
            return []
        if message.term > own:
            self.hard_state = raised(self.hard_state, message.term)
            self._follow(sender, Why.OUTDATED, at.now)
        elif message.term == own:
            if self.role is Role.LEADER and self._tenure.elected:
                self._news.append(Complaint(f"{sender} says that it too leads term {own}"))
                return []
            keeps = self._graft and self._leader is not None and not self._outdated
            self._follow(self._leader if keeps else sender, Why.ANOTHER_LEADS, at.now)
        elif self._graft and self.role is Role.FOLLOWER and self._leader is None:
            self._leader, self._outdated = sender, True
        ack = LeaderHeartbeatAck(term=self.hard_state.term)
        return [] if self._graft else [Outgoing(sender, ack)]

    def _on_heartbeat_ack(self, sender: NodeId, message: LeaderHeartbeatAck, at: Inputs) -> None:
        self._raise_term(message.term, at)
        if self.role is Role.LEADER and message.term == self.hard_state.term:
            self._tenure.answered[sender] = at.now

    def _program_agrees(self, sender: NodeId, position: str) -> bool | None:
        """Return whether the program agrees to a candidate; None if its position is malformed."""
        try:
            return may_lead_from(self._position, position)
        except MalformedPositionError as error:
            self._news.append(Complaint(f"{sender} asks for a vote with {error}"))
            return None

    def _raise_term(self, term: Term, at: Inputs) -> None:
        """Move to a higher term, unless the disk refuses writes."""
        if term <= self.hard_state.term or not at.fit:
            return
        self.hard_state = raised(self.hard_state, term)
        if self.role is Role.FOLLOWER:
            self._leader = self._voted_for = self._pre_votes = None
        else:
            self._step_down(Why.OUTDATED, at.now)

    def _follow(self, leader: NodeId | None, why: Why, now: Instant) -> None:
        self._step_down(why, now)
        self._leader, self._outdated, self._heard_at, self._aside_until = leader, False, now, NEVER

    def _step_down(self, why: Why, now: Instant) -> None:
        """Become a follower without a leader, with a new election timer."""
        self._leader = self._voted_for = self._pre_votes = None
        self._change_role(Role.FOLLOWER, why)
        self._restart_timer(now)

    def _lead_as_master(self, term: Term, at: Inputs) -> None:
        """Lead because this node is master, in a term at least as high as that of its lease."""
        if not at.may_lead or at.now < self._aside_until:
            return
        if term > self.hard_state.term:
            self.hard_state = raised(self.hard_state, term)
            self._tenure.elected = False
        if self.role is not Role.LEADER:
            self._take_lead(Why.MASTER, Tenure(beat_at=at.now))
        self._tenure.since = FOREVER

    def _stand(self, why: Why, at: Inputs) -> list[Outgoing]:
        """Vote for this node in a new term, and ask the others for their votes."""
        position, term = own_position(self._position), at.next_term(self.hard_state.term)
        self.hard_state, self._votes = HardState(term, self.me), VoteRound(term)
        self._leader, self._voted_for, self._pre_votes = None, self.me, None
        self._restart_timer(at.now)
        self._change_role(Role.CANDIDATE, why)
        says = [Outgoing(None, VoteRequest(term=term, position=position))]
        won = self._votes.count(self.me, at.voters)
        return says + self._win(at) if won else says

    def _win(self, at: Inputs) -> list[Outgoing]:
        beat_at = at.next_beat if self._graft else at.now
        self._take_lead(Why.WON, Tenure(at.now, beat_at=beat_at, elected=True))
        return self._beat(at)

    def _take_lead(self, why: Why, tenure: Tenure) -> None:
        self._leader, self._voted_for, self._pre_votes = self.me, None, None
        self._tenure = tenure
        self._change_role(Role.LEADER, why)

    def _change_role(self, after: Role, why: Why) -> None:
        if after is not self.role:
            self._news.append(RoleChange(self.role, after, self.hard_state.term, why))
            self.role = after

    def _lead_on(self, at: Inputs) -> list[Outgoing]:
        if self._is_master(at) or self._tenure.since == FOREVER:
            self._tenure.since = FOREVER if self._is_master(at) else at.now
        elif not self._hears_leader(at) and not self._graft:
            self._step_down(Why.UNANSWERED, at.now)
            return []
        return self._beat(at)

    def _beat(self, at: Inputs) -> list[Outgoing]:
        if self._is_master(at) or at.now < self._tenure.beat_at:
            return []
        self._tenure.beat_at = at.next_beat
        return [Outgoing(None, LeaderHeartbeat(term=self.hard_state.term))]

    def _wait_on(self, at: Inputs) -> list[Outgoing]:
        stands = self._may_stand(at)
        alone = stands and not self._graft and at.voters.majority({self.me})
        if at.now < self._expires(at) and (not alone or self._hears_leader(at)):
            return []
        self._leader = self._voted_for = self._pre_votes = None
        self._restart_timer(at.now)
        if stands and self._graft:
            return self._stand(Why.TIMED_OUT, at)
        self._change_role(Role.FOLLOWER, Why.IN_VAIN)
        return self._ask(at) if stands else []

    def _ask(self, at: Inputs) -> list[Outgoing]:
        """Ask whether a majority would vote for this node; nothing is written to disk."""
        asking = VoteRound(at.next_term(self.hard_state.term))
        if asking.count(self.me, at.voters):
            return self._stand(Why.WOULD_WIN, at)
        self._pre_votes = asking
        request = PreVoteRequest(term=asking.term, position=own_position(self._position))
        return [Outgoing(None, request)]

    def _restart_timer(self, now: Instant) -> None:
        self._since, self._spread = now, self._rng.random()

    def _expires(self, at: Inputs) -> Instant:
        return Instant(self._since + at.timeout_s * (1 + self._spread))

    def _plan(self, at: Inputs) -> None:
        """Compute when this node next has something to do without an event."""
        if self._since == FOREVER:
            self._restart_timer(at.now)
        if self.role is not Role.LEADER:
            self._due = self._expires(at)
        elif self._is_master(at):
            self._due = FOREVER  # the host of this engine knows when that ends
        else:
            until = FOREVER if self._graft else self._tenure.until(at)
            self._due = min(self._tenure.beat_at, until)

    def _is_master(self, at: Inputs) -> bool:
        """Return whether this node's heartbeats say that it is master, so that engines need not."""
        return at.is_master and not self._graft

    def _may_stand(self, at: Inputs) -> bool:
        return at.may_stand and at.now >= self._aside_until

    def _hears_leader(self, at: Inputs) -> bool:
        """Return whether a leader is alive, as far as this node knows: another one, or itself."""
        if self._graft:
            return False
        if self.role is Role.LEADER:
            return at.is_master or at.now < self._tenure.until(at)
        return at.now < self._heard_at + at.timeout_s

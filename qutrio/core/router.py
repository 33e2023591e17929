"""Routes each message of a member to the state machine that handles it.  Decides nothing."""

from collections.abc import Set as AbstractSet
from typing import assert_never

from attrs import define, field

from qutrio.core.alerting.alert_manager import AlertManager
from qutrio.core.api.effects import Consequences, Effect, Send
from qutrio.core.api.messages import (
    AgesReport,
    CanvassAnswer,
    CanvassRequest,
    Commit,
    Deliver,
    Delivered,
    Farewell,
    Fetch,
    Fetched,
    Heartbeat,
    HeartbeatAck,
    Message,
    ProbeNow,
    Propose,
    ProposeReply,
    Removed,
    Report,
    Resign,
    Write,
    Wrote,
    Yield,
)
from qutrio.core.api.mutations import Mutation, PromoteMember, weight
from qutrio.core.checks.result_exchange import REQUEST_PAUSE_S, ResultExchange
from qutrio.core.consensus.feature_level import RaiseLevel, rise
from qutrio.core.consensus.register import Proposal, Register
from qutrio.core.election.engine_messages import (
    LeaderHeartbeat,
    LeaderHeartbeatAck,
    LeadershipDeclaration,
    LeadershipProposal,
    PreVoteRequest,
    PreVoteResponse,
    VoteRequest,
    VoteResponse,
)
from qutrio.core.leadership.leadership import Leadership
from qutrio.core.leadership.transfer import LeadershipTransfer
from qutrio.core.proposals import PendingProposals
from qutrio.core.quorum.bounds import KnownNumbers, ProposalRateLimit, named
from qutrio.model.ids import Instant, NodeId, UnixTime
from qutrio.model.stable import Position, Promise


@define(kw_only=True)
class MessageRouter:
    """Passes the messages of peers to the state machines of one node.

    `positions` is the position of the record that each peer last called committed.
    """

    leadership: Leadership
    register: Register
    exchange: ResultExchange
    proposals: PendingProposals
    alerts: AlertManager
    transfer: LeadershipTransfer
    positions: dict[NodeId, Position] = field(factory=dict)
    rate_limit: ProposalRateLimit = field(factory=ProposalRateLimit)

    def route(self, sender: NodeId, message: Message, now: Instant, wall: UnixTime) -> Consequences:
        """Process a message of `sender`, a member by its certificate.

        If its program is too old the message is dropped; such a member gets no link either.
        """
        leadership, upgraded = self.leadership, False
        if isinstance(message, Heartbeat):
            upgraded = leadership.announcements.record(sender, message.level)
        if leadership.announcements.too_old(sender, self.register.committed.document):
            return Consequences([], renews=not upgraded)
        came_back = leadership.liveness.record(sender, now, leadership.settings.dead_after_s)
        if isinstance(message, Heartbeat):
            leadership.heartbeats.record_number(sender, message.number)
            heard = leadership.on_heartbeat(sender, message, now, wall)
        elif isinstance(message, HeartbeatAck):
            self.positions[sender] = message.committed
            heard = leadership.on_ack(sender, message, now)
        elif isinstance(message, Report):
            self.alerts.on_first_votes(self.exchange.on_report(sender, message, now))
            heard = Consequences([], renews=True)
        else:
            return Consequences(self._dispatch(sender, message, now))
        return Consequences(heard.effects) if upgraded or came_back else heard

    def _dispatch(  # noqa: C901, PLR0911, PLR0912 - one branch for each kind of message
        self, sender: NodeId, message: Message, now: Instant
    ) -> list[Effect]:
        match message:
            case CanvassRequest():
                return self.leadership.on_canvass(sender, message, now)
            case CanvassAnswer():
                self.leadership.on_canvass_answer(sender, message, now)
            case Resign():
                self.leadership.on_resign(sender, message, now)
            case Yield():
                self.transfer.on_yield(message, now)
            case (
                PreVoteRequest()
                | PreVoteResponse()
                | VoteRequest()
                | VoteResponse()
                | LeaderHeartbeat()
                | LeaderHeartbeatAck()
                | LeadershipProposal()
                | LeadershipDeclaration()
            ):
                return self.leadership.on_engine_message(sender, message, now)
            case Farewell():
                self.leadership.on_farewell(sender)
            case Write() | Wrote() | Commit() | Fetch() | Fetched():
                return self._replicate(sender, message, now)
            case ProbeNow(checks=checks):
                pause = min(REQUEST_PAUSE_S, self.leadership.settings.confirm_after_s / 2)
                return self.exchange.on_probe_now(checks, pause, now)
            case Propose():
                return self.propose(sender, message, now)
            case ProposeReply():
                self.proposals.on_ruled(sender, message, now)
            case Deliver():
                return self.alerts.on_deliver(sender, message, now)
            case Delivered():
                return self.alerts.on_delivered(sender, message, now)
            case AgesReport(incidents=ages):
                trusted = self.leadership.lease.promise.holder == sender
                self.alerts.ages.record_reports(sender, ages, now, trusted=trusted)
                self.alerts.unseen_tracker.invalidate()
            case Removed() | Heartbeat() | HeartbeatAck() | Report():
                raise AssertionError("these are handled before")
            case _:
                assert_never(message)
        return []

    def forget_strangers(self, members: AbstractSet[NodeId]) -> None:
        """Forget nodes that are no longer members."""
        for stranger in self.positions.keys() - members:
            del self.positions[stranger]
        self.rate_limit.forget_strangers(members)

    def own_changes(self, now: Instant) -> list[Proposal]:
        """Return the changes that the master makes by itself."""
        changes: list[Mutation | RaiseLevel] = []
        learner = self.ready_learner(now)
        if learner is not None:
            changes.append(PromoteMember(node=learner))
        raised = rise(self.register.committed.document, self.leadership.announcements)
        if raised is not None:
            changes.append(raised)
        return [Proposal(change, None) for change in changes]

    def within_bounds(self, sender: NodeId, message: Message, now: Instant) -> bool:
        """Return whether the numbers in a message are within the bounds (`quorum.bounds`).

        Of a message that is not, only the term is recorded, as far as one message may raise it.
        """
        register, lease = self.register, self.leadership.lease
        held = (register.accepted, register.committed)
        known = KnownNumbers(
            max(lease.heard_term, *(r.position.term for r in held)),
            max(r.document.revision for r in held),
            max(r.position.number for r in held),
            max(r.ledger.sequence for r in held),
        )
        numbers = named(message)
        if known.covers(numbers):
            return True
        self.leadership.record_term(numbers.term, sender, now)
        return False

    def ready_learner(self, now: Instant) -> NodeId | None:
        """Return the first living learner that holds the committed record, if any."""
        committed, live = self.register.committed, self.leadership.membership.live(now)
        ready = (
            member.id
            for member in committed.document.members
            if not member.voter
            and member.id in live
            and self.positions.get(member.id) == committed.position
        )
        return next(ready, None)

    def propose(self, sender: NodeId, message: Propose, now: Instant) -> list[Effect]:
        """Queue a change, if this node is master in the term that the request names.

        If that term is over, answer so: a copy that arrives late must not be written after the
        requester was told that it never will be.  If this node may become master in that term
        again, or does not know that term, it does not answer; nor does it if the requester
        proposes too much.
        """
        register = self.register
        if message.term not in register.terms_written:
            return []
        proposal = Proposal(message.mutation, (sender, message.request), message.door, message.uid)
        if message.term != register.established:
            return register.decline(proposal, message.term)
        if register.knows(proposal):
            return register.propose(proposal)
        acts = self.leadership.acting_until(now) is not None
        heard = acts and self.rate_limit.allows(sender, weight(message.mutation), now)
        return register.propose(proposal) if heard else []

    def _replicate(
        self, sender: NodeId, message: Write | Wrote | Commit | Fetch | Fetched, now: Instant
    ) -> list[Effect]:
        register, lease = self.register, self.leadership.lease
        trust_basis = self.leadership.trust_basis(now)
        match message:
            case Write(position=position):
                granted = self.leadership.fit and lease.promise == Promise(position.term, sender)
                wrote = register.on_write(message, granted=granted)
                answer = [Send(sender, wrote)] if wrote is not None else []
                return answer + register.ask_to_confirm(trust_basis, now)
            case Wrote():
                self.leadership.record_term(message.heard_term, sender, now)
                return register.on_wrote(sender, message, now)
            case Commit(position=position):
                return register.on_commit(sender, position, trust_basis, now)
            case Fetch(accepted=accepted):
                record = register.accepted if accepted else register.committed
                fetched: Effect = Send(sender, Fetched(accepted=accepted, record=record))
                return [*self.alerts.report_ages(sender, now), fetched]
            case Fetched():
                if self.leadership.fit:
                    register.on_fetched(sender, message, trust_basis)
                return []
            case _:
                assert_never(message)

"""Hearing: which machine each message of a member belongs to.  It routes and decides nothing."""

from collections.abc import Set as AbstractSet
from typing import assert_never

from attrs import define, field

from qutrio.core.desk import Desk
from qutrio.core.effects import Consequences, Effect, Send
from qutrio.core.election.words import (
    Lead,
    LeadershipDeclaration,
    LeadershipProposal,
    Led,
    PreVote,
    PreVoted,
    VoteRequest,
    VoteResponse,
)
from qutrio.core.handover import Handover
from qutrio.core.messages import (
    Answer,
    Ask,
    Commit,
    Deliver,
    Delivered,
    Farewell,
    Fetch,
    Fetched,
    Heartbeat,
    HeartbeatAck,
    Lasted,
    Message,
    ProbeNow,
    Propose,
    Removed,
    Report,
    Resign,
    Ruled,
    Write,
    Wrote,
    Yield,
)
from qutrio.core.mutations import Mutation, PromoteMember
from qutrio.core.pager import Pager
from qutrio.core.raising import RaiseLevel, rise
from qutrio.core.reach import Reach, named
from qutrio.core.replication import Proposal, Replication
from qutrio.core.seat import Seat
from qutrio.core.watch import REQUEST_PAUSE_S, Watch
from qutrio.model.ids import Instant, NodeId, UnixTime
from qutrio.model.stable import Position, Promise


@define(kw_only=True)
class Hearing:
    """The machines of one node that listen to its peers.

    `positions` says which record each peer last called committed.
    """

    seat: Seat
    register: Replication
    watch: Watch
    desk: Desk
    pager: Pager
    handover: Handover
    positions: dict[NodeId, Position] = field(factory=dict)

    def hear(self, sender: NodeId, message: Message, now: Instant, wall: UnixTime) -> Consequences:
        """Take a member's message in, unless its program is too old: then it has no link either.

        `sender` is who its certificate says.
        """
        seat, upgraded = self.seat, False
        if isinstance(message, Heartbeat):
            upgraded = seat.announcements.hear(sender, message.level)
        if seat.announcements.too_old(sender, self.register.committed.document):
            return Consequences([], renews=not upgraded)
        came_back = seat.liveness.heard(sender, now, seat.settings.dead_after_s)
        if isinstance(message, Heartbeat):
            seat.cadence.hear(sender, message.number)
            heard = seat.on_heartbeat(sender, message, now, wall)
        elif isinstance(message, HeartbeatAck):
            self.positions[sender] = message.committed
            heard = seat.on_ack(sender, message, now)
        elif isinstance(message, Report):
            self.pager.alarmed(self.watch.on_report(sender, message, now))
            heard = Consequences([], renews=True)
        else:
            return Consequences(self._told(sender, message, now))
        return Consequences(heard.effects) if upgraded or came_back else heard

    def _told(  # noqa: C901, PLR0911, PLR0912 - one branch for each kind of message
        self, sender: NodeId, message: Message, now: Instant
    ) -> list[Effect]:
        match message:
            case Ask():
                return self.seat.on_ask(sender, message, now)
            case Answer():
                self.seat.on_answer(sender, message, now)
            case Resign():
                self.seat.on_resign(sender, message, now)
            case Yield():
                self.handover.on_yield(message, now)
            case (
                PreVote()
                | PreVoted()
                | VoteRequest()
                | VoteResponse()
                | Lead()
                | Led()
                | LeadershipProposal()
                | LeadershipDeclaration()
            ):
                return self.seat.on_word(sender, message, now)
            case Farewell():
                self.seat.on_farewell(sender)
            case Write() | Wrote() | Commit() | Fetch() | Fetched():
                return self._replicate(sender, message, now)
            case ProbeNow(checks=checks):
                pause = min(REQUEST_PAUSE_S, self.seat.settings.confirm_after_s / 2)
                return self.watch.on_probe_now(checks, pause, now)
            case Propose():
                return self.propose(sender, message, now)
            case Ruled():
                self.desk.on_ruled(sender, message, now)
            case Deliver():
                return self.pager.on_deliver(sender, message, now)
            case Delivered():
                return self.pager.on_delivered(sender, message, now)
            case Lasted(incidents=ages):
                trusted = self.seat.mandate.promise.holder == sender
                self.pager.ages.heard(sender, ages, now, trusted=trusted)
                self.pager.lookout.look_again()
            case Removed() | Heartbeat() | HeartbeatAck() | Report():
                raise AssertionError("these are taken before")
            case _:
                assert_never(message)
        return []

    def forget_strangers(self, members: AbstractSet[NodeId]) -> None:
        """Forget what is known of nodes that are no longer members."""
        for stranger in self.positions.keys() - members:
            del self.positions[stranger]

    def own_changes(self, now: Instant) -> list[Proposal]:
        """Return the changes that the master makes by itself."""
        changes: list[Mutation | RaiseLevel] = []
        learner = self.ready_learner(now)
        if learner is not None:
            changes.append(PromoteMember(node=learner))
        raised = rise(self.register.committed.document, self.seat.announcements)
        if raised is not None:
            changes.append(raised)
        return [Proposal(change, None) for change in changes]

    def reaches(self, sender: NodeId, message: Message, now: Instant) -> bool:
        """Tell whether this node may hear a message: it names no number out of all proportion.

        Of one that does, only the term is noted, as far as one word may move it.
        """
        register, mandate = self.register, self.seat.mandate
        held = (register.accepted, register.committed)
        reach = Reach(
            max(mandate.heard_term, *(r.position.term for r in held)),
            max(r.document.revision for r in held),
            max(r.position.number for r in held),
        )
        numbers = named(message)
        if reach.covers(numbers):
            return True
        self.seat.heard_of(numbers.term, sender, now)
        return False

    def ready_learner(self, now: Instant) -> NodeId | None:
        """Return the first living learner that holds what is committed, if there is one."""
        committed, live = self.register.committed, self.seat.roll.live(now)
        ready = (
            member.id
            for member in committed.document.members
            if not member.voter
            and member.id in live
            and self.positions.get(member.id) == committed.position
        )
        return next(ready, None)

    def propose(self, sender: NodeId, message: Propose, now: Instant) -> list[Effect]:
        """Queue a change while this node acts in the term it is meant for.

        When that term is over, say so: a copy that comes late must not be written after the
        asker was told that it never will be.  While this node may yet act in it again, or when
        it does not remember that term, it says nothing.
        """
        register = self.register
        if message.term not in register.held:
            return []
        proposal = Proposal(message.mutation, (sender, message.request), message.door, message.uid)
        if message.term != register.established:
            return register.decline(proposal, message.term)
        acts = self.seat.acting_until(now) is not None
        return register.propose(proposal) if acts or register.knows(proposal) else []

    def _replicate(
        self, sender: NodeId, message: Write | Wrote | Commit | Fetch | Fetched, now: Instant
    ) -> list[Effect]:
        register, mandate, footing = self.register, self.seat.mandate, self.seat.footing(now)
        match message:
            case Write(position=position):
                endorsed = self.seat.fit and mandate.promise == Promise(position.term, sender)
                wrote = register.on_write(message, endorsed=endorsed)
                answer = [Send(sender, wrote)] if wrote is not None else []
                return answer + register.ask_to_confirm(footing, now)
            case Wrote():
                self.seat.heard_of(message.heard_term, sender, now)
                return register.on_wrote(sender, message, now)
            case Commit(position=position):
                return register.on_commit(sender, position, footing, now)
            case Fetch(accepted=accepted):
                record = register.accepted if accepted else register.committed
                fetched: Effect = Send(sender, Fetched(accepted=accepted, record=record))
                return [*self.pager.tell_ages(sender, now), fetched]
            case Fetched():
                if self.seat.fit:
                    register.on_fetched(sender, message, footing)
                return []
            case _:
                assert_never(message)

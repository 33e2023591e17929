"""The replicated register: one document and ledger, written by the master.

Theory of operation.  The grant of a claim is phase 1 of Paxos: it tells the candidate the newest
record that the voter accepted, and promises to accept nothing of an older term.  A new candidate
adopts the newest record of a majority and writes it again in its own term before anything new.
From then on it is *established*.  Every write is phase 2: a voter accepts it, makes it durable and
answers; a write that a majority accepted is committed.  One write is in flight at a time, and all
changes that arrive meanwhile share the next one.  When the voters change, a majority of the old and
of the new ones must accept.  Voters change one at a time, so any two majorities overlap.

Sources: Lamport, "Paxos Made Simple" (2001), section 2.2; Ongaro's dissertation (2014),
sections 4.1 and 4.2 for single-member changes and learners.
"""

from collections import deque
from collections.abc import Callable

from attrs import define, evolve, field, frozen

from qutrio.core.api.effects import Effect, LogFact, Send
from qutrio.core.api.facts import OwnChangeRefused
from qutrio.core.api.messages import ItemWrite, ProposeReply, Ruling, Write, Wrote
from qutrio.core.api.mutations import Mutation, Refusal, weight
from qutrio.core.consensus.acceptor import RETRY_AFTER_S, Acceptor
from qutrio.core.consensus.applying import apply, keep_former
from qutrio.core.consensus.authorship import Author, authored
from qutrio.core.consensus.feature_level import RaiseLevel
from qutrio.core.quorum.majorities import JointConfig
from qutrio.model.document import ClusterDocument
from qutrio.model.edits import OWN
from qutrio.model.ids import Instant, NodeId, RequestId, Revision, Term, UnixTime
from qutrio.model.incidents import Ledger
from qutrio.model.levels import ITEM_WRITES, may_use
from qutrio.model.stable import Position, Record

PROPOSALS_QUEUED_MAX = 2000
PROPOSALS_PER_WRITE_MAX = 500
CHANGES_PER_WRITE_MAX = 2000
"""From here on the changes of one step are enough; the last proposal may hold more."""
RULINGS_REMEMBERED_MAX = 4096
TERMS_REMEMBERED_MAX = 16
REASON_CHARS_MAX = 2000
"""A refusal may quote what was proposed, and is remembered and sent."""


@frozen
class Proposal:
    """A change to the document, and the request that waits for the answer (None: no request).

    `door` and `uid` say through which interface and from which user it came.
    """

    mutation: Mutation | RaiseLevel
    origin: tuple[NodeId, RequestId] | None
    door: str = OWN
    uid: int | None = None

    def author(self, me: NodeId) -> Author:
        """Return who made the change; without a request it is this node's own."""
        return Author(me if self.origin is None else self.origin[0], self.door, self.uid)


def _unexpected_ruling(node: NodeId, ruled: ProposeReply) -> None:
    raise AssertionError(f"{node} proposed {ruled.request} to itself, and nobody takes the answer")


@define
class Flight:
    """The write that waits for its majorities."""

    record: Record
    proposals: list[tuple[Proposal, Revision]]
    accepted_by: set[NodeId]
    asked_at: dict[NodeId, Instant]


@define(kw_only=True)
class Register(Acceptor):
    """One node's register and, while it is master, its writes."""

    established: Term | None = None
    flight: Flight | None = None
    queued_max: int = PROPOSALS_QUEUED_MAX
    per_write_max: int = PROPOSALS_PER_WRITE_MAX
    terms_written: deque[Term] = field(factory=lambda: deque(maxlen=TERMS_REMEMBERED_MAX))
    """The last terms in which this node wrote since it started."""
    on_own_ruling: Callable[[NodeId, ProposeReply], None] = _unexpected_ruling
    """Called with this node's id and the answer to a proposal of this node itself."""
    _queue: deque[Proposal] = field(factory=deque)
    _rulings: dict[tuple[NodeId, RequestId], ProposeReply | None] = field(factory=dict)

    def roll_back(self, accepted: Record, committed: Record) -> None:
        """Go back to the records on the disk, and forget rulings on later ones."""
        self.accepted, self.committed = accepted, committed
        self._rulings = {
            origin: ruled
            for origin, ruled in self._rulings.items()
            if ruled is not None and ruled.position <= accepted.position
        }

    # --- as the master ----------------------------------------------------------------------

    def establish(
        self, term: Term, newest: tuple[Position, NodeId] | None, now: Instant
    ) -> list[Effect]:
        """Take the next step to be established in `term`, whose claim a majority granted.

        `newest` is the newest record to adopt: its position, and a voter that accepted it.
        """
        if self.established == term or self._writes(term):
            return []
        if newest is not None and newest[0] > self.accepted.position:
            return self.fetch_newest(*newest, term, now)
        # A write of this node's older claim is the accepted record, so its requests wait for this.
        waiting = self.flight.proposals if self.flight is not None else []
        return self._write(term, self.accepted.document, self.accepted.ledger, waiting, now)

    def propose(self, proposal: Proposal) -> list[Effect]:
        """Queue a change; answer at once if it was answered before or the queue is full."""
        origin = proposal.origin
        if origin is not None:
            if origin in self._rulings:
                ruled = self._rulings[origin]
                return self._answer(origin[0], ruled) if ruled is not None else []
            self._remember(origin, None)
        if len(self._queue) >= self.queued_max:
            return self._rule(proposal, Ruling.REFUSED, "too many changes are waiting; try again")
        self._queue.append(proposal)
        return []

    def decline(self, proposal: Proposal, term: Term) -> list[Effect]:
        """Answer that `term` is over at this node; but process a change that it knows."""
        if self.knows(proposal):
            return self.propose(proposal)
        return self._redirect(proposal, term)

    def knows(self, proposal: Proposal) -> bool:
        """Return whether this node ruled on a change, or holds it."""
        return proposal.origin in self._rulings

    @property
    def waiting(self) -> bool:
        """Return whether changes wait for the next write."""
        return bool(self._queue)

    def write_next(self, ledger: Ledger, now: Instant, wall: UnixTime) -> list[Effect]:
        """Write the queued changes, and `ledger` if it is new.

        Only for an established master, while no write is in flight.
        """
        term = self.established
        assert term is not None
        assert self.flight is None
        before = document = self.accepted.document
        effects, applied = list[Effect](), list[tuple[Proposal, Revision]]()
        changes = 0
        while self._queue and len(applied) < self.per_write_max and changes < CHANGES_PER_WRITE_MAX:
            proposal = self._queue.popleft()
            changes += weight(proposal.mutation)
            outcome = apply(proposal.mutation, document, wall)
            if isinstance(outcome, Refusal):
                effects += self._rule(proposal, Ruling.REFUSED, outcome.reason)
                continue
            if outcome != document:
                revision = Revision(document.revision + 1)
                author = proposal.author(self.me)
                signed = authored(document, outcome, revision, author, wall)
                document = evolve(outcome, revision=revision, term=term, **signed)
            applied.append((proposal, document.revision))
            if document.voters != before.voters or document.level != before.level:
                break  # voters change one at a time, and a level is used once it is committed
        if document.channels is not before.channels:
            ledger = keep_former(ledger, before, document)
        if applied or ledger != self.accepted.ledger:
            effects += self._write(term, document, ledger, applied, now)
        return effects

    def on_wrote(self, sender: NodeId, answer: Wrote, now: Instant) -> list[Effect]:
        """Count an answer; each voter counts once."""
        flight = self.flight
        if flight is None or answer.position != flight.record.position:
            return []
        if answer.lacks_document:
            flight.asked_at[sender] = now
            return [Send(sender, self._message(flight.record, whole=True))]
        if answer.accepted:
            flight.accepted_by.add(sender)
        return []

    def repeat_write(
        self, peer: NodeId, accepted: Position, stamp: tuple[Term, Revision], now: Instant
    ) -> list[Effect]:
        """Repeat the write to a peer, or count the peer if it already has it.

        `accepted` and `stamp` are what the peer says it holds.  Repeats are spaced.
        """
        flight = self.flight
        if flight is None:
            return []
        if accepted == flight.record.position:
            flight.accepted_by.add(peer)
            return []
        if now - flight.asked_at.get(peer, Instant(float("-inf"))) < RETRY_AFTER_S:
            return []
        flight.asked_at[peer] = now
        document = flight.record.document
        whole = stamp != (document.term, document.revision)
        return [Send(peer, self._message(flight.record, whole=whole))]

    def write_has_majority(self) -> bool:
        """Return whether the majorities accepted the write in flight."""
        flight = self.flight
        if flight is None:
            return False
        old, new = self.committed.document.voters, flight.record.document.voters
        return JointConfig(old, new).majority(flight.accepted_by)

    def mark_committed(self) -> list[Effect]:
        """Mark the write in flight committed: its majorities accepted it."""
        flight = self.flight
        assert flight is not None
        self.flight = None
        self.committed = flight.record
        self.established = flight.record.position.term
        if self.established not in self.terms_written:
            self.terms_written.append(self.established)
        effects: list[Effect] = []
        for proposal, revision in flight.proposals:
            effects += self._rule(proposal, Ruling.COMMITTED, "", revision)
        return effects

    def abandon(self) -> list[Effect]:
        """Stop writing, as the lease is lost.  A write in flight may or may not take effect."""
        effects: list[Effect] = []
        flight, self.flight, self.established = self.flight, None, None
        self.end_adoption()
        if flight is not None:
            reason = "the master changed before a majority answered; look before you try again"
            for proposal, _ in flight.proposals:
                effects += self._rule(proposal, Ruling.UNKNOWN, reason)
        while self._queue:
            effects += self._redirect(self._queue.popleft(), self.terms_written[-1])
        return effects

    def _writes(self, term: Term) -> bool:
        return self.flight is not None and self.flight.record.position.term == term

    def _write(
        self,
        term: Term,
        document: ClusterDocument,
        ledger: Ledger,
        proposals: list[tuple[Proposal, Revision]],
        now: Instant,
    ) -> list[Effect]:
        last = self.accepted.position
        number = last.number + 1 if last.term == term else 1
        before = self.accepted.document
        record = Record(Position(term, number), document, ledger)
        self.accepted = record
        voters = self.joint_config.all
        self.flight = Flight(record, proposals, {self.me} & voters, {})
        whole = (document.term, document.revision) != (before.term, before.revision)
        members = {m.id for m in document.members} | voters
        effects: list[Effect] = []
        for peer in sorted(members - {self.me}):
            self.flight.asked_at[peer] = now
            effects.append(Send(peer, self._message(record, whole=whole)))
        return effects

    def _message(self, record: Record, *, whole: bool) -> Write:
        document = record.document
        kind = ItemWrite if may_use(ITEM_WRITES, self.committed.document) else Write
        return kind(
            position=record.position,
            stamp=(document.term, document.revision),
            ledger=record.ledger,
            document=document if whole else None,
        )

    def _rule(
        self, proposal: Proposal, ruling: Ruling, reason: str, revision: Revision | None = None
    ) -> list[Effect]:
        if proposal.origin is None:
            refused = ruling is Ruling.REFUSED
            return [LogFact(OwnChangeRefused(reason))] if refused else []
        node, request = proposal.origin
        committed = self.committed
        ruled = ProposeReply(
            request=request,
            ruling=ruling,
            reason=reason[:REASON_CHARS_MAX],
            revision=revision if revision is not None else committed.document.revision,
            position=committed.position,
        )
        self._remember(proposal.origin, ruled)
        return self._answer(node, ruled)

    def _redirect(self, proposal: Proposal, term: Term) -> list[Effect]:
        """Answer that this node wrote it in no term until `term`: ask the next master."""
        if proposal.origin is None:
            return []
        node, request = proposal.origin
        self._rulings.pop(proposal.origin, None)
        ruled = ProposeReply(
            request=request,
            ruling=Ruling.AGAIN,
            reason="the master changed",
            revision=self.committed.document.revision,
            position=self.committed.position,
            term=term,
        )
        return self._answer(node, ruled)

    def _answer(self, node: NodeId, ruled: ProposeReply) -> list[Effect]:
        if node == self.me:
            self.on_own_ruling(node, ruled)
            return []
        return [Send(node, ruled)]

    def _remember(self, origin: tuple[NodeId, RequestId], ruled: ProposeReply | None) -> None:
        self._rulings.pop(origin, None)
        self._rulings[origin] = ruled
        while len(self._rulings) > RULINGS_REMEMBERED_MAX:
            del self._rulings[next(iter(self._rulings))]

"""The acceptor: a voter's half of the register, and how it adopts records of others.

Theory of operation.  A voter accepts a write of the claim that it granted, unless it has a later
one.  A record that others call committed is learned by the rule of `Witnesses`.  A candidate adopts
the newest record that the voters that granted its claim accepted, with the same care.  A voter that
names a record and does not send it, or sends another, is *passed over*: the claim does without it
as long as the others are a majority.

Source: Lamport, "Paxos Made Simple" (2001), sections 2.2 and 2.3.
"""

from collections.abc import Set as AbstractSet

from attrs import define, evolve, field, frozen

from qutrio.core.api.effects import Effect, Send
from qutrio.core.api.messages import Fetch, Fetched, Write, Wrote
from qutrio.core.consensus.feature_level import follows
from qutrio.core.consensus.witnesses import (
    UNCONFIRMED_VOTERS_MAX,
    WITNESSES,
    TrustBasis,
    Witnesses,
    descends,
    fits,
    losing_members,
)
from qutrio.core.quorum.majorities import JointConfig
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import NEVER, Instant, NodeId, Seconds, Term
from qutrio.model.levels import LEVEL
from qutrio.model.stable import Position, Record

RETRY_AFTER_S: Seconds = 2.0
"""How long a write or a request for a record stays unanswered before it is repeated."""


@frozen
class Adopting:
    """The request of a claim of `term` for the record that a voter accepted at a position."""

    voter: NodeId
    position: Position
    term: Term
    at: Instant
    answered: bool = False


@define(kw_only=True)
class Acceptor:
    """What one node accepted, and what it believes to be committed.

    Both are durable before anything that depends on them is sent.
    """

    me: NodeId
    accepted: Record
    committed: Record
    level: int = LEVEL
    """The highest feature level that this program could keep."""
    passed_over: set[NodeId] = field(factory=set)
    """The voters that named a newer record and did not send it: the claim does without them."""
    witnesses: Witnesses = field(init=False)
    _asked: dict[tuple[NodeId, bool], Instant] = field(factory=dict)
    """When each member was asked for its accepted record (True) or its committed one (False)."""
    _adopting: Adopting | None = None
    _joint_config: JointConfig | None = None

    def __attrs_post_init__(self) -> None:
        """Begin without any witness."""
        self.witnesses = Witnesses(self.me)

    @property
    def joint_config(self) -> JointConfig:
        """The voters that count: a change of voters needs both majorities while it lasts."""
        known = self._joint_config
        committed, accepted = self.committed.document.voters, self.accepted.document.voters
        if known is None or known.committed is not committed or known.accepted is not accepted:
            known = self._joint_config = JointConfig(committed, accepted)
        return known

    def on_write(self, write: Write, *, granted: bool) -> Wrote | None:
        """Accept a write of the claim that this node granted, unless it has a later one.

        Returns the answer, or None if the write is older than the accepted record and needs none.
        `granted` says that the sender holds this node's promise for the write's term.
        """
        if not granted or write.position < self.accepted.position:
            return None
        document = self._document(write)
        if document is not None and not self._may_follow(document):
            return None
        if document is not None and write.position > self.accepted.position:
            self._accept(Record(write.position, document, write.ledger))
        return Wrote(
            position=write.position,
            accepted=document is not None,
            lacks_document=document is None,
            heard_term=write.position.term,
        )

    def on_commit(
        self, peer: NodeId, position: Position, trust_basis: TrustBasis, now: Instant
    ) -> list[Effect]:
        """Record that `peer` calls the record at `position` committed.

        It is believed by the rule of `Witnesses`.  A record that is missing here, or must be
        confirmed, is requested; requests to one node are spaced.
        """
        self.witnesses.follow(trust_basis.promise)
        self.witnesses.named[peer] = position
        self._learn(trust_basis)
        if position <= self.committed.position:
            return []
        if position == self.accepted.position:
            return self.ask_to_confirm(trust_basis, now)
        holder, others = trust_basis.promise.holder, trust_basis.live - {self.me, peer}
        heard = position.term <= trust_basis.promise.term and holder in others
        if heard and not self._removes(self.witnesses.shown.get(holder or self.me)):
            return []  # the promise's holder is alive and will say so itself
        return self._fetch(peer, now, accepted=False)

    def ask_to_confirm(self, trust_basis: TrustBasis, now: Instant) -> list[Effect]:
        """Ask others whether they accepted this node's accepted record, if it removes members."""
        if self.accepted.position <= self.committed.position:
            return []
        others = self.witnesses.confirmers(self.accepted, self.committed.document, trust_basis)
        effects: list[Effect] = []
        for node in sorted(others):
            if not self.witnesses.confirms(node, self.accepted):
                effects += self._fetch(node, now, accepted=True)
        return effects

    def on_fetched(self, sender: NodeId, message: Fetched, trust_basis: TrustBasis) -> None:
        """Process a record that this node asked for: from the node that was asked, and once.

        A committed record is learned when it is believed.  An accepted one confirms what others
        said, or is adopted by a candidate that is not established.  The candidate has the promises
        of a majority, and must write this record again before anything new.
        """
        if self._asked.pop((sender, message.accepted), None) is None:
            return
        record, witnesses = message.record, self.witnesses
        witnesses.follow(trust_basis.promise)
        if record.position > self.committed.position and self._fits(record):
            known = witnesses.accepted if message.accepted else witnesses.shown
            known[sender] = record
        if message.accepted:
            self._adopt(sender, record)
        self._learn(trust_basis)

    def _adopt(self, sender: NodeId, record: Record) -> None:
        adopting = self._adopting
        if adopting is None or adopting.voter != sender:
            return
        position, term = adopting.position, adopting.term
        honest = record.position == position and position.term < term and self._fits(record)
        if honest and position > self.accepted.position and self._may_adopt(record):
            self.accepted, self._adopting = record, None
        else:
            self._adopting = evolve(adopting, answered=True)
            self.passed_over.add(sender)

    def _removes(self, record: Record | None) -> bool:
        """Return whether a record removes members, so that another member must confirm it."""
        before = self.committed.document
        return record is not None and bool(losing_members(before, record.document))

    def _may_follow(self, document: ClusterDocument) -> bool:
        committed = self.committed.document
        return descends(document, committed) and follows(document, committed, self.level)

    def _fits(self, record: Record) -> bool:
        """Return whether a record may follow the committed one, if it was committed."""
        known = follows(record.document, self.committed.document, self.level)
        return known and fits(record, self.committed)

    def _may_adopt(self, record: Record) -> bool:
        """Return whether a record that a voter accepted may be written again.

        The record may have been committed, so it cannot be dropped either: without a second
        witness the claim waits for one.
        """
        held, voters = self.witnesses, self.committed.document.voters
        if len(voters) <= UNCONFIRMED_VOTERS_MAX or not losing_members(
            self.committed.document, record.document
        ):
            return True
        return sum(held.confirms(node, record) for node in voters - {self.me}) >= WITNESSES

    def _learn(self, trust_basis: TrustBasis) -> None:
        """Mark the records committed that are believed by now."""
        witnesses, before = self.witnesses, self.committed
        shown = sorted(witnesses.shown.values(), key=lambda record: record.position)
        for record, held in [*((r, False) for r in shown), (self.accepted, True)]:
            if record.position <= self.committed.position or not self._fits(record):
                continue
            if witnesses.believe(record, self.committed.document, trust_basis, held=held):
                self.committed = record
                if record.position > self.accepted.position:
                    self.accepted = record
        if self.committed is not before:
            witnesses.forget(self.committed, self.committed.document.ids)

    def _document(self, write: Write) -> ClusterDocument | None:
        if write.document is not None:
            return write.document
        for held in (self.accepted.document, self.committed.document):
            if (held.term, held.revision) == write.stamp:
                return held
        return None

    def _accept(self, record: Record) -> None:
        previous = self.accepted
        successor = previous.position == Position(record.position.term, record.position.number - 1)
        if successor and previous.position > self.committed.position:
            few = len(self.committed.document.voters) <= UNCONFIRMED_VOTERS_MAX
            if few or not losing_members(self.committed.document, previous.document):
                self.committed = previous  # a master writes only when the last write is committed
        self.accepted = record

    def _fetch(self, peer: NodeId, now: Instant, *, accepted: bool) -> list[Effect]:
        if now - self._asked.get((peer, accepted), NEVER) < RETRY_AFTER_S:
            return []
        self._asked[peer, accepted] = now
        return [Send(peer, Fetch(accepted=accepted))]

    def forget_strangers(self, members: AbstractSet[NodeId]) -> None:
        """Forget the requests to, and the words of, nodes that are no longer members."""
        self.witnesses.forget(self.committed, members)
        for asked in [a for a in self._asked if a[0] not in members]:
            del self._asked[asked]

    def fetch_newest(
        self, position: Position, voter: NodeId, term: Term, now: Instant
    ) -> list[Effect]:
        """Ask a voter that granted the claim of `term` for the record it accepted at `position`.

        It is passed over if it does not answer in time.  Requests are spaced.
        """
        adopting = self._adopting
        if adopting is not None and (adopting.voter, adopting.term) == (voter, term):
            if now - adopting.at < RETRY_AFTER_S:
                return []
            self._adopting = None
            self._asked.pop((voter, True), None)
            if not adopting.answered:
                self.passed_over.add(voter)
            return []
        self._adopting = Adopting(voter, position, term, now)
        self._asked[voter, True] = now
        return [Send(voter, Fetch(accepted=True))]

    def end_adoption(self) -> None:
        """Forget the requests of a claim that has ended or is established."""
        self.passed_over.clear()
        self._adopting = None
        self._asked = {asked: at for asked, at in self._asked.items() if not asked[1]}

"""Witnesses: whom a node believes that a record is committed.

Theory of operation.  A record is committed when a majority accepted it, and only its holder has
counted that majority.  So a node believes the holder that it endorsed itself, by the promise on
its own disk, about records of that term and of earlier ones.  What any other member says needs a
second member who says the same: one key alone must not be able to pass a record off.

A record that takes a member's vote, its key or its place away is believed of the holder, too,
only when another living voter shows that it accepted the same document, as far as there is one
beside those who go.  In a cluster of two the holder's word is enough, and so is the only
voter's for a learner: there is nobody else to ask.
"""

from collections.abc import Set as AbstractSet

from attrs import define, field

from qutrio.core.quorum.majorities import holds_quorum
from qutrio.model.document import ClusterDocument
from qutrio.model.frozen import frozen
from qutrio.model.ids import NodeId
from qutrio.model.members import Member
from qutrio.model.stable import Position, Promise, Record

WITNESSES = 2
"""So many members who say the same cannot all be the one that lies."""
UNCONFIRMED_VOTERS_MAX = 2
"""With so few voters there is no third one to confirm a removal."""


@frozen
class TrustBasis:
    """What a node goes by when it weighs what others say of records.

    `promise` is what this node endorsed last; `live` are the members it hears.
    """

    promise: Promise
    live: frozenset[NodeId]


@define
class Witnesses:
    """What each member said of records that this node does not call committed yet."""

    me: NodeId
    named: dict[NodeId, Position] = field(factory=dict)
    """The place of the record that each member last called committed."""
    shown: dict[NodeId, Record] = field(factory=dict)
    """The committed record that each member showed."""
    accepted: dict[NodeId, Record] = field(factory=dict)
    """The accepted record that each member showed."""

    def believe(
        self, record: Record, document: ClusterDocument, trust_basis: TrustBasis, *, held: bool
    ) -> bool:
        """Tell whether `record` counts as committed for a node that holds `document`.

        With `held` this node accepted the record from its holder, so whoever names its place
        means this one; else only who showed just this record does.
        """
        shown = {n for n in self.shown if self._shows(n, record)}
        named = self._naming(record.position) if held else set[NodeId]()
        tellers = (shown | named) & (document.ids - {self.me})
        removing = bool(losing_members(document, record.document))
        independent = tellers & shown if removing else tellers
        if len(independent) >= WITNESSES or holds_quorum(independent, document.voters):
            return True
        promise = trust_basis.promise
        if promise.holder not in tellers or record.position.term > promise.term:
            return False
        return not removing or self._confirmed(record, document, trust_basis)

    def confirmers(
        self, record: Record, document: ClusterDocument, trust_basis: TrustBasis
    ) -> frozenset[NodeId]:
        """Return the living voters of whom one must confirm a removal by the endorsed holder.

        Members go one at a time, and the one that goes may confirm it but need not: where there
        is no other, nobody must.
        """
        gone = losing_members(document, record.document)
        if not gone or len(document.voters) <= UNCONFIRMED_VOTERS_MAX:
            return frozenset()
        others = (document.voters & trust_basis.live) - {self.me, trust_basis.promise.holder}
        return others if len(gone) > 1 or others - gone else frozenset()

    def confirms(self, node: NodeId, record: Record) -> bool:
        """Tell whether a member showed that it holds the document of `record`, or that it did."""
        return any(
            held is not None
            and held.position >= record.position
            and held.document == record.document
            for held in (self.accepted.get(node), self.shown.get(node))
        )

    def forget(self, committed: Record, members: AbstractSet[NodeId]) -> None:
        """Forget what is settled, and who is no longer a member."""
        for known in (self.shown, self.accepted):
            for node in [n for n, r in known.items() if r.position <= committed.position]:
                del known[node]
        for said in (self.named, self.shown, self.accepted):
            for stranger in said.keys() - members:
                del said[stranger]

    def _confirmed(
        self, record: Record, document: ClusterDocument, trust_basis: TrustBasis
    ) -> bool:
        others = self.confirmers(record, document, trust_basis)
        return not others or any(self.confirms(node, record) for node in others)

    def _naming(self, position: Position) -> set[NodeId]:
        """Return who called this place committed, and showed no other record of it."""
        shown = {n for n, record in self.shown.items() if record.position == position}
        return {n for n, named in self.named.items() if named == position} - shown

    def _shows(self, node: NodeId, record: Record) -> bool:
        return self.shown.get(node) == record


def losing_members(before: ClusterDocument, after: ClusterDocument) -> frozenset[NodeId]:
    """Return the members that lose their place, their key or their vote."""
    staying = {(m.id, m.fingerprint): m for m in after.members}

    def loses(member: Member) -> bool:
        same = staying.get((member.id, member.fingerprint))
        return same is None or (member.voter and not same.voter)

    return frozenset(m.id for m in before.members if loses(m))


def fits(record: Record, committed: Record) -> bool:
    """Tell whether an honest history could lead from `committed` to the later `record`."""
    before, after = committed.document, record.document
    if not descends(after, before) or after.term > record.position.term:
        return False
    return after.revision > before.revision or before == after


def descends(document: ClusterDocument, committed: ClusterDocument) -> bool:
    """Tell whether a document may be a later one than the committed one, or the same."""
    if committed.cluster_id != document.cluster_id or document.term < committed.term:
        return False
    if document.revision == committed.revision:
        return document.term == committed.term
    return document.revision > committed.revision

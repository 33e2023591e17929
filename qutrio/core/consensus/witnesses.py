"""Witnesses: which members a node believes when they say that a record is committed.

Theory of operation.  A record is committed when a majority accepted it, and only the master that
wrote it has counted that majority.  So a node believes the holder of its own promise, which is on
its disk, about records of that term and of earlier ones, as soon as it is the holder.  Any other
member needs a second one that says the same: one stolen key must not suffice to forge a record.

A record that removes a member's vote, key or place needs more, even from the holder: another living
voter that shows that it accepted the same document, if there is one beside the members that go.  In
a cluster of two the holder's word is enough, and so is the word of the only voter for a learner,
because there is no other voter to ask.
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
"""This many members that say the same cannot all be the one hostile member."""
UNCONFIRMED_VOTERS_MAX = 2
"""With this many voters or fewer there is no third one to confirm a removal."""


@frozen
class TrustBasis:
    """What a node trusts when others report records.

    `promise` is this node's last promise; `live` are the members that it hears.
    """

    promise: Promise
    live: frozenset[NodeId]


@define
class Witnesses:
    """What each member said about records that are not committed here yet."""

    me: NodeId
    named: dict[NodeId, Position] = field(factory=dict)
    """The position of the record that each member last called committed."""
    shown: dict[NodeId, Record] = field(factory=dict)
    """The committed record that each member sent."""
    accepted: dict[NodeId, Record] = field(factory=dict)
    """The accepted record that each member sent."""
    _followed: Promise | None = None

    def follow(self, promise: Promise) -> None:
        """Forget what the holder of a new promise said before this node granted it.

        Until then its word needed a second one; from then on it suffices.
        """
        if promise == self._followed:
            return
        self._followed = promise
        if promise.holder is not None:
            self.named.pop(promise.holder, None)
            self.shown.pop(promise.holder, None)

    def believe(
        self, record: Record, document: ClusterDocument, trust_basis: TrustBasis, *, held: bool
    ) -> bool:
        """Return whether `record` counts as committed for a node that holds `document`.

        With `held` this node accepted the record from its holder, so a member that names its
        position means this record.  Otherwise only the members that sent this very record count.
        """
        shown = {n for n in self.shown if self._shows(n, record)}
        named = self._naming(record.position) if held else set[NodeId]()
        witnesses = (shown | named) & (document.ids - {self.me})
        removing = bool(losing_members(document, record.document))
        independent = witnesses & shown if removing else witnesses
        if len(independent) >= WITNESSES or holds_quorum(independent, document.voters):
            return True
        promise = trust_basis.promise
        if promise.holder not in witnesses or record.position.term > promise.term:
            return False
        return not removing or self._confirmed(record, document, trust_basis)

    def confirmers(
        self, record: Record, document: ClusterDocument, trust_basis: TrustBasis
    ) -> frozenset[NodeId]:
        """Return the living voters of which one must confirm a removal by the promise's holder.

        Members are removed one at a time.  The removed one may confirm it but need not: if there
        is no other voter, no confirmation is needed.
        """
        gone = losing_members(document, record.document)
        if not gone or len(document.voters) <= UNCONFIRMED_VOTERS_MAX:
            return frozenset()
        others = (document.voters & trust_basis.live) - {self.me, trust_basis.promise.holder}
        return others if len(gone) > 1 or others - gone else frozenset()

    def confirms(self, node: NodeId, record: Record) -> bool:
        """Return whether a member showed that it holds the document of `record`, or once did."""
        return any(
            held is not None
            and held.position >= record.position
            and held.document == record.document
            for held in (self.accepted.get(node), self.shown.get(node))
        )

    def forget(self, committed: Record, members: AbstractSet[NodeId]) -> None:
        """Forget records that are not newer than `committed`, and nodes that are not members."""
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
        """Return the members that called this position committed and sent no other record of it."""
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
    """Return whether an honest history could lead from `committed` to the later `record`."""
    before, after = committed.document, record.document
    if not descends(after, before) or after.term > record.position.term:
        return False
    return after.revision > before.revision or before == after


def descends(document: ClusterDocument, committed: ClusterDocument) -> bool:
    """Return whether a document may be the committed one or a later one."""
    if committed.cluster_id != document.cluster_id or document.term < committed.term:
        return False
    if document.revision == committed.revision:
        return document.term == committed.term
    return document.revision > committed.revision

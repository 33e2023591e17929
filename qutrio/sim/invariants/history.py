"""The history of the document: invariants 3, 4 and 5.

The committed documents of all nodes form one chain, by revision.  Every difference between two
neighbours, item by item, must be the effect of a proposed change: of one that was not refused,
at most once for each proposal, and, if the answer named a revision, in exactly that one.  The
effect of an acknowledged change must be visible, unless another change to the same item replaced
it in the same step of the chain.  So a change that was lost, applied twice, or applied although
it was refused leaves a difference without a proposal, or a proposal without a difference.
"""

from bisect import bisect_left
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping

from attrs import define, field, frozen

from qutrio.codec.document import digest
from qutrio.core.api.effects import Reply
from qutrio.core.api.messages import Ruling
from qutrio.core.api.mutations import AddToken, ClaimToken, Mutation
from qutrio.core.quorum.majorities import holds_quorum
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import NodeId, RequestId, Revision, Seconds, UnixTime
from qutrio.model.stable import Position, Record
from qutrio.sim.host import Host
from qutrio.sim.invariants.changes import (
    Item,
    Key,
    explains,
    flat,
    happens_by_itself,
    items,
    touches,
)
from qutrio.sim.invariants.error import broken

CHAIN_KEPT = 256
WISHES_KEPT_PER_ITEM = 1024
POSITIONS_KEPT = 512
WALL_SLACK_S: Seconds = 86_400.0
"""The largest error of a node's wall clock when it removes what has expired."""


@frozen
class Link:
    """A committed document, and the position of the write that first had it."""

    document: ClusterDocument
    position: Position
    items: dict[Key, Item]


@define(eq=False)
class ProposedChange:
    """A proposed change.  Revision `floor` had already been acknowledged when it was proposed."""

    steps: tuple[Mutation, ...]
    floor: Revision
    ruling: Ruling | None = None
    revision: Revision = Revision(0)
    made: dict[Key, "Difference"] = field(factory=dict)


@define(eq=False)
class Difference:
    """An item that changed after revision `after`, in `upto` at the latest, through `by`."""

    key: Key
    new: Item | None
    after: Revision
    upto: Revision
    by: ProposedChange | None = None

    def fits(self, proposed: ProposedChange) -> bool:
        """Return whether a proposed change may have made this."""
        if proposed.ruling is Ruling.REFUSED or proposed.made.get(self.key, self) is not self:
            return False
        if proposed.ruling is Ruling.COMMITTED and not self.after < proposed.revision <= self.upto:
            return False
        return any(explains(step, self.key, self.new) for step in proposed.steps)

    def assign_to(self, proposed: ProposedChange | None) -> None:
        """Attribute this to another proposed change."""
        if self.by is not None:
            del self.by.made[self.key]
        self.by = proposed
        if proposed is not None:
            proposed.made[self.key] = self


@define
class History:
    """Every committed document, and every proposed change."""

    wall_at_zero: UnixTime = UnixTime(0.0)
    acknowledged_to: Revision = Revision(0)
    _newest: Record | None = None
    _chain: list[Link] = field(factory=list)
    _values: OrderedDict[Position, Record] = field(factory=OrderedDict)
    _open: dict[RequestId, ProposedChange] = field(factory=dict)
    _ruled: list[ProposedChange] = field(factory=list)
    _pending: dict[Key, deque[ProposedChange]] = field(factory=dict)
    _differences: dict[Key, deque[Difference]] = field(factory=dict)

    # --- what the operators do --------------------------------------------------------------

    def asked(self, request: RequestId, mutation: Mutation) -> None:
        """Record a proposal."""
        proposed = ProposedChange(tuple(flat(mutation)), self.acknowledged_to)
        self._open[request] = proposed
        for key in {key for step in proposed.steps for key in touches(step)}:
            kept = self._pending.setdefault(key, deque(maxlen=WISHES_KEPT_PER_ITEM))
            kept.append(proposed)

    def answered(self, reply: Reply) -> None:
        """Record an answer; it is judged after the event."""
        proposed = self._open.pop(reply.request, None)
        if proposed is None:
            return
        proposed.ruling, proposed.revision = reply.ruling, reply.revision
        self._ruled.append(proposed)
        if reply.ruling is Ruling.COMMITTED:
            self.acknowledged_to = max(self.acknowledged_to, reply.revision)

    # --- what the nodes hold ----------------------------------------------------------------

    def follow(self, hosts: Mapping[NodeId, Host], record: Record, true: Seconds) -> None:
        """Process a record that is new among those that a host calls committed."""
        self._record_value(hosts, record, true)
        if self._find(record.document.revision) is None:
            self._record_document(record, true)

    def agree(self, documents: list[ClusterDocument], true: Seconds) -> None:
        """Check that documents that should be equal are identical."""
        if len({digest(document) for document in documents}) > 1:
            revisions = sorted({document.revision for document in documents})
            raise broken(4, true, f"revisions {revisions} with different digests at rest")

    def _record_value(self, hosts: Mapping[NodeId, Host], record: Record, true: Seconds) -> None:
        if self._newest is None or record.position > self._newest.position:
            self._check_disks(hosts, record, true)
            self._newest = record
        known = self._values.setdefault(record.position, record)
        if known is not record and known != record:
            raise broken(4, true, f"two records are committed at {record.position}")
        if len(self._values) > POSITIONS_KEPT:
            self._values.popitem(last=False)
        link = self._find(record.document.revision)
        if link is not None and link.document != record.document:
            revision = record.document.revision
            raise broken(4, true, f"two documents are committed as revision {revision}")

    def _record_document(self, record: Record, true: Seconds) -> None:
        document = record.document
        link = Link(document, record.position, items(document))
        place = bisect_left(self._chain, document.revision, key=lambda n: n.document.revision)
        before = self._chain[place - 1] if place else None
        newest = place == len(self._chain)
        if not newest and before is None:
            return  # older than the chain; its neighbours have been judged
        self._chain.insert(place, link)
        if newest and before is not None:
            self._compare(before, link, true)
        if len(self._chain) > CHAIN_KEPT:
            del self._chain[0]

    def _check_disks(self, hosts: Mapping[NodeId, Host], record: Record, true: Seconds) -> None:
        """Check that majorities of the current and the previous voters have it on disk."""
        holding = {n for n, h in hosts.items() if h.disk.accepted.position >= record.position}
        voters = record.document.voters
        electorates, before = [voters], self._newest
        if before is not None and before.position == _preceding(record.position):
            electorates.append(before.document.voters)
        for electorate in electorates:
            if not holds_quorum(holding, electorate):
                what = f"committed at {record.position} on the disks of {sorted(holding)} only"
                raise broken(3, true, f"{what}, of the voters {sorted(electorate)}")

    def _compare(self, before: Link, link: Link, true: Seconds) -> None:
        """Find the proposed change behind every difference between two neighbours in the chain."""
        after, upto = before.document.revision, link.document.revision
        if before.document.cluster_id != link.document.cluster_id:
            raise broken(4, true, f"revision {upto} is of another cluster")
        for key in sorted(before.items.keys() | link.items.keys()):
            old, new = before.items.get(key), link.items.get(key)
            if old is new or old == new:
                continue
            if happens_by_itself(old, new, self._latest_wall(true)):
                continue
            made = Difference(key, new, after, upto)
            if not self._account(made, before.items):
                what = f"{key} changed in revision {upto} by nothing that was asked for and stands"
                raise broken(3 if self._acknowledged(key) else 5, true, what)
            kept = self._differences.setdefault(key, deque(maxlen=WISHES_KEPT_PER_ITEM))
            kept.append(made)

    def _account(self, made: Difference, before: Mapping[Key, Item]) -> bool:
        """Find the proposed change behind a difference; acknowledged ones take precedence."""
        fitting = [
            proposed for proposed in self._candidates(made.key, before) if made.fits(proposed)
        ]
        fitting.sort(key=lambda proposed: proposed.ruling is not Ruling.COMMITTED)
        made.assign_to(fitting[0] if fitting else None)
        return bool(fitting)

    def _acknowledged(self, key: Key) -> bool:
        """Return whether an acknowledged change made the last value."""
        made = self._differences.get(key)
        last = made[-1].by if made else None
        return last is not None and last.ruling is Ruling.COMMITTED

    def _candidates(self, key: Key, before: Mapping[Key, Item]) -> Iterator[ProposedChange]:
        yield from self._pending.get(key, ())
        if key[0] == "member":  # approving a token does not name the node that it admits
            for other in [k for k in before if k[0] == "token"]:
                yield from self._pending.get(other, ())

    # --- what the operators were told -------------------------------------------------------

    @property
    def rulings_wait(self) -> bool:
        """Whether an answer to an operator is not judged yet."""
        return bool(self._ruled)

    def judge_rulings(self, true: Seconds) -> None:
        """Compare the answers to operators with the chain."""
        waiting, self._ruled = self._ruled, []
        for proposed in waiting:
            self._reassign_mismatches(proposed, true)
            if proposed.ruling is Ruling.COMMITTED and not self._judge_acknowledged(proposed, true):
                self._ruled.append(proposed)  # no running node holds that revision yet

    def _reassign_mismatches(self, proposed: ProposedChange, true: Seconds) -> None:
        for made in [m for m in list(proposed.made.values()) if not m.fits(proposed)]:
            before = self._find(made.after)
            if not self._account(made, before.items if before is not None else {}):
                word = proposed.ruling.value if proposed.ruling is not None else ""
                what = f"{made.key} changed in revision {made.upto}, but the asker heard {word}"
                raise broken(5, true, f"{what} {proposed.revision}")

    def _judge_acknowledged(self, proposed: ProposedChange, true: Seconds) -> bool:
        """Check that the effect is visible; return False while no node has that revision."""
        revision = proposed.revision
        place = bisect_left(self._chain, revision, key=lambda n: n.document.revision)
        if place == len(self._chain):
            return False
        if revision < proposed.floor:
            what = f"acknowledged as revision {revision} without seeing {proposed.floor}"
            raise broken(3, true, what)
        link = self._chain[place]
        for key in sorted({key for step in proposed.steps for key in touches(step)}):
            excused = self._excused(proposed, key, link, true)
            if not excused and not self._took_effect(proposed, key, link):
                what = f"acknowledged as revision {revision}, but {key} is not so in it"
                raise broken(3, true, what)
        return True

    def _excused(self, proposed: ProposedChange, key: Key, link: Link, true: Seconds) -> bool:
        """Return whether the effect may be absent: not approved, already there, or expired."""
        for step in proposed.steps:
            match step:
                case ClaimToken(token=ident, claimant=claimant):
                    other = ("token", ident) if key[0] == "member" else ("member", claimant.id)
                    if other in link.items:
                        return True
                case AddToken(token=token):
                    if happens_by_itself(token, None, self._latest_wall(true)):
                        return True
                case _:
                    continue
        return False

    def _latest_wall(self, true: Seconds) -> UnixTime:
        return UnixTime(self.wall_at_zero + true + WALL_SLACK_S)

    def _took_effect(self, proposed: ProposedChange, key: Key, link: Link) -> bool:
        if key in proposed.made:
            return True
        here = [
            made
            for made in self._differences.get(key, ())
            if made.after < proposed.revision <= made.upto
        ]
        for made in here:
            other = made.by
            if made.fits(proposed) and (other is None or other.ruling is not Ruling.COMMITTED):
                made.assign_to(proposed)
                return True
        value = link.items.get(key)
        if here or any(explains(step, key, value) for step in proposed.steps):
            return True
        return any(self._followed_at_once(proposed, other, link) for other in self._pending[key])

    def _followed_at_once(
        self, proposed: ProposedChange, other: ProposedChange, link: Link
    ) -> bool:
        """Return whether the same write may contain `other`, which undid the effect."""
        place = bisect_left(self._chain, proposed.revision, key=lambda n: n.document.revision)
        after = self._chain[place - 1].document.revision if place else Revision(0)
        if other is proposed or link.document.revision - after <= 1:
            return False
        return other.ruling is None or other.ruling is Ruling.UNKNOWN or other.revision > after

    def _find(self, revision: Revision) -> Link | None:
        place = bisect_left(self._chain, revision, key=lambda n: n.document.revision)
        found = place < len(self._chain) and self._chain[place].document.revision == revision
        return self._chain[place] if found else None


def _preceding(position: Position) -> Position:
    return Position(position.term, position.number - 1)

"""Incumbency: who acts, known from its own mouth only.

Hearsay does not count: relayed incumbents outlive themselves, and two nodes could wait for one
another for ever.
"""

from attrs import define, field

from qutrio.model.ids import NEVER, Instant, NodeId, Seconds, Term

TERMS_REMEMBERED_MAX = 16


@define
class ObservedMaster:
    """The node that this one last heard say that it acts, and up to when that counts."""

    _node: NodeId | None = None
    term: Term = Term(0)
    until: Instant = NEVER
    _acted: dict[Term, NodeId] = field(factory=dict)
    """Who was believed to act in each of the last terms: a term has one master."""
    _over: dict[NodeId, Term] = field(factory=dict)
    """The last term that each node said it gave up: what it said before may come later."""

    def node(self, now: Instant) -> NodeId | None:
        """Return who acts, as far as is known at `now`."""
        return self._node if now < self.until else None

    def acts(self, node: NodeId, term: Term, counts_s: Seconds, now: Instant) -> bool:
        """Note that `node` said that it acts in `term`; tell whether that was not known.

        Another living master is believed only in a higher term, and no node in a term that it
        gave up, or in which another one acted.
        """
        if term <= self._over.get(node, Term(-1)) or self._acted.get(term, node) != node:
            return False
        known = now < self.until
        if known and node != self._node and term <= self.term:
            return False
        new = not known or (node, term) != (self._node, self.term)
        self._node, self.term, self.until = node, term, Instant(now + counts_s)
        self._acted[term] = node
        if len(self._acted) > TERMS_REMEMBERED_MAX:
            del self._acted[min(self._acted)]
        return new

    def ended(self, node: NodeId, now: Instant, up_to: Term | None = None) -> bool:
        """Note that `node` acts in no term (`up_to` this one); tell whether it was thought to."""
        if up_to is not None:
            self._over[node] = max(up_to, self._over.get(node, up_to))
        ends = node == self._node and now < self.until and (up_to is None or self.term <= up_to)
        if ends:
            self.until = NEVER
        return ends

    def keep(self, members: frozenset[NodeId]) -> None:
        """Forget one that is no longer a member."""
        if self._node not in members:
            self.until = NEVER
        for stranger in self._over.keys() - members:
            del self._over[stranger]

"""The node that is master, as its own heartbeats say.

What others say of it does not count: relayed news would outlive the master, and two nodes could
wait for each other forever.
"""

from attrs import define, field

from qutrio.model.ids import NEVER, Instant, NodeId, Seconds, Term

TERMS_REMEMBERED_MAX = 16


@define
class ObservedMaster:
    """The node that last said that it is master, and until when that counts."""

    _node: NodeId | None = None
    term: Term = Term(0)
    until: Instant = NEVER
    _acted: dict[Term, NodeId] = field(factory=dict)
    """The master of each of the last terms: a term has only one."""
    _over: dict[NodeId, Term] = field(factory=dict)
    """The last term that each node gave up.  Its earlier heartbeats may arrive later."""

    def node(self, now: Instant) -> NodeId | None:
        """Return the master, as far as this node knows at `now`."""
        return self._node if now < self.until else None

    def record(self, node: NodeId, term: Term, counts_s: Seconds, now: Instant) -> bool:
        """Record that `node` said that it is master in `term`; return whether that is new.

        While a master is known, another one counts only in a higher term.  A term that its master
        gave up no longer counts, nor does one in which another node was master.
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

    def acted(self, node: NodeId, term: Term) -> bool:
        """Return whether `node` was master in `term`, one of the last, as far as this node saw."""
        return self._acted.get(term) == node

    def record_end(self, node: NodeId, now: Instant, gave_up: Term | None = None) -> bool:
        """Record that `node` gave up its terms; return whether it was master until now.

        With `gave_up`, only that term and earlier ones.
        """
        if gave_up is not None:
            self._over[node] = max(gave_up, self._over.get(node, gave_up))
        ends = node == self._node and now < self.until and (gave_up is None or self.term <= gave_up)
        if ends:
            self.until = NEVER
        return ends

    def forget_strangers(self, members: frozenset[NodeId]) -> None:
        """Forget nodes that are no longer members."""
        if self._node not in members:
            self.until = NEVER
        for stranger in self._over.keys() - members:
            del self._over[stranger]

"""Credence: for how long a bare claim to lead counts.

Theory of operation.  Whoever acts has written a record in its term before it says so, and a voter
that endorsed it soon holds one.  So a voter knows by its own disk whether the node that it is
bound to really became the holder of its term; until it does, that node's claim is *bare*, and so
is the word of an engine's leader that claims nothing.  A bare claim counts, for every role begins
with one; but only for a while.  One node that goes on claiming and writes nothing is in doubt
then: it is neither endorsed nor followed, and the others elect.  After a while it gets another
chance, later each time, unless it has shown by then that it writes.

A node that could not lead anyway, because it sees no majority, doubts nobody: it may be the one
whose links fail.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet

from attrs import define, evolve, field

from qutrio.core.election.interface import Electorate
from qutrio.core.mandate import Mandate
from qutrio.core.messages import Heartbeat
from qutrio.core.replication import Replication
from qutrio.model.ids import NEVER, Instant, NodeId, Seconds, Term
from qutrio.model.stable import Promise

TRUSTED_DEADS = 3
"""A bare claim counts for so many times `dead_after` in all."""
DOUBTED_DEADS = 9
"""For how many a node is in doubt the first time; twice as long each time after that."""
DOUBLED_MAX = 2


@define
class Doubt:
    """One node's bare claims: how long they lasted, when the last came, how often too long."""

    spent_s: Seconds = 0.0
    last: Instant = NEVER
    until: Instant = NEVER
    times: int = 0


@define
class Credence:
    """Counts the bare claims of every other node.  `able` tells whether this one could lead."""

    register: Replication
    mandate: Mandate
    able: Callable[[Instant], bool]
    _doubts: dict[NodeId, Doubt] = field(factory=dict)

    def claim(self, node: NodeId, beat: Heartbeat, now: Instant) -> Term | None:
        """Return the term that a heartbeat claims, if it does and that counts."""
        believed = beat.claim is not None and self.believes(
            node, beat.claim, now, acting=beat.acting
        )
        return beat.claim if believed else None

    def believes(
        self, node: NodeId, claim: Term | None, now: Instant, *, acting: bool = False
    ) -> bool:
        """Tell whether a claim to act counts, or without `claim` a word that claims to lead.

        A voter that is bound to a holder that wrote in its term hears no other claim meanwhile.
        """
        promise, register = self.mandate.promise, self.register
        written = {register.accepted.position.term, register.committed.position.term}
        bound = now < self.mandate.bound_until and promise.term in written
        if promise.holder == node and bound and claim in {None, promise.term}:
            self._doubts.pop(node, None)
            return True
        if not self.able(now):
            return True
        if claim is not None and bound and promise.holder not in {node, register.me}:
            return False
        shown = not acting or claim in written or Promise(claim or Term(0), node) == promise
        trusted = self._trusts(node, register.committed.document.settings.dead_after_s, now)
        return trusted and shown

    def doubted(self, now: Instant) -> frozenset[NodeId]:
        """Return who is in doubt now: nobody should lead whom others do not follow."""
        return frozenset(node for node, doubt in self._doubts.items() if now < doubt.until)

    def heed(self, electorate: Electorate, now: Instant) -> Electorate:
        """Return the electorate without those in doubt among whom could lead."""
        doubted = self.doubted(now)
        return evolve(electorate, able=electorate.able - doubted) if doubted else electorate

    def _trusts(self, node: NodeId, dead_after_s: Seconds, now: Instant) -> bool:
        """Count a bare claim of `node`; tell whether it counts."""
        doubt = self._doubts.setdefault(node, Doubt())
        if now < doubt.until:
            return False
        doubt.spent_s += min(now - doubt.last, dead_after_s) if doubt.last > NEVER else 0.0
        doubt.last = now
        if doubt.spent_s < TRUSTED_DEADS * dead_after_s:
            return True
        lasts_s = DOUBTED_DEADS * dead_after_s * 2 ** min(doubt.times, DOUBLED_MAX)
        doubt.until, doubt.times = Instant(now + lasts_s), doubt.times + 1
        doubt.spent_s, doubt.last = 0.0, NEVER
        return False

    def keep(self, members: AbstractSet[NodeId]) -> None:
        """Forget whoever is no longer a member."""
        for stranger in self._doubts.keys() - members:
            del self._doubts[stranger]

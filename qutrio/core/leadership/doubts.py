"""Credence: for how long a node waits for another one that does not come to lead.

Theory of operation.  Who could lead, and who says that it does or would, is known from its own
mouth only, and a node lets the one go first that its engine wants.  That is right, for every role
begins with such words; but one node whose words lead to nothing must not keep the others from
electing.  Whoever acts has written a record in its term before it says so, and a voter that is
bound to it soon holds one.  So each node counts for how long it waited for which other one, while
it was bound to no holder that wrote.  One that it waited for in vain for too long is in *doubt*:
it is neither endorsed nor followed, and the others elect.  After a while it gets another chance,
twice as much later each time.

At most one node is in doubt at a time, the last one.  What is promised is that one that lies holds
up nobody; and nodes that were not elected because links were bad must not all be in doubt when
these are good again, each at another node.  For the same reason all waiting is forgotten once
somebody was elected, and a node that could not lead anyway, because it sees no majority, doubts
nobody: it may be the one whose links fail.

That somebody acts in a term is believed only if this node endorsed it, or knows by its own disk,
or from two members, that the term has records.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet

from attrs import define, evolve, field

from qutrio.core.api.messages import Heartbeat
from qutrio.core.consensus.lease import Lease
from qutrio.core.consensus.register import Register
from qutrio.core.consensus.witnesses import WITNESSES
from qutrio.core.election.engines import ENGINES
from qutrio.core.election.interface import Electorate
from qutrio.model.ids import FOREVER, NEVER, Instant, NodeId, Seconds, Term
from qutrio.model.stable import Promise

TRUSTED_DEADS = 3
"""For how many times `dead_after` another one is waited for in all."""
DOUBTED_DEADS = 3
"""For how many it is in doubt then, the first time; twice as long each time after that."""
DOUBLED_MAX = 4


@define
class Doubt:
    """For how long one node was waited for, up to when it is in doubt, and how often it was."""

    waited_s: Seconds = 0.0
    until: Instant = NEVER
    times: int = 0


@define
class LeaderDoubts:
    """Whom this node believes that it leads or could.

    `able` tells whether this node could lead.
    """

    register: Register
    lease: Lease
    able: Callable[[Instant], bool]
    _doubts: dict[NodeId, Doubt] = field(factory=dict)
    _awaited: NodeId | None = None
    _since: Instant = NEVER

    def watch(self, awaits: Callable[[], NodeId | None], now: Instant) -> None:
        """Note for whom this node waits from now on, and doubt whoever was waited for too long.

        `awaits` is asked only while this node could lead, claims nothing, and is bound to no
        holder that wrote.
        """
        if self._is_bound(now):
            self._wait_for(None, now)
            self._doubts.pop(self.lease.promise.holder or self.lease.me, None)
            for doubt in self._doubts.values():
                doubt.waited_s = 0.0
            return
        busy = self.lease.claim is not None or not self.able(now)
        self._wait_for(None if busy else awaits(), now)
        if self._awaited is not None and now >= self._patient_until():
            self._begin_to_doubt(self._awaited, now)
            self._wait_for(awaits(), now)

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

        A voter that is bound to a holder that wrote in its term hears no other claim meanwhile,
        but does hear that holder when it claims again, in a higher term than it acts in.
        """
        promise, bound = self.lease.promise, self._is_bound(now)
        if promise.holder == node and bound and (claim is None or claim >= promise.term):
            return True
        if acting and claim in self.register.held:
            return False  # this node itself was the master of that term
        if not self.able(now):
            return True
        if claim is not None and bound and promise.holder not in {node, self.lease.me}:
            return False
        return self.doubted(now) != node and not (acting and self._is_bare(node, claim))

    @property
    def patience_s(self) -> Seconds:
        """For how long another one is waited for; for ever, where the engine is not known."""
        settings = self.register.committed.document.settings
        return TRUSTED_DEADS * settings.dead_after_s if settings.engine in ENGINES else FOREVER

    def doubted(self, now: Instant) -> NodeId | None:
        """Return who is in doubt now, if anybody."""
        return next((node for node, doubt in self._doubts.items() if now < doubt.until), None)

    def heed(self, electorate: Electorate, now: Instant) -> Electorate:
        """Return the electorate without the one in doubt among whom could lead."""
        doubted = self.doubted(now)
        return evolve(electorate, able=electorate.able - {doubted}) if doubted else electorate

    def deadline(self) -> Instant:
        """Return when a doubt begins or ends without an event, or the last one did."""
        ends = (doubt.until for doubt in self._doubts.values() if doubt.until > NEVER)
        return min(self._patient_until(), *ends, FOREVER)

    def _is_bound(self, now: Instant) -> bool:
        """Tell whether this node is bound to a holder that wrote in its term."""
        return now < self.lease.bound_until and self.lease.promise.term in self._written()

    def _is_bare(self, node: NodeId, claim: Term | None) -> bool:
        """Tell whether nothing shows that a term in which a node says that it acts has records."""
        if claim in self._written() or Promise(claim or Term(0), node) == self.lease.promise:
            return False
        named = self.register.witnesses.named.values()
        return sum(position.term == claim for position in named) < WITNESSES

    def _written(self) -> set[Term]:
        return {self.register.accepted.position.term, self.register.committed.position.term}

    def _patient_until(self) -> Instant:
        """Return when this node has waited long enough for the one that it waits for."""
        if self._awaited is None:
            return FOREVER
        trusted_s = TRUSTED_DEADS * self.register.committed.document.settings.dead_after_s
        return Instant(self._since + trusted_s - self._doubts[self._awaited].waited_s)

    def _wait_for(self, node: NodeId | None, now: Instant) -> None:
        before = self._awaited
        if node == before:
            return
        if before is not None:
            self._doubts[before].waited_s += now - self._since
        if node is not None:
            self._doubts.setdefault(node, Doubt())
        self._awaited, self._since = node, now

    def _begin_to_doubt(self, node: NodeId, now: Instant) -> None:
        dead_after_s = self.register.committed.document.settings.dead_after_s
        self._since = now
        for other in self._doubts.values():
            other.waited_s, other.until = 0.0, NEVER
        doubt = self._doubts[node]
        lasts_s = DOUBTED_DEADS * dead_after_s * 2 ** min(doubt.times, DOUBLED_MAX)
        doubt.until, doubt.times = Instant(now + lasts_s), doubt.times + 1

    def keep(self, members: AbstractSet[NodeId]) -> None:
        """Forget whoever is no longer a member."""
        if self._awaited not in members:
            self._awaited = None
        for stranger in self._doubts.keys() - members:
            del self._doubts[stranger]

"""Doubts: how long a node waits for a leader that does not become master.

Theory of operation.  Whether a node could lead, wants to or does is known only from its own
messages, and the other nodes wait for the one that their engines choose.  But a node that never
becomes master must not keep the others from electing one.  A master has written a record in its
term before it says that it is master, and a voter that is bound to it soon holds that record.  So
each node counts how long it waited for each other node while it was bound to no master that wrote.
A node for which it waited too long is in *doubt*: it gets no grant and is not followed, and the
others elect.  After some time it gets another chance; the time doubles with each doubt.

At most one node is in doubt at a time, the last one.  This is enough so that one hostile node holds
up no election.  If each node doubted several, then after a time of bad links no node might be left
that all can elect.  For the same reason all waiting times are reset once a node is elected, and a
node that cannot lead itself, because it sees no majority, doubts none: its own links may be bad.

A node believes that another is master in a term only if it granted that term, or if its own disk or
two members show that the term has records.
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
"""How long, in times `dead_after`, a node waits for another in all."""
DOUBTED_DEADS = 3
"""How long it is in doubt then, for the first time; twice as long each time after that."""
DOUBLED_MAX = 4


@define
class Doubt:
    """How long this node waited for another, until when that is in doubt, and how often it was."""

    waited_s: Seconds = 0.0
    until: Instant = NEVER
    times: int = 0


@define
class LeaderDoubts:
    """Which nodes this node believes to lead.  `able` tells whether it could lead itself."""

    register: Register
    lease: Lease
    able: Callable[[Instant], bool]
    _doubts: dict[NodeId, Doubt] = field(factory=dict)
    _awaited: NodeId | None = None
    _since: Instant = NEVER

    def update(self, awaits: Callable[[], NodeId | None], now: Instant) -> None:
        """Record for which node this one waits from now on; doubt one that it awaited too long.

        `awaits` is called only while this node could lead, claims nothing, and is bound to no
        master that wrote.
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

    def believed_claim(self, node: NodeId, beat: Heartbeat, now: Instant) -> Term | None:
        """Return the term that a heartbeat claims, if the claim is believed."""
        believed = beat.claim is not None and self.believes(
            node, beat.claim, now, acting=beat.acting
        )
        return beat.claim if believed else None

    def believes(
        self, node: NodeId, claim: Term | None, now: Instant, *, acting: bool = False
    ) -> bool:
        """Return whether a claim counts; without `claim`, whether an engine's message to lead does.

        While a voter is bound to a master that wrote in its term, no other claim counts.  That
        master's claims count, and so does its new claim of a higher term.
        """
        promise, bound = self.lease.promise, self._is_bound(now)
        if promise.holder == node and bound and (claim is None or claim >= promise.term):
            return True
        if acting and claim in self.register.terms_written:
            return False  # this node itself was the master of that term
        if not self.able(now):
            return True
        if claim is not None and bound and promise.holder not in {node, self.lease.me}:
            return False
        return self.doubted(now) != node and not (acting and self._is_bare(node, claim))

    @property
    def patience_s(self) -> Seconds:
        """How long this node waits for another; forever if the engine is unknown."""
        settings = self.register.committed.document.settings
        return TRUSTED_DEADS * settings.dead_after_s if settings.engine in ENGINES else FOREVER

    def doubted(self, now: Instant) -> NodeId | None:
        """Return the node that is in doubt now, if any."""
        return next((node for node, doubt in self._doubts.items() if now < doubt.until), None)

    def without_doubted(self, electorate: Electorate, now: Instant) -> Electorate:
        """Return the electorate; the node in doubt is not among those that could lead."""
        doubted = self.doubted(now)
        return evolve(electorate, able=electorate.able - {doubted}) if doubted else electorate

    def deadline(self) -> Instant:
        """Return when a doubt next begins or ends without an event, or last did."""
        ends = (doubt.until for doubt in self._doubts.values() if doubt.until > NEVER)
        return min(self._patient_until(), *ends, FOREVER)

    def _is_bound(self, now: Instant) -> bool:
        """Return whether this node is bound to a master that wrote in its term."""
        return now < self.lease.bound_until and self.lease.promise.term in self._written()

    def _is_bare(self, node: NodeId, claim: Term | None) -> bool:
        """Return whether nothing shows that a record of the term `claim` exists."""
        if claim in self._written() or Promise(claim or Term(0), node) == self.lease.promise:
            return False
        named = self.register.witnesses.named.values()
        return sum(position.term == claim for position in named) < WITNESSES

    def _written(self) -> set[Term]:
        return {self.register.accepted.position.term, self.register.committed.position.term}

    def _patient_until(self) -> Instant:
        """Return when this node has waited long enough for the node that it awaits."""
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
        """Forget nodes that are no longer members."""
        if self._awaited not in members:
            self._awaited = None
        for stranger in self._doubts.keys() - members:
            del self._doubts[stranger]

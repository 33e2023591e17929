"""When a voter grants a claim, and how long it waits after a restart.

Theory of operation.  A heartbeat brings the claim to `LeaseVoter.acknowledge`, if the node
believes it (`LeaderDoubts.believed_claim`).  A voter that granted this claim before renews the
grant.  It grants a new claim if all of these hold; `objection` returns the first that does not:

* its disk takes writes;
* the candidate is a voter of the committed document, by the voter's copy;
* the term is higher than any that the voter promised, and it claims none itself;
* it is not bound to another candidate, and has not just restarted (`Lease.objection`);
* its engine chooses the candidate (`EngineHost.choice`), or the voter gives way because no node has
  led for long.

The last two lines do not apply to the candidate that the voter granted last.

A restarted node waits because it no longer knows when its last grant ends: it grants no other
candidate before that (`lease_after_restart`).  When a record makes grants shorter, a voter that
restarts with it waits less long.  So from the time when it holds that record, the candidate relies
on no older grant for longer (`shorten_grants`); no voter holds the record earlier.

Doubts.  Whether a node could lead, wants to or does is known only from its own messages, and the
other nodes wait for the one that their engines choose.  But a node that never becomes master must
not keep the others from electing one.  A master has written a record in its
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

from qutrio.core.api.messages import Heartbeat, HeartbeatAck
from qutrio.core.consensus.lease import Lease
from qutrio.core.consensus.register import Register
from qutrio.core.consensus.witnesses import WITNESSES
from qutrio.core.election.engines import ENGINES, timing
from qutrio.core.election.interface import Electorate
from qutrio.core.leadership.engine_host import EngineHost
from qutrio.core.leadership.heartbeats import HeartbeatSchedule
from qutrio.model.ids import FOREVER, NEVER, Instant, NodeId, Seconds, Term
from qutrio.model.stable import Promise, Stable

NEXT_BEAT_S_MIN: Seconds = 0.001
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
        """Return when a doubt begins or ends without an event; the time may have passed."""
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

    def forget_strangers(self, members: AbstractSet[NodeId]) -> None:
        """Forget nodes that are no longer members."""
        if self._awaited not in members:
            self._awaited = None
        for stranger in self._doubts.keys() - members:
            del self._doubts[stranger]


@define
class LeaseVoter:
    """One node's part as a voter.  `choice` returns the leader that this node's engine chooses."""

    register: Register
    lease: Lease
    engine_host: EngineHost
    doubts: LeaderDoubts
    choice: Callable[[Instant], NodeId | None]

    def acknowledge(
        self, candidate: NodeId, number: int, term: Term | None, now: Instant, *, fit: bool
    ) -> HeartbeatAck:
        """Acknowledge a heartbeat, and grant its claim if nothing objects."""
        granted = term if self.grant_or_renew(candidate, term, now, fit=fit) else None
        accepted = self.register.accepted
        return HeartbeatAck(
            number=number,
            granted=granted,
            bound_s=self.engine_host.bound_s,
            heard_term=self.lease.heard_term,
            accepted=accepted.position,
            committed=self.register.committed.position,
            stamp=(accepted.document.term, accepted.document.revision),
        )

    def grant_or_renew(
        self, candidate: NodeId, term: Term | None, now: Instant, *, fit: bool
    ) -> bool:
        """Grant a claim, or renew its grant, if nothing objects; return whether it was granted."""
        if term is None:
            return False
        if self.lease.renews(candidate, term):
            self.lease.bound_until = Instant(now + self.engine_host.bound_s)
            return True
        if self.objection(candidate, term, now, fit=fit) is not None:
            return False
        self.lease.grant(candidate, term, self.engine_host.bound_s, now)
        return True

    def objection(self, candidate: NodeId, term: Term, now: Instant, *, fit: bool) -> str | None:
        """Return why this node would not grant a claim; None if it would.  Changes nothing.

        `fit` tells whether its disk takes writes.  The engine is asked last.
        """
        if not fit:
            return "cannot write its disk"
        # A node whose removal is being written may claim: it completes the removal, then leaves.
        if candidate not in self.register.joint_config.committed:
            return "does not know the candidate as a voter"
        reason = self.lease.objection(candidate, term, now)
        if reason is not None or self.lease.promise.holder == candidate:
            return reason
        wanted = self.choice(now)
        if wanted == candidate or self._gives_way(candidate, wanted, now):
            return None
        return f"prefers {wanted}"

    def _gives_way(self, candidate: NodeId, wanted: NodeId | None, now: Instant) -> bool:
        """Return whether this node grants the candidate although its engine does not choose it.

        It does if no node has led for `patience_s` since its last grant ended, and its engine
        chooses none, or itself although the candidate has a lower id.  The candidate may run
        another engine, because it was away when that changed, and no node may be left to tell it.
        """
        freed_at = max(self.lease.bound_until, self.lease.restart_wait_until)
        none_led = NEVER < freed_at <= now - self.doubts.patience_s
        return none_led and (wanted is None or (wanted == self.lease.me and candidate < wanted))


def lease_after_restart(me: NodeId, stable: Stable, register: Register, now: Instant) -> Lease:
    """Return the lease state of a node that starts now with the state on its disk.

    A node that made a promise no longer knows until when it is bound.  So it grants no other
    candidate until its grant must have expired, unless it is the only voter and promised itself.
    A promise to a master that was removed since still binds: programs may rely on its lease.
    """
    alone = register.joint_config.all == {me} and stable.promise.holder == me
    forgot = stable.promise != Promise() and not alone
    bound_s = max(
        timing(stable.accepted.document.settings).bound_s,
        timing(stable.committed.document.settings).bound_s,
    )
    return Lease(
        me=me,
        promise=stable.promise,
        restart_wait_until=Instant(now + bound_s) if forgot else NEVER,
        heard_term=stable.promise.term,
    )


def shorten_grants(
    engine_host: EngineHost, lease: Lease, heartbeats: HeartbeatSchedule, now: Instant
) -> None:
    """Shorten the counted grants when the settings make grants shorter, and renew them at once."""
    if engine_host.lease_shortened() and lease.claim is not None:
        lease.shorten_grants(Instant(now + engine_host.lease_s))
        heartbeats.next_beat = Instant(now + NEXT_BEAT_S_MIN)

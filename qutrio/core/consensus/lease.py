"""The lease: a node is master only while a majority of the voters has granted its claim.

Theory of operation.  A voter that grants a claim is *bound*: for `dead_after` seconds from its
answer, on its own clock, it grants no other candidate.  Each answered heartbeat renews the grant.
The candidate counts a grant from the time when it *sent* the heartbeat, on its own clock, and a
tenth shorter.  So the candidate's count ends before the voter's as long as no clock is off by more
than 5 %, and two nodes never hold the grants of a majority at once.

A claim names a term.  A voter writes its promise, the highest term that it granted and to which
candidate, to disk before it answers, and never grants an equal or lower term to another.  So two
nodes never share a term, and terms only grow.

A restarted node no longer knows until when it is bound, because grants are kept in memory only.
So it grants no other candidate until its last grant must have expired: `restart_wait_until`,
which `leadership.lease_voter.lease_after_restart` sets and `Lease.objection` reads (in a library
election, `election.host` also sets it when the rules changed).

Before it claims, a node canvasses the voters: would they grant it?  A canvass changes nothing, so
a node that is cut off cannot raise the term.

`Lease.objection` has the rules of promises and grants; `leadership.lease_voter` has the others.

Sources: Gray and Cheriton, "Leases" (SOSP 1989), sections 2 and 5 for the clocks; Lamport,
"Paxos Made Simple" (2001), section 2.2 for the promise; Ongaro's dissertation (2014), section
9.6 for asking first.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from attrs import define, field

from qutrio.core.quorum.bounds import TermRateLimit, nearer
from qutrio.core.quorum.majorities import JointConfig, quorum_until
from qutrio.model.ids import FOREVER, NEVER, Instant, NodeId, Seconds, Term
from qutrio.model.stable import Position, Promise

DRIFT_MARGIN = 0.1
"""The part of a grant that the candidate does not count: clock rates may differ by 5 % each."""

CLAIM_AGAIN_DEADS = 0.5
"""The part of `dead_after` for which a master keeps a claim, whatever terms it hears of."""
CANVASSES_PER_HEARTBEAT = 10
CANVASS_AFTER_S_MIN: Seconds = 0.05


@define
class Canvass:
    """A question to the voters about `term`, and the voters that would grant it."""

    term: Term
    would: set[NodeId]


@define(kw_only=True)
class Lease:
    """The grant of this node to another, and the grants of others to this node.

    `claim` is the term this node claims, or None.  `promise` is durable before anything that
    depends on it is sent.
    """

    me: NodeId
    promise: Promise
    restart_wait_until: Instant
    """Until then a restarted node grants no new candidate, and does not claim."""
    heard_term: Term
    claim: Term | None = None
    canvass: Canvass | None = None
    canvass_again_at: Instant = NEVER
    unsupported_since: Instant | None = None
    bound_until: Instant = NEVER
    _released: Term | None = None
    _first_term: Term = Term(0)
    _grants: dict[NodeId, Instant] = field(factory=dict)
    _granters: dict[NodeId, Position] = field(factory=dict)
    _rate_limit: TermRateLimit = field(factory=TermRateLimit)
    _claimed_at: Instant = NEVER
    _known_bounds: tuple[JointConfig, Instant, Instant] | None = None
    """The cached result of `_quorum_bounds` and its voters; None when it is out of date."""

    # --- as a voter -------------------------------------------------------------------------

    def objection(self, candidate: NodeId, term: Term, now: Instant) -> str | None:
        """Return why a promise or grant forbids this node to grant `term`; None if none does."""
        if term <= self.promise.term:
            return f"granted term {self.promise.term} already"
        if self.claim is not None:
            return "claims the role itself"
        if self.promise.holder == candidate:
            return None
        if now < self.bound_until:
            return f"bound to {self.promise.holder}"
        if now < self.restart_wait_until:
            return "restarted recently"
        return None

    def renews(self, candidate: NodeId, term: Term) -> bool:
        """Return whether this is the claim that this node granted last, and it is not released."""
        last = self.promise
        return last.term == term and last.holder == candidate and self._released != term

    def is_taken(self, candidate: NodeId, term: Term) -> bool:
        """Return whether this node granted `term` to another, so that `candidate` cannot have it.

        It happens when two nodes claim one term at once.  A node that claims itself grants
        nothing in any term, so the answer is False then.
        """
        promise = self.promise
        return self.claim is None and promise.term == term and promise.holder != candidate

    def grant(self, candidate: NodeId, term: Term, bound_s: Seconds, now: Instant) -> None:
        """Grant `term` to `candidate`: bind this node for `bound_s` seconds from now."""
        self.promise = Promise(term, candidate)
        self._released = None
        self.bound_until = Instant(now + bound_s)
        self.record_term(term)

    def release(self, candidate: NodeId, term: Term, now: Instant) -> None:
        """End the grant to exactly this claim, because the candidate gave it up."""
        if self.promise == Promise(term, candidate):
            self.bound_until = now
            self._released = term

    def record_term(self, term: Term) -> None:
        """Record a term that this node learned by itself."""
        self.heard_term = max(self.heard_term, nearer(term, self.heard_term))

    def record_term_from(
        self, term: Term, sender: NodeId, dead_after_s: Seconds, now: Instant
    ) -> bool:
        """Record a term that another node names; return whether it is new.

        The rate is limited.  If a node could raise the term all the time, no election would end,
        because each needs a term that no node has named yet.
        """
        if term <= self.heard_term or not self._rate_limit.allows(sender, dead_after_s, now):
            return False
        self.record_term(term)
        return True

    def forget_strangers(self, members: AbstractSet[NodeId]) -> None:
        """Forget nodes that are no longer members."""
        self._rate_limit.forget_strangers(members)

    # --- as a candidate ---------------------------------------------------------------------

    def may_canvass(self, now: Instant) -> bool:
        """Return whether this node may canvass: it has no claim and is bound to no other."""
        bound = now < self.bound_until and self.promise.holder != self.me
        return self.claim is None and not bound and now >= self.restart_wait_until

    def open_canvass(self, heartbeat_s: Seconds, now: Instant) -> Term:
        """Begin a canvass about the next term, and return that term."""
        term = Term(max(self.heard_term, self.promise.term) + 1)
        self.canvass = Canvass(term, {self.me})
        pause_s = max(heartbeat_s / CANVASSES_PER_HEARTBEAT, CANVASS_AFTER_S_MIN)
        self.canvass_again_at = Instant(now + pause_s)
        return term

    def may_claim_again(self, dead_after_s: Seconds, now: Instant) -> bool:
        """Return whether a master must claim a higher term than its own, and may do so by now.

        Voters that granted a higher term to another can grant its new term.  A write that is in
        flight when a node claims again ends unknown, so claims are spaced.
        """
        rested = now >= self._claimed_at + dead_after_s * CLAIM_AGAIN_DEADS
        return rested and self.claim is not None and self.heard_term > self.claim

    def count_canvass_answer(self, node: NodeId, term: Term, *, would: bool) -> None:
        """Count an answer to the open canvass; each voter counts once."""
        if would and self.canvass is not None and self.canvass.term == term:
            self.canvass.would.add(node)

    def begin_claim(self, term: Term, now: Instant) -> None:
        """Claim `term` and promise it to this node.  Grants to its older claims stay valid."""
        assert term > self.promise.term
        self._claimed_at = now
        if self.claim is None:
            self._first_term = term
        self.promise = Promise(term, self.me)
        self._released = None
        self.claim = term
        self.canvass = None
        self.unsupported_since = None
        self._granters = {}
        self.record_term(term)

    def end_claim(self, now: Instant, bound_until: Instant = NEVER) -> Term | None:
        """Give up the claim and return its term, so that the voters bound to it can be told.

        This node stays bound to itself until `bound_until`.
        """
        term, self.claim = self.claim, None
        self._grants, self._granters, self._known_bounds = {}, {}, None
        self.canvass = None
        self.unsupported_since = None
        if term is not None:
            self._released = term
            self.bound_until = max(now, bound_until)
        return term

    # --- with a claim -----------------------------------------------------------------------

    def add_grant(self, voter: NodeId, term: Term, accepted: Position, until: Instant) -> None:
        """Count a voter's grant, on which this node may rely until `until`.

        A grant to a claim that this node has given up since does not count: the voter may have
        been told, and be bound to another.
        """
        if self.claim is None or not self._first_term <= term <= self.claim:
            return
        self._grants[voter] = max(until, self._grants.get(voter, NEVER))
        self._known_bounds = None
        if term == self.claim:
            self._granters[voter] = accepted

    def shorten_grants(self, until: Instant) -> None:
        """Rely on no grant beyond `until`: a voter that restarts from now on waits less long."""
        self._grants = {voter: min(until, end) for voter, end in self._grants.items()}
        self._known_bounds = None

    def granters(self) -> frozenset[NodeId]:
        """Return the voters that granted the present claim, this node included."""
        return frozenset(self._granters) | {self.me}

    def accepted_by(self) -> Mapping[NodeId, Position]:
        """Return the newest position that each voter that granted the claim had accepted."""
        return self._granters

    def lease_until(self, joint_config: JointConfig, now: Instant, horizon_s: Seconds) -> Instant:
        """Return until when this node holds the lease: a majority is bound to its claim.

        `NEVER` without a claim.  This node's own grant does not expire, so a cluster of one gets
        `horizon_s` seconds from now.
        """
        if self.claim is None:
            return NEVER
        least, most = self._quorum_bounds(joint_config)
        return max(least, min(Instant(now + horizon_s), most))

    def _quorum_bounds(self, joint_config: JointConfig) -> tuple[Instant, Instant]:
        """Return the end of the lease without this node's own grant, and with it forever.

        An order statistic moves with one of its values and stays between these two.
        """
        if self._known_bounds is None or self._known_bounds[0] is not joint_config:
            least, most = (
                min(
                    quorum_until(until, joint_config.committed, NEVER),
                    quorum_until(until, joint_config.accepted, NEVER),
                )
                for until in ({**self._grants, self.me: own} for own in (NEVER, FOREVER))
            )
            self._known_bounds = (joint_config, least, most)
        return self._known_bounds[1:]

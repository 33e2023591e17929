"""The mandate: whoever an engine proposes acts only while a majority is bound to it.

Theory of operation.  A voter that endorses a claim is *bound*: for `dead_after` seconds from
its answer, on its own clock, it endorses nobody else.  Each answered heartbeat renews the
bond.  The claimant counts a bond from the moment it *sent* the heartbeat, on its own clock,
and a tenth shorter.  So the claimant's count ends before the voter's, as long as no clock is
off by more than 5 %, and two nodes never hold a majority of bonds at once.

A claim names a term.  A voter writes the highest term it endorsed, and for whom, to disk
before it says so, and never endorses an equal or lower one for another; so two nodes never
share a term, and the term only grows.  A restarted node has forgotten its bonds, so it
endorses nobody new until `dead_after` has passed.

Before it claims, a node asks everybody whether they would endorse it.  A question changes
nothing; so a node that is cut off cannot inflate the term.

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
"""By which part of a bond the claimant undercounts it: clock rates may differ by 5 % each."""

CLAIM_AGAIN_DEADS = 0.5
"""For which part of `dead_after` a node that acts keeps a claim, whatever terms it hears of."""
CANVASSES_PER_HEARTBEAT = 10
CANVASS_AFTER_S_MIN: Seconds = 0.05


@define
class Canvass:
    """An election that is being asked about."""

    term: Term
    would: set[NodeId]


@define(kw_only=True)
class Lease:
    """One node's promises to others, and others' bonds to it.

    `claim` is the term this node claims, or None.  `promise` is durable before anything that
    depends on it is sent.
    """

    me: NodeId
    promise: Promise
    quiet_until: Instant
    """Before this moment a restarted node endorses nobody new."""
    heard_term: Term
    claim: Term | None = None
    canvass: Canvass | None = None
    canvass_again_at: Instant = NEVER
    unwanted_since: Instant | None = None
    bound_until: Instant = NEVER
    _released: Term | None = None
    _run_term: Term = Term(0)
    _grants: dict[NodeId, Instant] = field(factory=dict)
    _granters: dict[NodeId, Position] = field(factory=dict)
    _pace: TermRateLimit = field(factory=TermRateLimit)
    _claimed_at: Instant = NEVER
    _support: tuple[JointConfig, Instant, Instant] | None = None
    """How long the bonds of others reach, for these electors; None when it may be wrong."""

    # --- as a voter -------------------------------------------------------------------------

    def objection(self, candidate: NodeId, term: Term, now: Instant) -> str | None:
        """Say why this node would not endorse `candidate` for `term` now; None if it would."""
        if term <= self.promise.term:
            return f"endorsed term {self.promise.term} already"
        if self.claim is not None:
            return "claims the role itself"
        if self.promise.holder == candidate:
            return None
        if now < self.bound_until:
            return f"bound to {self.promise.holder}"
        if now < self.quiet_until:
            return "restarted a moment ago"
        return None

    def renews(self, candidate: NodeId, term: Term) -> bool:
        """Tell whether this is the claim that this node endorsed last, and not given up."""
        last = self.promise
        return last.term == term and last.holder == candidate and self._released != term

    def spent(self, holder: NodeId, term: Term) -> bool:
        """Tell whether this node gave a term to another, so that `holder` cannot have it.

        It happens when two claim one term at once.  While this node claims itself, it has no
        endorsement to give in any term.
        """
        promise = self.promise
        return self.claim is None and promise.term == term and promise.holder != holder

    def grant(self, candidate: NodeId, term: Term, bound_s: Seconds, now: Instant) -> None:
        """Bind this node to `candidate` for `bound_s` seconds from now."""
        self.promise = Promise(term, candidate)
        self._released = None
        self.bound_until = Instant(now + bound_s)
        self.hear(term)

    def release(self, holder: NodeId, term: Term, now: Instant) -> None:
        """Undo the bond of exactly this claim: its holder gave it up."""
        if self.promise == Promise(term, holder):
            self.bound_until = now
            self._released = term

    def hear(self, term: Term) -> None:
        """Take note of a term that this node knows of by itself."""
        self.heard_term = max(self.heard_term, nearer(term, self.heard_term))

    def told(self, term: Term, teller: NodeId, dead_after_s: Seconds, now: Instant) -> bool:
        """Take note of a term that another node names, and tell whether it is a new one.

        One that names higher and higher terms all the time is not followed at that rate: no
        election would end, for each is about a term that nobody has named yet.
        """
        if term <= self.heard_term or not self._pace.allows(teller, dead_after_s, now):
            return False
        self.hear(term)
        return True

    def keep(self, members: AbstractSet[NodeId]) -> None:
        """Forget how often others named higher terms, unless they are members."""
        self._pace.keep(members)

    # --- as a candidate ---------------------------------------------------------------------

    def may_canvass(self, now: Instant) -> bool:
        """Tell whether this node is free to seek the role."""
        bound = now < self.bound_until and self.promise.holder != self.me
        return self.claim is None and not bound and now >= self.quiet_until

    def ask(self, heartbeat_s: Seconds, now: Instant) -> Term:
        """Open a question about the next term, and return that term."""
        term = Term(max(self.heard_term, self.promise.term) + 1)
        self.canvass = Canvass(term, {self.me})
        pause_s = max(heartbeat_s / CANVASSES_PER_HEARTBEAT, CANVASS_AFTER_S_MIN)
        self.canvass_again_at = Instant(now + pause_s)
        return term

    def may_claim_again(self, dead_after_s: Seconds, now: Instant) -> bool:
        """Tell whether a node that acts has to claim a higher term than its own, and may by now.

        Voters that gave a higher term away can endorse it then.  A write that is under way when
        a node claims again ends unknown, so it does not do so all the time.
        """
        rested = now >= self._claimed_at + dead_after_s * CLAIM_AGAIN_DEADS
        return rested and self.claim is not None and self.heard_term > self.claim

    def answered(self, node: NodeId, term: Term, *, would: bool) -> None:
        """Count an answer to the open question; each voter counts once."""
        if would and self.canvass is not None and self.canvass.term == term:
            self.canvass.would.add(node)

    def take(self, term: Term, now: Instant) -> None:
        """Claim `term`: endorse oneself.  The bonds of an older claim of ours stay ours."""
        assert term > self.promise.term
        self._claimed_at = now
        if self.claim is None:
            self._run_term = term
        self.promise = Promise(term, self.me)
        self._released = None
        self.claim = term
        self.canvass = None
        self.unwanted_since = None
        self._granters = {}
        self.hear(term)

    def drop(self, now: Instant, bound_until: Instant = NEVER) -> Term | None:
        """Give the claim up and return its term; whoever is bound to it may be told.

        This node stays bound to itself until `bound_until`.
        """
        term, self.claim = self.claim, None
        self._grants, self._granters, self._support = {}, {}, None
        self.canvass = None
        self.unwanted_since = None
        if term is not None:
            self._released = term
            self.bound_until = max(now, bound_until)
        return term

    # --- as a claimant ----------------------------------------------------------------------

    def bind(self, voter: NodeId, term: Term, accepted: Position, until: Instant) -> None:
        """Count a voter's bond, which this node may rely on up to `until`.

        A bond to a claim that this node gave up in between does not count: the voter may have
        been told, and be bound to another.
        """
        if self.claim is None or not self._run_term <= term <= self.claim:
            return
        self._grants[voter] = max(until, self._grants.get(voter, NEVER))
        self._support = None
        if term == self.claim:
            self._granters[voter] = accepted

    def shorten(self, until: Instant) -> None:
        """Rely on no bond beyond `until`: a voter that restarts from now on waits less long."""
        self._grants = {voter: min(until, bond) for voter, bond in self._grants.items()}
        self._support = None

    def granters(self) -> frozenset[NodeId]:
        """Return who endorsed the present claim, this node included."""
        return frozenset(self._granters) | {self.me}

    def accepted_by(self) -> Mapping[NodeId, Position]:
        """Return the newest position that each endorser of the present claim had accepted."""
        return self._granters

    def lease_until(self, joint_config: JointConfig, now: Instant, horizon_s: Seconds) -> Instant:
        """Return the moment up to which a majority is bound to this node's claim.

        `NEVER` without a claim.  This node's own bond has no end, so a cluster of one gets
        `horizon_s` seconds from now.
        """
        if self.claim is None:
            return NEVER
        least, most = self._supported(joint_config)
        return max(least, min(Instant(now + horizon_s), most))

    def _supported(self, joint_config: JointConfig) -> tuple[Instant, Instant]:
        """Return up to when a majority is bound if this node's own bond ended now, or never did.

        An order statistic moves with one of its values and stays between these two.
        """
        if self._support is None or self._support[0] is not joint_config:
            least, most = (
                min(
                    quorum_until(until, joint_config.committed, NEVER),
                    quorum_until(until, joint_config.accepted, NEVER),
                )
                for until in ({**self._grants, self.me: own} for own in (NEVER, FOREVER))
            )
            self._support = (joint_config, least, most)
        return self._support[1:]

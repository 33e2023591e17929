"""Takeover: which accepted record a new candidate must write again before anything new.

Theory of operation.  A record may be committed if a majority may have accepted it.  A voter that
granted the claim and had accepted only older records has not accepted it, and accepts nothing more
of an older term.  So a record that a majority denies in this way was never committed, and the claim
passes over it, whoever names it: one hostile member cannot make a healthy majority write a record
that no master wrote.  A record that cannot be ruled out must be written again.

While the voters change, this holds for the voters before and after.  It is evaluated again after
each record that was taken over, because it may bring other voters.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from attrs import define, frozen

from qutrio.core.api.effects import Effect
from qutrio.core.consensus.acceptor import RETRY_AFTER_S
from qutrio.core.consensus.lease import Lease
from qutrio.core.consensus.register import Register
from qutrio.core.leadership.membership import Membership
from qutrio.core.quorum.majorities import JointConfig, holds_quorum
from qutrio.model.ids import Instant, NodeId, Term
from qutrio.model.stable import Position


@frozen
class Newest:
    """A position to adopt, a voter that accepted its record, and how many did, or a later one."""

    found: tuple[Position, NodeId]
    backers: int


@define
class Takeover:
    """How a claim that a majority granted becomes established."""

    register: Register
    lease: Lease
    membership: Membership
    _patient: tuple[Term, Instant] | None = None
    """Until when a claim waits for the other voters before it believes a single one."""

    def advance(self, claim: Term, now: Instant) -> list[Effect]:
        """Take the next step to be established in `claim`, once a majority has granted it."""
        granters, register = self._reachable(now), self.register
        if register.established == claim or not register.joint_config.majority(granters):
            return []
        accepted = {**self.lease.accepted_by(), register.me: register.accepted.position}
        newest = newest_needed(accepted, register.me, granters, register.joint_config)
        if newest is None:
            return register.establish(claim, None, now)
        if newest.backers == 1 and self._waits(claim, now):
            return []
        return register.establish(claim, newest.found, now)

    def _waits(self, claim: Term, now: Instant) -> bool:
        """Return whether other voters may yet deny the record that a single one names."""
        if self._patient is None or self._patient[0] != claim:
            self._patient = (claim, Instant(now + RETRY_AFTER_S))
        voters = self.membership.contacts(now) & self.register.joint_config.all
        return now < self._patient[1] and bool(voters - self.lease.granters())

    def _reachable(self, now: Instant) -> frozenset[NodeId]:
        """Return the voters that granted the claim and can still send the record they accepted.

        Any majority of them will do.  One that died with the newest record, or never sends it,
        must not hold up the others.
        """
        reachable = self.lease.granters() & self.membership.contacts(now)
        willing = reachable - self.register.passed_over
        if not self.register.joint_config.majority(willing):
            self.register.passed_over.clear()
            return reachable
        return willing


def newest_needed(
    accepted: Mapping[NodeId, Position],
    me: NodeId,
    among: AbstractSet[NodeId],
    joint_config: JointConfig,
) -> Newest | None:
    """Return the newest position that a majority may have accepted; None if the candidate has it.

    `accepted` is what each voter that granted the claim had accepted, the candidate `me` included.
    Only the nodes `among` can send a record.  A later record than the needed one has all that it
    has, as in Paxos, so it may take its place; an earlier one may not, whoever can send it.
    """
    silent = joint_config.all - accepted.keys()

    def backers(place: Position) -> set[NodeId]:
        return {n for n, p in accepted.items() if p >= place}

    def may_be_chosen(place: Position) -> bool:
        configurations = (joint_config.committed, joint_config.accepted)
        return any(holds_quorum(backers(place) | silent, voters) for voters in configurations)

    needed = max(place for place in accepted.values() if may_be_chosen(place))
    if accepted[me] >= needed:
        return None
    having = backers(needed)  # one of them is in `among`, which is a majority with `me`
    nearest = min(accepted[node] for node in having & among)
    found = max(node for node in having & among if accepted[node] == nearest)
    return Newest((nearest, found), len(having))

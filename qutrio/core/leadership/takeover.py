"""Adoption: which accepted record a new holder must write again before anything new.

Theory of operation.  A record may be committed when a majority may have accepted it.  An endorser
of the claim that had accepted only older ones has not accepted it, and accepts nothing more of an
older term.  So what a majority denies in this way was never committed, whoever names it, and the
claim passes over it: one endorser that lies cannot make a healthy majority write a record that
nobody wrote.  What cannot be ruled out must be written again.

Where the voters change, all this is asked of the voters before and after.  It is asked again after
each adoption, because an adopted record may bring other voters.
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
    """A place, who had accepted its record, and how many endorsers had that or a later one."""

    found: tuple[Position, NodeId]
    backers: int


@define
class Takeover:
    """How a claim that a majority endorsed comes to be established."""

    register: Register
    lease: Lease
    membership: Membership
    _patient: tuple[Term, Instant] | None = None
    """Up to when a claim waits for all endorsers before it believes a single one."""

    def advance(self, claim: Term, now: Instant) -> list[Effect]:
        """Go on towards being established in `claim`, once a majority endorsed it."""
        granters, register = self._reachable(now), self.register
        if register.established == claim or not register.joint_config.majority(granters):
            return []
        accepted = {**self.lease.accepted_by(), register.me: register.accepted.position}
        newest = newest_needed(accepted, granters - {register.me}, register.joint_config)
        if newest is None:
            return register.establish(claim, None, now)
        if newest.backers == 1 and self._waits(claim, now):
            return []
        return register.establish(claim, newest.found, now)

    def _waits(self, claim: Term, now: Instant) -> bool:
        """Tell whether others may yet say that they know nothing of what one endorser names."""
        if self._patient is None or self._patient[0] != claim:
            self._patient = (claim, Instant(now + RETRY_AFTER_S))
        voters = self.membership.contacts(now) & self.register.joint_config.all
        return now < self._patient[1] and bool(voters - self.lease.granters())

    def _reachable(self, now: Instant) -> frozenset[NodeId]:
        """Return the endorsers that can still hand over what they accepted.

        Any majority of endorsers will do; one that died with the newest record, or never sends
        it, must not hold up the others.
        """
        reachable = self.lease.granters() & self.membership.contacts(now)
        willing = reachable - self.register.barren
        if not self.register.joint_config.majority(willing):
            self.register.barren.clear()
            return reachable
        return willing


def newest_needed(
    accepted: Mapping[NodeId, Position], among: AbstractSet[NodeId], joint_config: JointConfig
) -> Newest | None:
    """Return the newest place that a majority may have accepted; None if that is the claimant's.

    `accepted` is what each endorser had accepted, the claimant included; only those `among` can
    hand something over.
    """
    silent = joint_config.all - accepted.keys()
    for place, node in sorted(((p, n) for n, p in accepted.items()), reverse=True):
        if node not in among:
            continue
        backers = {n for n, p in accepted.items() if p >= place}
        possible = backers | silent
        if any(holds_quorum(possible, v) for v in (joint_config.committed, joint_config.accepted)):
            return Newest((place, node), len(backers))
    return None

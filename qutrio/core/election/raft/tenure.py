"""The inputs of a raft node's decisions: the members at one time, and its tenure as a leader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from qutrio.core.quorum.majorities import quorum_until
from qutrio.model.frozen import frozen
from qutrio.model.ids import FOREVER, NEVER, Instant, NodeId, Seconds, Term

if TYPE_CHECKING:
    from qutrio.core.election.interface import Electorate
    from qutrio.core.quorum.majorities import JointConfig


@frozen
class Inputs:
    """The members as this node sees them, and the time."""

    electorate: Electorate
    now: Instant

    @property
    def timeout_s(self) -> Seconds:
        """The shortest election timeout."""
        return self.electorate.settings.raft_election_timeout_s

    @property
    def voters(self) -> JointConfig:
        """The voters of the committed document, and of the accepted one."""
        return self.electorate.joint_config

    def next_term(self, own: Term) -> Term:
        """Return a term above all that this node heard of; `own` is the term of its hard state."""
        return Term(max(own, self.electorate.term) + 1)

    @property
    def next_beat(self) -> Instant:
        """When a leader that beats now beats again."""
        return Instant(self.now + self.electorate.settings.raft_heartbeat_s)

    @property
    def is_master(self) -> bool:
        """Whether this node is master."""
        return self.electorate.master == self.electorate.me

    @property
    def fit(self) -> bool:
        """Whether this node's disk takes writes."""
        return self.electorate.fit

    @property
    def may_lead(self) -> bool:
        """Whether this node may be a leader, if it is one."""
        return self.fit and self.electorate.me in self.voters.committed

    @property
    def may_stand(self) -> bool:
        """Whether this node may become a leader."""
        return self.may_lead and self.electorate.me in self.electorate.able


@define
class Tenure:
    """A leader's tenure: since when, whether by votes, and when each voter answered it.

    `since` is FOREVER while it is master: the time in which others must answer begins after that.
    """

    since: Instant = NEVER
    beat_at: Instant = NEVER
    elected: bool = False
    """False while this leader leads its term only because it is master."""
    answered: dict[NodeId, Instant] = field(factory=dict)

    def until(self, at: Inputs) -> Instant:
        """Return when this leader must step down unless more voters answer it.

        Source: Ongaro's dissertation (2014), section 6.2.
        """
        until = {n: Instant(when + at.timeout_s) for n, when in self.answered.items()}
        until[at.electorate.me] = FOREVER
        grace, voters = Instant(self.since + at.timeout_s), at.voters
        return min(quorum_until(until, v, grace) for v in (voters.committed, voters.accepted))

"""Votes on one check, and why each of them counts at a given time or does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from qutrio.core.quorum.majorities import majority
from qutrio.model.frozen import frozen
from qutrio.model.journal import CountedVote, Standing, VoteCount
from qutrio.model.results import Outcome, Result, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from qutrio.model.document import ClusterDocument
    from qutrio.model.ids import Instant, NodeId, Seconds, UnixTime
    from qutrio.model.members import Member

Serial: TypeAlias = tuple[int, int]


@frozen
class Vote:
    """A result, and when this node received it (less the age that the sender gave).

    `serial` is the run of the node that cast the vote, and the number of the vote in that run.
    """

    result: Result
    at: Instant
    serial: Serial | None = None

    def outdates(self, other: Vote) -> bool:
        """Return True if this vote of the same node was cast after the other.

        The numbers decide; without them, or if the runs differ, the times of receipt do.
        """
        mine, its = self.serial, other.serial
        if mine is None or its is None or mine[0] != its[0]:
            return self.at >= other.at
        return mine[1] > its[1]


def state_of(outcomes: Sequence[Outcome], voters: int) -> State:
    """Return the state that the outcomes of the votes give, if there are `voters` voters.

    UNKNOWN if fewer than a majority of the voters say ok or fail, else DOWN if more than half of
    these votes say fail; a tie is UP.
    """
    ok, fail = outcomes.count(Outcome.OK), outcomes.count(Outcome.FAIL)
    if ok + fail < majority(voters):
        return State.UNKNOWN
    return State.DOWN if fail > ok else State.UP


@frozen
class Count:
    """The fresh votes of the voters on one check, and the state they give."""

    ok: int
    fail: int
    abstain: int
    state: State


@frozen(kw_only=True)
class VoteCollection:
    """The votes on one check, the voters, and for how many seconds a vote counts."""

    document: ClusterDocument
    voters: AbstractSet[NodeId]
    live: AbstractSet[NodeId]
    votes: Mapping[NodeId, Vote]
    limit_s: Seconds

    def vote_count(self, count: Count, now: Instant, wall: UnixTime) -> VoteCount:
        """Return the vote of every member, with the totals of `count`."""
        return VoteCount(
            at_unix=wall,
            voters=len(self.voters),
            needed=majority(len(self.voters)),
            ok=count.ok,
            fail=count.fail,
            abstain=count.abstain,
            state=count.state,
            casts=tuple(self._cast(member, now) for member in self.document.members),
        )

    def _cast(self, member: Member, now: Instant) -> CountedVote:
        vote = self.votes.get(member.id)
        if vote is None:
            return CountedVote(node=member.id, name=member.name, standing=Standing.SILENT)
        return CountedVote(
            node=member.id,
            name=member.name,
            standing=self._standing(member.id, vote, now),
            outcome=vote.result.outcome,
            latency_ms=vote.result.latency_ms,
            detail=vote.result.detail,
            age_s=max(0.0, now - vote.at),
        )

    def _standing(self, node: NodeId, vote: Vote, now: Instant) -> Standing:
        if node not in self.voters:
            return Standing.LEARNER
        if node not in self.live:
            return Standing.DEAD
        if now - vote.at >= self.limit_s:
            return Standing.STALE
        if vote.result.outcome is Outcome.ABSTAIN:
            return Standing.ABSTAINED
        return Standing.COUNTED

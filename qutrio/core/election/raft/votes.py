"""The state table of a raft node, and the votes of one term."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from attrs import define, field

from qutrio.core.election.interface import Role
from qutrio.core.quorum.bounds import nearer
from qutrio.model.stable import HardState

if TYPE_CHECKING:
    from qutrio.core.quorum.majorities import JointConfig
    from qutrio.model.ids import NodeId, Term


class Why(StrEnum):
    """Why a node changes its role, as a sentence for people."""

    WOULD_WIN = "a majority would vote for it"
    TIMED_OUT = "it heard no leader for a whole election timeout"
    WON = "a majority voted for it"
    MASTER = "it is master"
    IN_VAIN = "no majority voted for it in time"
    OUTDATED = "it heard of a higher term"
    ANOTHER_LEADS = "another leads its term"
    ANOTHER_MASTER = "another is master"
    UNANSWERED = "no majority answered it within an election timeout"
    UNFIT = "its disk refuses writes, or it is no voter"
    FORGOT = "its disk refused its vote"
    ASIDE = "it stepped aside"
    CLOSED = "closed"


TRANSITIONS = (
    (Role.FOLLOWER, Why.WOULD_WIN, Role.CANDIDATE),
    (Role.FOLLOWER, Why.TIMED_OUT, Role.CANDIDATE),
    (Role.FOLLOWER, Why.MASTER, Role.LEADER),
    (Role.FOLLOWER, Why.CLOSED, Role.CLOSED),
    (Role.CANDIDATE, Why.WON, Role.LEADER),
    (Role.CANDIDATE, Why.MASTER, Role.LEADER),
    (Role.CANDIDATE, Why.IN_VAIN, Role.FOLLOWER),
    (Role.CANDIDATE, Why.OUTDATED, Role.FOLLOWER),
    (Role.CANDIDATE, Why.ANOTHER_LEADS, Role.FOLLOWER),
    (Role.CANDIDATE, Why.ANOTHER_MASTER, Role.FOLLOWER),
    (Role.CANDIDATE, Why.UNFIT, Role.FOLLOWER),
    (Role.CANDIDATE, Why.FORGOT, Role.FOLLOWER),
    (Role.CANDIDATE, Why.ASIDE, Role.FOLLOWER),
    (Role.CANDIDATE, Why.CLOSED, Role.CLOSED),
    (Role.LEADER, Why.OUTDATED, Role.FOLLOWER),
    (Role.LEADER, Why.ANOTHER_LEADS, Role.FOLLOWER),
    (Role.LEADER, Why.ANOTHER_MASTER, Role.FOLLOWER),
    (Role.LEADER, Why.UNANSWERED, Role.FOLLOWER),
    (Role.LEADER, Why.UNFIT, Role.FOLLOWER),
    (Role.LEADER, Why.FORGOT, Role.FOLLOWER),
    (Role.LEADER, Why.ASIDE, Role.FOLLOWER),
    (Role.LEADER, Why.CLOSED, Role.CLOSED),
)
"""The state table: from, why, to.  A follower stands because it timed out in graft mode only."""


@define
class VoteRound:
    """The voters that said yes in one term.  Each counts once, however often it answers."""

    term: Term
    yes: set[NodeId] = field(factory=set)

    def count(self, voter: NodeId, joint_config: JointConfig) -> bool:
        """Count a yes; return whether there is a majority now."""
        self.yes.add(voter)
        return joint_config.majority(self.yes)


def raised(hard_state: HardState, term: Term) -> HardState:
    """Return a hard state of a higher `term` without a vote; one message moves it only so far."""
    return HardState(nearer(term, hard_state.term))

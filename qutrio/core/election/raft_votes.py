"""What raft's machine is made of: its state table, a count of votes, and candidates' positions.

A position is what a candidate's own program says of its state: bytes that only that program
understands, carried as hexadecimal digits.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from attrs import define, field

from qutrio.core.election.interface import Role
from qutrio.core.reach import nearer
from qutrio.model.stable import Ballot

if TYPE_CHECKING:
    from qutrio.core.election.interface import Position
    from qutrio.core.quorum import Electors
    from qutrio.model.ids import NodeId, Term

POSITION_BYTES_MAX = 4096
"""How long a program's account of its state may be."""


class Why(StrEnum):
    """Why a node changes its role, in words for people."""

    WOULD_WIN = "a majority would vote for it"
    TIMED_OUT = "it heard no leader for a whole election timeout"
    WON = "a majority voted for it"
    ACTS = "it acts under the mandate"
    IN_VAIN = "no majority voted for it in time"
    OUTDATED = "it heard of a higher term"
    ANOTHER_LEADS = "another leads its term"
    ANOTHER_ACTS = "another acts under the mandate"
    UNANSWERED = "no majority answered it within an election timeout"
    UNFIT = "its disk refuses writes, or it is no voter"
    FORGOT = "its disk refused its ballot"
    ASIDE = "it gave the lead up"
    CLOSED = "closed"


TRANSITIONS = (
    (Role.FOLLOWER, Why.WOULD_WIN, Role.CANDIDATE),
    (Role.FOLLOWER, Why.TIMED_OUT, Role.CANDIDATE),
    (Role.FOLLOWER, Why.ACTS, Role.LEADER),
    (Role.FOLLOWER, Why.CLOSED, Role.CLOSED),
    (Role.CANDIDATE, Why.WON, Role.LEADER),
    (Role.CANDIDATE, Why.ACTS, Role.LEADER),
    (Role.CANDIDATE, Why.IN_VAIN, Role.FOLLOWER),
    (Role.CANDIDATE, Why.OUTDATED, Role.FOLLOWER),
    (Role.CANDIDATE, Why.ANOTHER_LEADS, Role.FOLLOWER),
    (Role.CANDIDATE, Why.ANOTHER_ACTS, Role.FOLLOWER),
    (Role.CANDIDATE, Why.UNFIT, Role.FOLLOWER),
    (Role.CANDIDATE, Why.FORGOT, Role.FOLLOWER),
    (Role.CANDIDATE, Why.ASIDE, Role.FOLLOWER),
    (Role.CANDIDATE, Why.CLOSED, Role.CLOSED),
    (Role.LEADER, Why.OUTDATED, Role.FOLLOWER),
    (Role.LEADER, Why.ANOTHER_LEADS, Role.FOLLOWER),
    (Role.LEADER, Why.ANOTHER_ACTS, Role.FOLLOWER),
    (Role.LEADER, Why.UNANSWERED, Role.FOLLOWER),
    (Role.LEADER, Why.UNFIT, Role.FOLLOWER),
    (Role.LEADER, Why.FORGOT, Role.FOLLOWER),
    (Role.LEADER, Why.ASIDE, Role.FOLLOWER),
    (Role.LEADER, Why.CLOSED, Role.CLOSED),
)
"""The state table: from, why, to.  A follower stands because it timed out in graft mode only."""


class PositionTooLongError(ValueError):
    """The program of this node gave a longer account of its state than a word may carry."""


class MalformedPositionError(ValueError):
    """Another node's position is no run of hexadecimal digits, or a longer one than allowed."""


@define
class Poll:
    """Who said yes to one term.  Each voter counts once, however often its answer arrives."""

    term: Term
    yes: set[NodeId] = field(factory=set)

    def count(self, voter: NodeId, electors: Electors) -> bool:
        """Take in a yes, and tell whether it makes a majority."""
        self.yes.add(voter)
        return electors.majority(self.yes)


def raised(ballot: Ballot, term: Term) -> Ballot:
    """Return a ballot of the higher `term` without a vote; one word moves it only so far."""
    return Ballot(nearer(term, ballot.term))


def own_position(program: Position | None) -> str:
    """Return where this node's program stands, as words carry it; empty without a program.

    Raises PositionTooLongError.
    """
    if program is None:
        return ""
    state = program.current_state()
    if len(state) > POSITION_BYTES_MAX:
        raise PositionTooLongError(
            f"the program's state has {len(state)} bytes; at most {POSITION_BYTES_MAX} may be"
            " sent: let current_state return a shorter one, a number or a digest"
        )
    return state.hex()


def may_lead_from(program: Position | None, position: str) -> bool:
    """Tell whether this node's program agrees to a candidate at `position`.

    Raises MalformedPositionError.
    """
    if len(position) > 2 * POSITION_BYTES_MAX:
        raise MalformedPositionError(f"a position of {len(position)} digits")
    try:
        state = bytes.fromhex(position)
    except ValueError:
        raise MalformedPositionError("a position that is not hexadecimal") from None
    return program is None or program.grant_vote(state)

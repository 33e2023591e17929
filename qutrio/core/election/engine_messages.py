"""The messages between the engines of different nodes.  Each is a message of its own on the wire.

Loss, repetition and reordering of them must be harmless.  The sender is known from its certificate
alone, so no message names its sender.
"""

from typing import TypeAlias

from qutrio.model.frozen import frozen
from qutrio.model.ids import Term


@frozen(kw_only=True)
class PreVoteRequest:
    """Would you vote for me in `term`, if I were a candidate?  It is not written to disk (raft).

    `position` is the candidate's state as its own program describes it, in hexadecimal digits.
    """

    term: Term
    position: str = ""


@frozen(kw_only=True)
class PreVoteResponse:
    """I would or would not vote for you in the term `asked`; my own term is `term` (raft)."""

    asked: Term
    granted: bool
    term: Term


@frozen(kw_only=True)
class VoteRequest:
    """Vote for me in `term` (raft).  `position` as in `PreVoteRequest`."""

    term: Term
    position: str = ""


@frozen(kw_only=True)
class VoteResponse:
    """I voted for you or did not; `term` is my term after your request (raft)."""

    term: Term
    granted: bool


@frozen(kw_only=True)
class LeaderHeartbeat:
    """I lead in `term`: the heartbeat of a raft leader."""

    term: Term


@frozen(kw_only=True)
class LeaderHeartbeatAck:
    """I heard that you lead; my term is `term` (raft).  Answers count for CheckQuorum."""

    term: Term


@frozen
class LeadershipProposal:
    """I would lead (gossip)."""


@frozen
class LeadershipDeclaration:
    """I lead (gossip)."""


EngineMessage: TypeAlias = (
    PreVoteRequest
    | PreVoteResponse
    | VoteRequest
    | VoteResponse
    | LeaderHeartbeat
    | LeaderHeartbeatAck
    | LeadershipProposal
    | LeadershipDeclaration
)

"""Translates between graft's subjects and frames and the messages of the raft engine.

Theory of operation.  Graft knows how many nodes there are, not which.  So the raft machine, which
counts voters by name, is given placeholder names: each granted answer to one candidacy is counted
as that of another unknown voter, up to the number of other nodes.  An answer does not name its
voter, so one answer that arrives twice is counted as two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from attrs import define, field, frozen

from qutrio.core.election.engine_messages import (
    EngineMessage,
    LeaderHeartbeat,
    VoteRequest,
    VoteResponse,
)
from qutrio.core.election.interface import Electorate
from qutrio.core.quorum.majorities import JointConfig
from qutrio.election.graft import frames
from qutrio.errors import ElectionError
from qutrio.model.ids import NodeId, Term

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from qutrio.core.election.interface import Outgoing
    from qutrio.model.document import Settings

ANONYMOUS = NodeId("nobody")
"""The sender of a response that counts only for its term; voters' names have a space."""


class Connection(Protocol):
    """A connection to a server that routes messages by subject."""

    def publish(self, subject: str, payload: bytes) -> None:
        """Queue a message; returns at once."""
        ...

    async def receive(self) -> tuple[str, bytes]:
        """Wait for the next message, and return its subject and payload."""
        ...

    async def trouble(self) -> str:
        """Wait for the next problem of the connection, and return a sentence about it."""
        ...


class Broker(Protocol):
    """Servers that route messages by subject: `drivers.nats.Nats`, or a test's own."""

    def subscribe(self, subjects: Sequence[str]) -> AbstractAsyncContextManager[Connection]:
        """Return a connection that gets the messages of others on `subjects`."""
        ...


@frozen
class Inbound:
    """A received message, its sender, and the voters among whom it counts."""

    sender: NodeId
    message: EngineMessage
    joint_config: JointConfig


class StrangeFrameError(ElectionError):
    """A well-formed frame arrived that must not: a frame of one's own id, or a surplus vote."""


@define
class Wire:
    """Subjects and vote counts of a participant; `size` is the number of nodes with this one."""

    _cluster: str
    _me: NodeId
    _size: int
    joint_config: JointConfig = field(init=False)
    _voters: tuple[NodeId, ...] = field(init=False)
    """Placeholder names for the other nodes; none of them can be a node's id."""
    _candidacy: int = field(init=False, default=0)
    """The term of the candidacy whose votes are counted."""
    _granted: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        """Name the unknown voters."""
        self._voters = tuple(NodeId(f"voter {number}") for number in range(1, self._size))
        voters = frozenset({self._me, *self._voters})
        self.joint_config = JointConfig(voters, voters)

    @property
    def subjects(self) -> tuple[str, ...]:
        """The subjects to subscribe to."""
        return (self._heartbeat_subject, self._request_subject, _response_subject(self._me))

    def unpack(self, subject: str, payload: bytes) -> Inbound:
        """Return the message of a frame; raises `ElectionError`."""
        if subject == self._heartbeat_subject:
            beat = frames.decode(frames.Heartbeat, payload)
            return self._from(beat.leader, LeaderHeartbeat(term=Term(beat.term)), "heartbeat")
        if subject == self._request_subject:
            request = frames.decode(frames.VoteRequest, payload)
            message = VoteRequest(term=Term(request.term), position=request.current_state.hex())
            return self._from(request.candidate, message, "vote request")
        answer = frames.decode(frames.VoteResponse, payload)
        return self._answer(VoteResponse(term=Term(answer.term), granted=answer.granted))

    def pack(self, out: Outgoing) -> tuple[str, bytes] | None:
        """Return the subject and frame of a message; None if graft has no such message."""
        match out.message:
            case VoteRequest(term=term, position=position):
                self._candidacy, self._granted = term, 0
                request = frames.VoteRequest(term, self._me, bytes.fromhex(position))
                return self._request_subject, frames.encode(request)
            case VoteResponse(term=term, granted=granted) if out.to is not None:
                return _response_subject(out.to), frames.encode(frames.VoteResponse(term, granted))
            case LeaderHeartbeat(term=term):
                return self._heartbeat_subject, frames.encode(frames.Heartbeat(term, self._me))
            case _:
                return None

    def electorate(self, joint_config: JointConfig, settings: Settings, *, fit: bool) -> Electorate:
        """Return the machine's view of the members: nothing is known but what messages say."""
        alone = frozenset({self._me})
        return Electorate(
            me=self._me,
            joint_config=joint_config,
            able=alone,
            living=alone,
            master=None,
            streaks={},
            settings=settings,
            term=Term(0),
            fit=fit,
        )

    @property
    def _heartbeat_subject(self) -> str:
        return f"graft.{self._cluster}.heartbeat"

    @property
    def _request_subject(self) -> str:
        return f"graft.{self._cluster}.vote_request"

    def _from(self, sender: str, message: EngineMessage, what: str) -> Inbound:
        if sender == self._me:
            raise StrangeFrameError(
                f"a {what} came from another node under this participant's id, {sender!r}; every"
                " participant needs an id of its own"
            )
        return self._counted_in_its_term(NodeId(sender), message)

    def _answer(self, message: VoteResponse) -> Inbound:
        """Name the sender of a vote: a voter that has not answered this candidacy yet."""
        counts = message.granted and message.term == self._candidacy
        if counts and self._granted >= len(self._voters):
            raise StrangeFrameError(
                f"more votes came in term {message.term} than there are other nodes"
                f" ({len(self._voters)}); is the size right at every node?"
            )
        if not counts:
            return self._counted_in_its_term(ANONYMOUS, message)
        self._granted += 1
        return Inbound(self._voters[self._granted - 1], message, self.joint_config)

    def _counted_in_its_term(self, sender: NodeId, message: EngineMessage) -> Inbound:
        pair = frozenset({self._me, sender})
        return Inbound(sender, message, JointConfig(pair, pair))


def _response_subject(candidate: str) -> str:
    return f"graft.{candidate}.vote_response"

"""How a seat among graft nodes speaks and hears: subjects and frames to and from raft's words.

Theory of operation.  Graft knows how many nodes there are, not which.  So the raft machine, which
counts voters by name, is given names for nobody: each granted answer to one candidacy is counted
as another unknown voter's, up to the number of other nodes.  An answer does not say who gave it,
so one that arrives twice cannot be told from two.
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

NOBODY = NodeId("nobody")
"""Who says what counts for its term only; a space is in the names of those who vote."""


class Connection(Protocol):
    """A connection to a server that passes messages on by subject."""

    def publish(self, subject: str, payload: bytes) -> None:
        """Hand a message over; returns at once."""
        ...

    async def receive(self) -> tuple[str, bytes]:
        """Wait for the next message: its subject, and what it says."""
        ...

    async def trouble(self) -> str:
        """Wait for the next sentence about the connection."""
        ...


class Broker(Protocol):
    """Servers that pass messages on by subject: `drivers.nats.Nats`, or a test's own."""

    def subscribe(self, subjects: Sequence[str]) -> AbstractAsyncContextManager[Connection]:
        """Return a connection that hears `subjects`, and not what it publishes itself."""
        ...


@frozen
class Heard:
    """A word, who said it, and the voters among whom it counts."""

    sender: NodeId
    word: EngineMessage
    electors: JointConfig


class StrangeFrameError(ElectionError):
    """A frame that is well formed came where it must not."""


@define
class Wire:
    """The subjects of one cluster, as one seat uses them; `size` counts this seat too."""

    _cluster: str
    _me: NodeId
    _size: int
    electors: JointConfig = field(init=False)
    _voters: tuple[NodeId, ...] = field(init=False)
    """Names for the other nodes; none of them can be a node's id."""
    _asked: int = field(init=False, default=0)
    """The term of the candidacy whose votes are being counted."""
    _granted: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        """Name the unknown voters."""
        self._voters = tuple(NodeId(f"voter {number}") for number in range(1, self._size))
        everybody = frozenset({self._me, *self._voters})
        self.electors = JointConfig(everybody, everybody)

    @property
    def subjects(self) -> tuple[str, ...]:
        """What this seat listens to."""
        return (self._heartbeats, self._requests, _answers(self._me))

    def unpack(self, subject: str, payload: bytes) -> Heard:
        """Return what a message says; raises `ElectionError`."""
        if subject == self._heartbeats:
            beat = frames.decode(frames.Heartbeat, payload)
            return self._from(beat.leader, LeaderHeartbeat(term=Term(beat.term)), "heartbeat")
        if subject == self._requests:
            asks = frames.decode(frames.VoteRequest, payload)
            word = VoteRequest(term=Term(asks.term), position=asks.current_state.hex())
            return self._from(asks.candidate, word, "vote request")
        answer = frames.decode(frames.VoteResponse, payload)
        return self._answer(VoteResponse(term=Term(answer.term), granted=answer.granted))

    def pack(self, say: Outgoing) -> tuple[str, bytes] | None:
        """Return the message that says a word; None for a word that graft does not know."""
        match say.message:
            case VoteRequest(term=term, position=position):
                self._asked, self._granted = term, 0
                asks = frames.VoteRequest(term, self._me, bytes.fromhex(position))
                return self._requests, frames.encode(asks)
            case VoteResponse(term=term, granted=granted) if say.to is not None:
                return _answers(say.to), frames.encode(frames.VoteResponse(term, granted))
            case LeaderHeartbeat(term=term):
                return self._heartbeats, frames.encode(frames.Heartbeat(term, self._me))
            case _:
                return None

    def electorate(self, joint_config: JointConfig, settings: Settings, *, fit: bool) -> Electorate:
        """Return the members as the machine sees them: it hears of nobody but by its words."""
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
    def _heartbeats(self) -> str:
        return f"graft.{self._cluster}.heartbeat"

    @property
    def _requests(self) -> str:
        return f"graft.{self._cluster}.vote_request"

    def _from(self, sender: str, word: EngineMessage, what: str) -> Heard:
        if sender == self._me:
            raise StrangeFrameError(
                f"a {what} came from another node under this seat's id, {sender!r}; every seat"
                " needs an id of its own"
            )
        return self._heard_from(NodeId(sender), word)

    def _answer(self, word: VoteResponse) -> Heard:
        """Give an answer the name of a voter that has not answered this candidacy yet."""
        counts = word.granted and word.term == self._asked
        if counts and self._granted >= len(self._voters):
            raise StrangeFrameError(
                f"more votes came in term {word.term} than there are other nodes"
                f" ({len(self._voters)}); is the size right at every node?"
            )
        if not counts:
            return self._heard_from(NOBODY, word)
        self._granted += 1
        return Heard(self._voters[self._granted - 1], word, self.electors)

    def _heard_from(self, sender: NodeId, word: EngineMessage) -> Heard:
        two = frozenset({self._me, sender})
        return Heard(sender, word, JointConfig(two, two))


def _answers(candidate: str) -> str:
    return f"graft.{candidate}.vote_response"

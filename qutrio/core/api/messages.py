"""The messages between nodes.  Losing, repeating or reordering them must be harmless.

The docstrings speak for the sender: "I" is the sender and "you" the receiver.
"""

from enum import Enum
from typing import ClassVar, TypeAlias

from attrs import field

from qutrio.core.api.mutations import Mutation
from qutrio.core.election.engine_messages import (
    LeaderHeartbeat,
    LeaderHeartbeatAck,
    LeadershipDeclaration,
    LeadershipProposal,
    PreVoteRequest,
    PreVoteResponse,
    VoteRequest,
    VoteResponse,
)
from qutrio.model.document import ClusterDocument
from qutrio.model.frozen import frozen
from qutrio.model.ids import (
    ChannelId,
    CheckId,
    IncidentId,
    NodeId,
    NoticeId,
    RequestId,
    Revision,
    Seconds,
    Term,
    UnixTime,
)
from qutrio.model.incidents import Delivery, Ledger
from qutrio.model.levels import DELIVERY_PARTS, ITEM_WRITES, LEVEL_UNSAID, since
from qutrio.model.parts import Part
from qutrio.model.results import Result
from qutrio.model.stable import Position, Record

ENGINE_UNSAID = "lowest-id"
"""The only engine of versions that do not say in their heartbeats which one they run."""


@frozen(kw_only=True)
class Heartbeat:
    """I am alive, and this is my state.  Numbered, because only answered heartbeats count.

    `claim` is the term that I claim, if any; the receiver grants it or not.  `acting` says that
    I am master in that term.  `able` says that I hear a majority and can write my disk, so that I
    may lead.  `wall` is used only to show clock skew.  `engine` is the one that I run, empty if I
    do not know the one that is set; older versions run lowest-id and omit it.  `level` is the
    highest feature level that my program knows.
    """

    number: int
    heard_term: Term
    claim: Term | None
    acting: bool
    able: bool
    committed: Position
    wall: UnixTime
    engine: str = ENGINE_UNSAID
    level: int = LEVEL_UNSAID


@frozen(kw_only=True)
class HeartbeatAck:
    """Your heartbeat `number` arrived.  `granted` is the term of yours that I grant, if any.

    The grant lasts for `bound_s` seconds from now, on my clock.  `accepted` is the newest record
    that I accepted; a new master must adopt the newest of a majority before it acts.
    """

    number: int
    granted: Term | None
    bound_s: Seconds
    heard_term: Term
    accepted: Position
    committed: Position
    stamp: tuple[Term, Revision]


@frozen(kw_only=True)
class CanvassRequest:
    """Would you grant me `term`?  The question changes no state."""

    term: Term


@frozen(kw_only=True)
class CanvassAnswer:
    """I would, or I would not because `reason`."""

    term: Term
    would: bool
    heard_term: Term
    reason: str


@frozen(kw_only=True)
class Resign:
    """I am no longer master in `term` and release all grants.  `successor` may claim now.

    `by_hand` says that an operator asked for the transfer, so that no engine reverts it at once.
    """

    term: Term
    successor: NodeId | None
    by_hand: bool = False
    reason: str = ""


@frozen(kw_only=True)
class Yield:
    """An operator at my node wants you to transfer mastership, to the node `to` if one is named.

    A node that is not master in `term` ignores this.
    """

    term: Term
    to: NodeId | None


@frozen(kw_only=True)
class Farewell:
    """I am leaving on purpose; do not wait for my timeout."""


@frozen(kw_only=True)
class Write:
    """Accept this record.  Without `document`, the one named `stamp` that you already hold."""

    position: Position
    stamp: tuple[Term, Revision]
    ledger: Ledger
    document: ClusterDocument | None


@frozen(kw_only=True)
class ItemWrite(Write):
    """The same, to members that know the feature level of `ITEM_WRITES`.

    In the frame each incident, notice, check and author is a text of its own, so that a receiver
    need not decode what it has decoded before.
    """

    needs_level: ClassVar[int] = ITEM_WRITES


@frozen(kw_only=True)
class Wrote:
    """I accepted the write, or not; or I lack the document it refers to."""

    position: Position
    accepted: bool
    lacks_document: bool
    heard_term: Term


@frozen(kw_only=True)
class Commit:
    """A majority holds the record at `position`."""

    position: Position


@frozen(kw_only=True)
class Fetch:
    """Send me your accepted record (only a new master asks), or your committed one."""

    accepted: bool


@frozen(kw_only=True)
class Fetched:
    """The record you asked for."""

    accepted: bool
    record: Record


@frozen(kw_only=True)
class Report:
    """My probe results, each with its age in seconds when this was sent.

    `numbers` are the numbers of these probes among all that I made since I started; `life`
    identifies that start.  So a probe that is reported twice, or late, is one vote.
    """

    results: tuple[tuple[Result, Seconds], ...]
    life: int = 0
    numbers: tuple[int, ...] = ()


@frozen(kw_only=True)
class ProbeNow:
    """Probe these checks at once and report."""

    checks: tuple[CheckId, ...]


class Ruling(Enum):
    """How a proposal ended.  AGAIN: this node never wrote it and never will; ask another."""

    COMMITTED = "committed"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    AGAIN = "again"


@frozen(kw_only=True)
class Propose:
    """Please commit this; you are master in `term`.

    A node that did not hold that term without a restart cannot know whether it wrote this before,
    and does not answer.  `door` and `uid` say who asked at my node, as in `model.edits`.
    """

    term: Term
    request: RequestId
    mutation: Mutation
    door: str = ""
    uid: int | None = None


@frozen(kw_only=True)
class ProposeReply:
    """How your proposal ended.  `position` is where it was committed.

    AGAIN applies to proposals that name `term` or an earlier one: copies of them that are still
    under way will not be written either.
    """

    request: RequestId
    ruling: Ruling
    reason: str
    revision: Revision
    position: Position
    term: Term = Term(0)


@frozen(kw_only=True)
class Deliver:
    """I cannot reach this channel; please try once for me.  Only the master sends this.

    `heard` is the number of your last heartbeat that I received, so that you know how old this is.
    """

    term: Term
    delivery: Delivery
    heard: int = 0


@frozen(kw_only=True)
class Delivered:
    """How the delivery ended that you delegated to me, or that I attempted as master.

    `delivered`, `parts` and `wait_s` are as in the event `Attempted`.
    """

    notice: NoticeId
    channel: ChannelId
    delivered: bool
    detail: str
    parts: tuple[Part, ...] = field(default=(), metadata=since(DELIVERY_PARTS))
    wait_s: Seconds = field(default=0.0, metadata=since(DELIVERY_PARTS))


@frozen(kw_only=True)
class AgesReport:
    """For how long I have known of these open incidents, in seconds when this was sent."""

    incidents: tuple[tuple[IncidentId, Seconds], ...]


@frozen(kw_only=True)
class Removed:
    """You are no longer a member since `revision`."""

    revision: Revision


Message: TypeAlias = (
    Heartbeat
    | HeartbeatAck
    | CanvassRequest
    | CanvassAnswer
    | Resign
    | Yield
    | PreVoteRequest
    | PreVoteResponse
    | VoteRequest
    | VoteResponse
    | LeaderHeartbeat
    | LeaderHeartbeatAck
    | LeadershipProposal
    | LeadershipDeclaration
    | Farewell
    | Write
    | ItemWrite
    | Wrote
    | Commit
    | Fetch
    | Fetched
    | Report
    | ProbeNow
    | Propose
    | ProposeReply
    | Deliver
    | Delivered
    | AgesReport
    | Removed
)

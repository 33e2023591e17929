"""The events: all inputs of `Node.step`."""

from typing import TypeAlias

from qutrio.core.api.messages import Message
from qutrio.core.api.mutations import Mutation
from qutrio.model.frozen import frozen
from qutrio.model.ids import ChannelId, CheckId, NodeId, NoticeId, RequestId, Revision, Seconds
from qutrio.model.incidents import DeliveryKey
from qutrio.model.parts import Part
from qutrio.model.results import Result
from qutrio.model.stable import Stable


@frozen
class Tick:
    """The time `Node.deadline` has come."""


@frozen
class Received:
    """A peer sent a message.  `sender` comes from its certificate, never from the payload."""

    sender: NodeId
    message: Message


@frozen
class Linked:
    """A link to a peer came up, so that a heartbeat can reach it."""

    peer: NodeId


@frozen
class Announced:
    """A peer's hello said which feature level its program knows."""

    peer: NodeId
    level: int


@frozen
class Observed:
    """A local probe ended."""

    result: Result


@frozen
class Proposed:
    """A local caller wants to change the document and waits for a `Ruling`.

    `door` is the interface that it used (`model.edits`), `uid` the user id if it is known.
    """

    request: RequestId
    mutation: Mutation
    door: str = ""
    uid: int | None = None


@frozen
class ProbeRequested:
    """A local caller wants every member, or only those in `of`, to probe these checks now."""

    checks: tuple[CheckId, ...]
    of: frozenset[NodeId] | None = None


@frozen
class Attempted:
    """An attempt to deliver a notice ended.

    `delivered` says that nothing is left to do.  `parts` say how it went for each recipient if
    the channel has several.  The receiver asked for no attempt within `wait_s`.
    """

    notice: NoticeId
    channel: ChannelId
    delivered: bool
    detail: str
    minority: bool = False
    parts: tuple[Part, ...] = ()
    wait_s: Seconds = 0.0

    @property
    def key(self) -> DeliveryKey:
        """The name of the delivery."""
        return self.notice, self.channel


@frozen
class Inspected:
    """A local caller waits for a `Status`."""

    request: RequestId


@frozen
class PersistFailed:
    """A write failed; `durable` is what the disk still holds.  No later effect was performed."""

    reason: str
    durable: Stable


@frozen
class RemovalReported:
    """A pinned member, asked by a node that is refused a link, says that it was removed.

    `revision` is the one of the document of that member.
    """

    teller: NodeId
    revision: Revision


@frozen
class YieldRequested:
    """A local caller wants to transfer mastership, to the node `to` if one is named."""

    to: NodeId | None


@frozen
class Tenancy:
    """The number of programs on this node that rely on its lease: they stop when it ends."""

    tenants: int


@frozen
class Stop:
    """The operator asked the daemon to stop.  This is the last event of a node."""


Event: TypeAlias = (
    Tick
    | Received
    | Linked
    | Announced
    | Observed
    | Proposed
    | ProbeRequested
    | Attempted
    | Inspected
    | PersistFailed
    | RemovalReported
    | YieldRequested
    | Tenancy
    | Stop
)

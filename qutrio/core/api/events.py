"""Everything that can happen to a node.  The whole input alphabet of `Node.step`."""

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
    """The moment promised by `Node.deadline` has come."""


@frozen
class Received:
    """A peer spoke.  `sender` comes from its certificate, never from the payload."""

    sender: NodeId
    message: Message


@frozen
class Linked:
    """A link to a peer came up, so a heartbeat would be heard."""

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
    """Somebody local wants the document changed and waits for a `Ruling`.

    `door` says how it came in, `uid` as which user, if that is known.
    """

    request: RequestId
    mutation: Mutation
    door: str = ""
    uid: int | None = None


@frozen
class ProbeRequested:
    """Somebody local wants every member to probe these checks now, or only those in `of`."""

    checks: tuple[CheckId, ...]
    of: frozenset[NodeId] | None = None


@frozen
class Attempted:
    """An attempt to deliver a notice ended.

    `delivered` says that nothing is left to do.  `parts` say how it went for each recipient,
    where the channel has several; nobody may try again within `wait_s`, the receiver asks.
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
    """Somebody local waits for a `Status`."""

    request: RequestId


@frozen
class PersistFailed:
    """The disk refused; `durable` is what it still holds.  Nothing after the write was done."""

    reason: str
    durable: Stable


@frozen
class Expelled:
    """A pinned member, asked by a node that is refused a link, says that it was removed.

    `revision` is that of the document that it goes by.
    """

    teller: NodeId
    revision: Revision


@frozen
class YieldRequested:
    """Somebody local wants the role moved, to this node if one is named."""

    to: NodeId | None


@frozen
class Tenancy:
    """So many programs at this node now rely on its mandate: they stop when it ends."""

    tenants: int


@frozen
class Stop:
    """The operator asked the daemon to end.  The last event a node ever sees."""


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
    | Expelled
    | YieldRequested
    | Tenancy
    | Stop
)

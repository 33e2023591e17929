"""Everything a node can ask of the world.  The whole output alphabet of `Node.step`.

The driver performs a batch in list order, and drops the rest of it when a `Persist` fails.
"""

from typing import TypeAlias

from attrs import frozen

from qutrio.core.messages import Message, Ruling
from qutrio.core.view import Status
from qutrio.model.ids import CheckId, NodeId, RequestId, Revision, Term
from qutrio.model.incidents import Delivery
from qutrio.model.stable import Stable


@frozen
class Persist:
    """Make this durable before performing any later effect of the same batch."""

    stable: Stable


@frozen
class Send:
    """Say this to one peer, if it is reachable; losing it must be harmless."""

    to: NodeId
    message: Message


@frozen
class Probe:
    """Probe these checks now rather than at their next turn."""

    checks: tuple[CheckId, ...]


@frozen
class Notify:
    """Try once to deliver; the answer is an `Attempted` event.

    With `errand`, another node acts and asked for it; else this node must still act in `term`
    when the attempt begins, or leave it.
    """

    delivery: Delivery
    term: Term
    errand: bool


@frozen
class Reply:
    """Answer the caller that proposed."""

    request: RequestId
    ruling: Ruling
    reason: str
    revision: Revision


@frozen
class Show:
    """Answer the caller that inspected."""

    request: RequestId
    status: Status


@frozen
class Note:
    """Write one line to the log: a constant `what`, and details as (key, value)."""

    what: str
    details: tuple[tuple[str, str], ...] = ()


Effect: TypeAlias = Persist | Send | Probe | Notify | Reply | Show | Note

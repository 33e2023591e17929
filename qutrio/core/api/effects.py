"""The effects: all outputs of `Node.step`.

The driver performs a batch in list order, and drops the rest of it when a `Persist` fails.
"""

from collections.abc import Iterable
from typing import TypeAlias

from attrs import evolve

from qutrio.core.api.events import Attempted
from qutrio.core.api.facts import NodeFact
from qutrio.core.api.messages import Message, Ruling
from qutrio.core.api.view import Status
from qutrio.core.election.interface import RoleChange
from qutrio.model.frozen import frozen
from qutrio.model.ids import CheckId, Instant, NodeId, RequestId, Revision, Term
from qutrio.model.incidents import Delivery
from qutrio.model.journal import Entry
from qutrio.model.stable import Stable


@frozen
class Persist:
    """Make this durable before performing any later effect of the same batch."""

    stable: Stable


@frozen
class Send:
    """Send this message to one peer if it is reachable; losing it must be harmless."""

    to: NodeId
    message: Message


@frozen
class Probe:
    """Probe these checks now instead of at the next interval."""

    checks: tuple[CheckId, ...]


@frozen
class Notify:
    """Try once to deliver; the answer is an `Attempted` event.

    With `delegated`, the master asked this node for it, and the attempt must begin before `until`
    on this node's clock.  Otherwise this node must still be master in `term` when it begins or,
    for the notice of a minority, still lead that minority.
    """

    delivery: Delivery
    term: Term
    delegated: bool
    until: Instant | None = None

    def ended(self, *, delivered: bool, detail: str) -> Attempted:
        """Return the answer."""
        notice, channel = self.delivery.notice, self.delivery.channel
        return Attempted(notice.id, channel, delivered, detail, bool(notice.minority))


@frozen
class Reply:
    """Answer the caller that proposed."""

    request: RequestId
    ruling: Ruling
    reason: str
    revision: Revision


@frozen
class StatusReply:
    """Answer the caller that inspected."""

    request: RequestId
    status: Status


@frozen
class LogFact:
    """Write a fact to the log."""

    fact: NodeFact


@frozen
class Journal:
    """Write one line to this node's journal of incidents; losing it must be harmless."""

    entry: Entry


@frozen
class ReportRole:
    """Report to the election's listeners that this node's engine changed its role."""

    change: RoleChange


Effect: TypeAlias = (
    Persist | Send | Probe | Notify | Reply | StatusReply | LogFact | Journal | ReportRole
)


@frozen
class Consequences:
    """The direct effects of an event.

    `renews` says that the event only repeated known facts, so that no evaluation is needed.
    """

    effects: list[Effect]
    renews: bool = False


def replies_after_failure(dropped: Iterable[Effect]) -> list[Reply | StatusReply]:
    """Return the answers that callers still need when a write failed and `dropped` is dropped."""
    reason = "this node could not write its disk; look before you try again"
    answers: list[Reply | StatusReply] = []
    for effect in dropped:
        if isinstance(effect, Reply) and effect.ruling is Ruling.COMMITTED:
            answers.append(evolve(effect, ruling=Ruling.UNKNOWN, reason=reason))
        elif isinstance(effect, Reply | StatusReply):
            answers.append(effect)
    return answers

"""What operations use to inspect the node, propose changes and find items by name."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Protocol, TypeVar

import trio
from attrs import frozen

from qutrio.control.protocol import PROPOSAL_WAIT_S_MAX, Code, ControlFailure
from qutrio.control.services import ControlServices
from qutrio.control.tenants import Tenants
from qutrio.core.api.effects import Reply, StatusReply
from qutrio.core.api.events import Inspected, Proposed
from qutrio.core.api.messages import Ruling
from qutrio.core.api.mutations import Mutation
from qutrio.core.api.view import Status, View
from qutrio.model.document import ClusterDocument
from qutrio.model.edits import COMMAND
from qutrio.model.ids import RequestId, Revision
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest


@frozen
class ControlContext:
    """What every operation gets; `uid` is the caller's user id, as the kernel reports it."""

    inbox: Inbox
    view: Latest[View]
    services: ControlServices
    uid: int | None = None

    @property
    def tenants(self) -> Tenants:
        """The programs that rely on this node's lease."""
        return self.services.tenants

    @property
    def document(self) -> ClusterDocument:
        """The newest committed document that this node knows."""
        return self.view.value.document

    async def inspect(self) -> Status:
        """Return everything that the node knows now."""
        shown = await self.inbox.ask(Inspected)
        assert isinstance(shown, StatusReply)
        return shown.status

    def _asked(self, request: RequestId, mutation: Mutation) -> Proposed:
        return Proposed(request, mutation, COMMAND, self.uid)

    async def propose(self, mutation: Mutation) -> Revision:
        """Have the cluster commit a change, and return the revision that holds it.

        Raises `ControlFailure`: REFUSED, NO_MASTER when there is no master, and UNKNOWN when
        the outcome is not known.
        """
        reply: Reply | StatusReply | None = None
        with trio.move_on_after(PROPOSAL_WAIT_S_MAX):
            reply = await self.inbox.ask(lambda request: self._asked(request, mutation))
        if reply is None:
            sentence = f"no answer within {PROPOSAL_WAIT_S_MAX:g}s; look before you try again"
            raise ControlFailure(Code.UNKNOWN, sentence)
        assert isinstance(reply, Reply)
        if reply.ruling is Ruling.COMMITTED:
            return reply.revision
        if reply.ruling is Ruling.UNKNOWN:
            raise ControlFailure(Code.UNKNOWN, reply.reason)
        leaderless = self.view.value.master is None
        raise ControlFailure(Code.NO_MASTER if leaderless else Code.REFUSED, reply.reason)


class _Named(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=_Named)


def find(items: Iterable[T], wanted: str, kind: str) -> T:
    """Return the item with the name or, failing that, the id `wanted`.

    Raises `ControlFailure` (NOT_FOUND) with the nearest name; `kind` is its noun ("check").
    """
    listed = list(items)
    for item in listed:
        if item.name == wanted:
            return item
    for item in listed:
        if item.id == wanted:
            return item
    nearest = get_close_matches(wanted, [item.name for item in listed], n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"see {LISTS[kind]!r}"
    raise ControlFailure(Code.NOT_FOUND, f"there is no {kind} named {wanted[:80]!r}; {hint}")


LISTS: Mapping[str, str] = {
    "check": "qutrio check list",
    "alert channel": "qutrio alert list",
    "node": "qutrio node list",
    "token": "qutrio enroll list",
}

"""Performs the effects of a participant's node: persists state, sends messages, reports errors."""

from attrs import frozen

from qutrio.codec.sentences import log_line
from qutrio.core.api.effects import Notify
from qutrio.core.api.facts import DiskRefused, NodeFact, ProtocolBroken
from qutrio.core.api.messages import Message
from qutrio.core.election.interface import RoleChange
from qutrio.election.drivers.interface import Link
from qutrio.election.feeds import Feed, Trouble, TroubleKind
from qutrio.election.group import Group
from qutrio.election.state import State
from qutrio.model.ids import CheckId, NodeId
from qutrio.model.journal import Entry
from qutrio.model.stable import Stable
from qutrio.plumbing.log import Log
from qutrio.runtime.driver import role_change_details

TROUBLES: dict[type[NodeFact], TroubleKind] = {
    DiskRefused: TroubleKind.DISK,
    ProtocolBroken: TroubleKind.PROTOCOL,
}
"""The facts that are reported as trouble."""


@frozen(kw_only=True)
class ParticipantEffectHandler:
    """Performs effects; a group has no checks, so it ignores probes, notices and journal lines."""

    state: State
    link: Link
    group: Group
    troubles: Feed[Trouble]
    log: Log

    @property
    def durable(self) -> Stable:
        """The last state that was persisted."""
        return self.state.durable

    async def persist(self, stable: Stable) -> None:
        """Return when `stable` would survive a power loss; raises `StorageError`."""
        await self.state.persist(stable)

    def send(self, to: NodeId, message: Message) -> None:
        """Pass a frame to the driver."""
        self.link.send(to, self.group.pack(message))

    def probe(self, checks: tuple[CheckId, ...]) -> None:
        """Do nothing: there are no checks."""

    def notify(self, job: Notify) -> bool:
        """Refuse: there are no channels."""
        del job
        return False

    def log_fact(self, fact: NodeFact) -> None:
        """Log a fact, and report it as trouble if it is an error."""
        what, details = log_line(fact)
        self.log(what, **details)
        kind = TROUBLES.get(type(fact))
        if kind is not None:
            self.troubles.publish(Trouble(kind, f"{what}: {', '.join(details.values())}"))

    def log_role_change(self, change: RoleChange) -> None:
        """Log a change of the engine's role."""
        self.log("role", **role_change_details(change))

    def journal(self, entry: Entry) -> None:
        """Do nothing: there are no incidents."""

    def notify_watchdog(self) -> None:
        """Do nothing: a watchdog is the program's own matter."""

"""The hands of a seat's node: its state, its wire, and whom it tells of trouble."""

from attrs import frozen

from qutrio.codec.sentences import log_line
from qutrio.core.api.effects import Notify
from qutrio.core.api.facts import DiskRefused, NodeFact, ProtocolBroken
from qutrio.core.api.messages import Message
from qutrio.core.election.interface import Turn
from qutrio.election.drivers.interface import Link
from qutrio.election.feeds import Feed, Trouble, TroubleKind
from qutrio.election.group import Group
from qutrio.election.state import State
from qutrio.model.ids import CheckId, NodeId
from qutrio.model.journal import Entry
from qutrio.model.stable import Stable
from qutrio.plumbing.log import Log
from qutrio.runtime.driver import turn_details

TROUBLES: dict[type[NodeFact], TroubleKind] = {
    DiskRefused: TroubleKind.DISK,
    ProtocolBroken: TroubleKind.PROTOCOL,
}
"""The facts that a person should see."""


@frozen(kw_only=True)
class ParticipantEffectHandler:
    """Passes effects on; a group without checks has nothing to probe, notify or journal."""

    state: State
    link: Link
    group: Group
    troubles: Feed[Trouble]
    log: Log

    @property
    def durable(self) -> Stable:
        """What the state holds now."""
        return self.state.durable

    async def persist(self, stable: Stable) -> None:
        """Return once it would survive a power cut; raises `StorageError`."""
        await self.state.persist(stable)

    def send(self, to: NodeId, message: Message) -> None:
        """Hand a frame to the driver."""
        self.link.send(to, self.group.pack(message))

    def probe(self, checks: tuple[CheckId, ...]) -> None:
        """Do nothing: there are no checks."""

    def notify(self, job: Notify) -> bool:
        """Refuse: there are no channels."""
        del job
        return False

    def note(self, fact: NodeFact) -> None:
        """Log, and tell those who listen of what went wrong."""
        what, details = log_line(fact)
        self.log(what, **details)
        kind = TROUBLES.get(type(fact))
        if kind is not None:
            self.troubles.tell(Trouble(kind, f"{what}: {', '.join(details.values())}"))

    def turned(self, turn: Turn) -> None:
        """Write the engine's change of role to the log."""
        self.log("role", **turn_details(turn))

    def journal(self, entry: Entry) -> None:
        """Do nothing: there are no incidents."""

    def alive(self) -> None:
        """Do nothing: the program has a watchdog of its own, or none."""

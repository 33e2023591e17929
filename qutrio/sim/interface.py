"""The interface of `World` for its parts, so that they need not import it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from attrs import frozen

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from qutrio.core.api.events import Event
    from qutrio.core.api.mutations import Mutation
    from qutrio.model.ids import NodeId, RequestId, Seconds
    from qutrio.model.stable import Record
    from qutrio.sim.channels import Channels
    from qutrio.sim.dice import Dice
    from qutrio.sim.host import Host
    from qutrio.sim.hostile_member import HostileMember
    from qutrio.sim.invariants import Invariants
    from qutrio.sim.network import Network
    from qutrio.sim.observer import Observer
    from qutrio.sim.options import Fault, Faults
    from qutrio.sim.tampering import Tamperer
    from qutrio.sim.targets import Targets


@frozen
class Asked:
    """A request without an answer yet: its node, and what to do once it is committed."""

    by: NodeId
    label: str
    then: Callable[[], None] | None


class Levels(Protocol):
    """The feature level of each machine's program."""

    def level_of(self, name: NodeId) -> int:
        """Return the level of the program that a machine runs or will start with."""


class SimulatedWorld(Protocol):
    """The state and the actions of `World` that its parts use; `World` documents them."""

    seed: int
    true: Seconds
    faults: Faults
    hosts: dict[NodeId, Host]
    invariants: Invariants
    notes: list[str]
    observer: Observer | None
    struck: Counter[Fault]
    requests: dict[RequestId, Asked]
    hostile_member: HostileMember | None
    rulings: Counter[str]
    dies_after_delivery_s: Seconds
    sleeps_before_sending_s: Seconds
    network: Network
    tamperer: Tamperer
    targets: Targets
    channels: Channels
    dice: Dice

    @property
    def programs(self) -> Levels:
        """The programs of all machines."""

    def at(self, true: Seconds, name: NodeId, action: Callable[[], None]) -> None:
        """Run an action on a host at a true time."""

    def log(self, name: NodeId, what: str) -> None:
        """Add a line to the trace."""

    def number(self) -> int:
        """Return a number that was not used before."""

    def post(self, host: Host, event: Event) -> None:
        """Post an event to a machine, unless it is down."""

    def wake(self, host: Host, life: int) -> None:
        """Resume a machine whose disk stalled, unless it was restarted since."""

    def set_up(self, name: NodeId, record: Record) -> None:
        """Start a new machine with the cluster's record."""

    def begin_again(self, name: NodeId, record: Record) -> None:
        """Start a machine that joined again, with its old disk."""

    def crash(self, name: NodeId, down_s: Seconds, *, power_cut: bool = False) -> None:
        """Kill a machine, and start it again after `down_s` seconds."""

    def stop(self, name: NodeId, down_s: Seconds) -> None:
        """Stop a node cleanly, and start it again after `down_s` seconds."""

    def suspend(self, name: NodeId, for_s: Seconds) -> None:
        """Suspend a machine; its clocks keep running."""

    def propose(
        self,
        name: NodeId,
        mutation: Mutation,
        label: str = "",
        then: Callable[[], None] | None = None,
    ) -> RequestId | None:
        """Ask a node for a change."""

"""What the parts of a simulated world may use of it, so that they need not import `World`."""

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
    """A request that was not answered yet: through whom, and what to do once it is committed."""

    by: NodeId
    label: str
    then: Callable[[], None] | None


class Levels(Protocol):
    """Which feature level each machine's program has."""

    def level_of(self, name: NodeId) -> int:
        """Return the level of the program that a machine has, or will begin with."""


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
        """Do something to a host at a true time."""

    def log(self, name: NodeId, what: str) -> None:
        """Add a line to the trace."""

    def number(self) -> int:
        """Return a number that was not given before."""

    def give(self, host: Host, event: Event) -> None:
        """Let an event happen to a machine, unless it is down."""

    def wake(self, host: Host, life: int) -> None:
        """Let a machine whose disk stalled go on, if it still lives the same life."""

    def set_up(self, name: NodeId, record: Record) -> None:
        """Start a machine that never ran before, with the cluster's record."""

    def begin_again(self, name: NodeId, record: Record) -> None:
        """Start a machine that joined once more, with what it held before."""

    def crash(self, name: NodeId, down_s: Seconds, *, power_cut: bool = False) -> None:
        """Kill a machine, and start it again after `down_s` seconds."""

    def stop(self, name: NodeId, down_s: Seconds) -> None:
        """Stop a node as its operator would, and start it again after `down_s` seconds."""

    def suspend(self, name: NodeId, for_s: Seconds) -> None:
        """Stop a machine in its tracks; its clock goes on."""

    def propose(
        self,
        name: NodeId,
        mutation: Mutation,
        label: str = "",
        then: Callable[[], None] | None = None,
    ) -> RequestId | None:
        """Ask a node for a change."""

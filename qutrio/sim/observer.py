"""The interface of an observer, which sees what happens in a world and changes nothing."""

from typing import Protocol

from qutrio.core.api.effects import Effect
from qutrio.model.ids import NodeId
from qutrio.model.incidents import Delivery


class Observer(Protocol):
    """Methods that a world calls; `World.true` is the time."""

    def on_effect(self, name: NodeId, effect: Effect) -> None:
        """Process an effect of a node, before it is performed."""

    def on_probe(self, name: NodeId) -> None:
        """Process the end of a probe of a running node, before the node receives the result."""

    def on_attempt(self, name: NodeId, delivery: Delivery, *, delivered: bool) -> None:
        """Process the end of an attempt at a delivery, whether or not its node still runs."""

    def on_event(self, name: NodeId) -> None:
        """Process the end of an event at a machine and of all its effects there."""

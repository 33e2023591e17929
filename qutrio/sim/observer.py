"""The interface of an observer, which sees what happens in a world and changes nothing."""

from typing import Protocol

from qutrio.core.api.effects import Effect
from qutrio.model.ids import NodeId
from qutrio.model.incidents import Delivery


class Observer(Protocol):
    """Methods that a world calls; `World.true` is the time."""

    def on_effect(self, name: NodeId, effect: Effect) -> None:
        """See an effect of a node that is about to be performed."""

    def on_probe(self, name: NodeId) -> None:
        """See that a probe of a running node ended, before the node receives the result."""

    def on_attempt(self, name: NodeId, delivery: Delivery, *, delivered: bool) -> None:
        """See that an attempt at a delivery ended, whether or not its node still runs."""

    def on_event(self, name: NodeId) -> None:
        """See that an event at a machine and all its effects there are complete."""

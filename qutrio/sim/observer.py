"""Somebody who watches a world: told what happens, and unable to change it."""

from typing import Protocol

from qutrio.core.api.effects import Effect
from qutrio.model.ids import NodeId
from qutrio.model.incidents import Delivery


class Observer(Protocol):
    """What a world tells; `World.true` is the moment."""

    def performs(self, name: NodeId, effect: Effect) -> None:
        """Hear that a node's effect is about to be done."""

    def probed(self, name: NodeId) -> None:
        """Hear that a probe of a living node ended; the node is about to hear of it."""

    def attempted(self, name: NodeId, delivery: Delivery, *, delivered: bool) -> None:
        """Hear that an attempt at a delivery ended, whether its node still lives or not."""

    def after(self, name: NodeId) -> None:
        """Hear that an event at a machine is over, with all that followed from it there."""

"""Chooses the links to cut: halves, directions, some, all but a bridge, or those of one node."""

from collections.abc import Callable
from typing import TypeAlias

from attrs import frozen

from qutrio.model.ids import NodeId
from qutrio.sim.dice import Dice

Pairs: TypeAlias = tuple[tuple[NodeId, NodeId], ...]
"""One-way links, as (sender, receiver)."""


@frozen
class ChosenLinks:
    """Chooses random links between `nodes`."""

    dice: Dice
    nodes: list[NodeId]

    def halves(self) -> Pairs:
        """Choose the links between two random groups."""
        left = set(self.dice.some(self.nodes))
        return self._between(lambda a, b: (a in left) != (b in left))

    def directions(self) -> Pairs:
        """Choose a few links, each in one direction."""
        return tuple((self._node(), self._node()) for _ in range(1 + self.dice.below(4)))

    def some(self) -> Pairs:
        """Choose about a third of the links."""
        links = self._between(lambda a, b: a < b)
        chosen = self.dice.some(links, 0.3)
        return tuple(pair for a, b in chosen for pair in ((a, b), (b, a)))

    def bridge(self) -> Pairs:
        """Choose the links between two groups that a single node still connects."""
        bridge = self._node()
        others = [n for n in self.nodes if n != bridge]
        left = set(self.dice.some(others))
        return self._between(lambda a, b: bridge not in {a, b} and (a in left) != (b in left))

    def stranger(self) -> Pairs:
        """Choose all links of a node that speaks an unknown protocol."""
        stranger = self._node()
        return self._between(lambda a, b: stranger in {a, b})

    def _node(self) -> NodeId:
        return self.dice.pick(self.nodes)

    def _between(self, wanted: Callable[[NodeId, NodeId], bool]) -> Pairs:
        return tuple((a, b) for a in self.nodes for b in self.nodes if a != b and wanted(a, b))

"""Links that are cut, slow or clogged, and members whose frames are odd."""

from typing import TYPE_CHECKING

from attrs import frozen

from qutrio.model.ids import NodeId, Seconds
from qutrio.sim.dice import Dice
from qutrio.sim.hostile_member import HostileMember
from qutrio.sim.options import Fault
from qutrio.sim.tampering import Manner

if TYPE_CHECKING:
    from qutrio.sim.world import World


@frozen(kw_only=True)
class Cut:
    """Nothing arrives in these directions for a while.

    `how` is the kind of cut.  With `relink` the nodes hear of it when they can talk again, as
    over a TCP connection that broke.
    """

    at: Seconds
    how: Fault
    pairs: tuple[tuple[NodeId, NodeId], ...]
    for_s: Seconds
    relink: bool = False

    def apply(self, world: "World") -> None:
        """Cut the links."""
        pairs = [(a, b) for a, b in self.pairs if a in world.hosts and b in world.hosts]
        if not pairs:
            return
        world.struck[self.how] += 1
        world.network.cut_off(pairs, self.at + self.for_s)
        if self.relink:
            for one, other in sorted({(min(p), max(p)) for p in pairs}):
                world.links.dial(one, other, self.for_s)


@frozen(kw_only=True)
class CutOffAfterDelivery:
    """The next acting master that delivered a notice loses all its peers, not its channels."""

    at: Seconds
    for_s: Seconds

    def apply(self, world: "World") -> None:
        """See to it that it is cut off."""
        world.network.cuts_after_delivery_s = self.for_s


@frozen(kw_only=True)
class Slow:
    """Messages in these directions take `added_s` longer for a while."""

    at: Seconds
    pairs: tuple[tuple[NodeId, NodeId], ...]
    added_s: Seconds
    for_s: Seconds

    def apply(self, world: "World") -> None:
        """Slow the links."""
        for pair in self.pairs:
            world.network.slow[pair] = (self.at + self.for_s, self.added_s)


@frozen(kw_only=True)
class Clog:
    """All that goes to or comes from a node is held back for a while, and then arrives."""

    at: Seconds
    node: NodeId
    for_s: Seconds

    def apply(self, world: "World") -> None:
        """Hold it back."""
        world.network.clogged[self.node] = self.at + self.for_s


@frozen(kw_only=True)
class Odd:
    """A member's frames are odd for a while: of a newer version, garbage, or repeated."""

    at: Seconds
    node: NodeId
    manner: Manner
    for_s: Seconds

    def apply(self, world: "World") -> None:
        """Let it say odd things."""
        world.tamperer.manners[self.node] = (self.at + self.for_s, self.manner)


@frozen(kw_only=True)
class Lie:
    """A member lies; it is the same one whoever is named later."""

    at: Seconds
    node: NodeId

    def apply(self, world: "World") -> None:
        """Let it say something."""
        _liar(world, self.node)
        world.handler.lie()


@frozen(kw_only=True)
class TermFlood:
    """A member names higher and higher terms for a while; it is the one that lies."""

    at: Seconds
    node: NodeId
    for_s: Seconds

    def apply(self, world: "World") -> None:
        """Let it begin."""
        _liar(world, self.node)
        world.invariants.lied(world.true)
        world.handler.flood(world.true + self.for_s)


def _liar(world: "World", node: NodeId) -> None:
    """Make `node` the one that lies, if none does yet."""
    if world.hostile_member is None:
        world.hostile_member = HostileMember(node, Dice(world.seed, "liar"))

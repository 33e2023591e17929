"""Faults of links, and members that send odd or false frames."""

from typing import TYPE_CHECKING

from attrs import frozen

from qutrio.model.ids import NodeId, Seconds
from qutrio.sim.dice import Dice
from qutrio.sim.hostile_member import HostileMember
from qutrio.sim.options import Fault
from qutrio.sim.pinned import HOSTILE_MEMBER_DICE
from qutrio.sim.tampering import Manner

if TYPE_CHECKING:
    from qutrio.sim.world import World


@frozen(kw_only=True)
class Cut:
    """Nothing arrives in these directions for a while.

    `how` is the kind of cut.  With `relink` the nodes get an event when they can talk again, as
    when a broken TCP connection is replaced.
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
    """The next master that delivers a notice loses all its peers, but not its channels."""

    at: Seconds
    for_s: Seconds

    def apply(self, world: "World") -> None:
        """Plan the cut."""
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
    """All messages to and from a node are held back for a while, and then arrive."""

    at: Seconds
    node: NodeId
    for_s: Seconds

    def apply(self, world: "World") -> None:
        """Hold them back."""
        world.network.clogged[self.node] = self.at + self.for_s


@frozen(kw_only=True)
class Odd:
    """A member's frames are odd for a while: of a newer version, garbage, or repeated."""

    at: Seconds
    node: NodeId
    manner: Manner
    for_s: Seconds

    def apply(self, world: "World") -> None:
        """Make its frames odd."""
        world.tamperer.manners[self.node] = (self.at + self.for_s, self.manner)


@frozen(kw_only=True)
class Lie:
    """A member lies.  The first that is named stays the hostile member."""

    at: Seconds
    node: NodeId

    def apply(self, world: "World") -> None:
        """Send some lies."""
        _hostile_member(world, self.node)
        world.handler.lie()


@frozen(kw_only=True)
class TermFlood:
    """The hostile member sends ever higher terms for a while."""

    at: Seconds
    node: NodeId
    for_s: Seconds

    def apply(self, world: "World") -> None:
        """Start the flood."""
        _hostile_member(world, self.node)
        world.invariants.lied(world.true)
        world.handler.flood(world.true + self.for_s)


def _hostile_member(world: "World", node: NodeId) -> None:
    """Make `node` the hostile member, if there is none yet."""
    if world.hostile_member is None:
        world.hostile_member = HostileMember(node, Dice(world.seed, HOSTILE_MEMBER_DICE))

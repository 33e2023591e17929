"""Targets and alert channels that are down, slow, or otherwise not as they should be."""

from typing import TYPE_CHECKING

from attrs import frozen

from qutrio.model.ids import CheckId, NodeId, Seconds

if TYPE_CHECKING:
    from qutrio.sim.world import World


@frozen(kw_only=True)
class Outage:
    """A target is down for a while, for everybody or for these nodes only."""

    at: Seconds
    check: CheckId
    for_s: Seconds
    nodes: tuple[NodeId, ...] = ()

    def apply(self, world: "World") -> None:
        """Take it down, and plan its return."""
        targets, end = world.targets, self.at + self.for_s
        if not self.nodes:
            targets.down.add(self.check)
            world.at(end, min(world.hosts), lambda: targets.down.discard(self.check))
            return
        places = [(node, self.check) for node in self.nodes]
        targets.lonely.update(places)
        world.at(end, min(world.hosts), lambda: targets.lonely.difference_update(places))


@frozen(kw_only=True)
class Hang:
    """A target never answers these nodes for a while: their probes end at the timeout."""

    at: Seconds
    check: CheckId
    for_s: Seconds
    nodes: tuple[NodeId, ...]

    def apply(self, world: "World") -> None:
        """Let it hang."""
        for node in self.nodes:
            world.targets.hanging[node, self.check] = self.at + self.for_s


@frozen(kw_only=True)
class Blind:
    """Something local is broken at a node for a while, so its probes abstain."""

    at: Seconds
    node: NodeId
    for_s: Seconds

    def apply(self, world: "World") -> None:
        """Blind it."""
        world.targets.blind[self.node] = self.at + self.for_s


@frozen(kw_only=True)
class DeadResolver:
    """What all nodes need in order to look is broken for a while, so all their probes abstain."""

    at: Seconds
    for_s: Seconds

    def apply(self, world: "World") -> None:
        """Blind them all."""
        targets = world.targets
        targets.nobody_sees_until = max(targets.nobody_sees_until, self.at + self.for_s)


@frozen(kw_only=True)
class ChannelDown:
    """No attempt to deliver succeeds for a while."""

    at: Seconds
    for_s: Seconds

    def apply(self, world: "World") -> None:
        """Take the channels down."""
        world.channels.down_until = max(world.channels.down_until, self.at + self.for_s)


@frozen(kw_only=True)
class ChannelSlow:
    """Attempts to deliver take long for a while, some longer than the node waits."""

    at: Seconds
    for_s: Seconds

    def apply(self, world: "World") -> None:
        """Slow the channels."""
        world.channels.slow_until = max(world.channels.slow_until, self.at + self.for_s)


@frozen(kw_only=True)
class ChannelMute:
    """For a while channels deliver, and die before they say so."""

    at: Seconds
    for_s: Seconds

    def apply(self, world: "World") -> None:
        """Mute the channels."""
        world.channels.mute_until = max(world.channels.mute_until, self.at + self.for_s)

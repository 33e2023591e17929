"""Faults of targets and alert channels."""

from typing import TYPE_CHECKING

from attrs import frozen

from qutrio.model.ids import CheckId, NodeId, Seconds

if TYPE_CHECKING:
    from qutrio.sim.world import World


@frozen(kw_only=True)
class Outage:
    """A target is down for a while, for all nodes or only for some."""

    at: Seconds
    check: CheckId
    for_s: Seconds
    nodes: tuple[NodeId, ...] = ()

    def apply(self, world: "World") -> None:
        """Take it down, and plan its recovery."""
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
    """A target does not answer these nodes for a while: their probes time out."""

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
    """A node has a local fault for a while, so that its probes abstain."""

    at: Seconds
    node: NodeId
    for_s: Seconds

    def apply(self, world: "World") -> None:
        """Blind it."""
        world.targets.blind[self.node] = self.at + self.for_s


@frozen(kw_only=True)
class DeadResolver:
    """The resolver that all nodes share fails for a while, so that all probes abstain."""

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
    """Attempts to deliver are slow for a while, some slower than the node's timeout."""

    at: Seconds
    for_s: Seconds

    def apply(self, world: "World") -> None:
        """Slow the channels."""
        world.channels.slow_until = max(world.channels.slow_until, self.at + self.for_s)


@frozen(kw_only=True)
class ChannelMute:
    """For a while channels deliver, but die before they confirm."""

    at: Seconds
    for_s: Seconds

    def apply(self, world: "World") -> None:
        """Mute the channels."""
        world.channels.mute_until = max(world.channels.mute_until, self.at + self.for_s)

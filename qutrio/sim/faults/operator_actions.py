"""Actions of operators, through a node that may be down, cut off or behind."""

from typing import TYPE_CHECKING

from attrs import evolve, frozen

from qutrio.core.api.mutations import (
    PutChannel,
    PutCheck,
    PutSettings,
    RemoveChannel,
    RemoveCheck,
)
from qutrio.model.channels import WebhookChannel
from qutrio.model.document import Settings
from qutrio.model.ids import ChannelId, CheckId, NodeId, Seconds
from qutrio.sim import operators
from qutrio.sim.options import Fault

if TYPE_CHECKING:
    from qutrio.sim.world import World


@frozen(kw_only=True)
class _ThroughNode:
    """When, and through which node."""

    at: Seconds
    via: NodeId


@frozen(kw_only=True)
class Add(_ThroughNode):
    """Add a check that is never removed."""

    label: str

    def apply(self, world: "World") -> None:
        """Propose it."""
        world.add_check(self.via, self.label)


@frozen(kw_only=True)
class Edit(_ThroughNode):
    """Change a check, starting from what the node shows: read, modify, write."""

    check: CheckId
    interval_s: Seconds
    timeout_s: Seconds
    enabled: bool

    def apply(self, world: "World") -> None:
        """Propose it, if the node shows such a check."""
        document = operators.document_of(world, self.via)
        found = [c for c in document.checks if c.id == self.check] if document else []
        for check in found:
            world.struck[Fault.CHECK_EDITED] += 1
            changed = evolve(
                check,
                interval_s=self.interval_s,
                timeout_s=self.timeout_s,
                enabled=self.enabled,
            )
            world.propose(self.via, PutCheck(check=changed, expect=check))


@frozen(kw_only=True)
class Scratch(_ThroughNode):
    """Add a temporary check, or remove it."""

    name: str

    def apply(self, world: "World") -> None:
        """Propose to add it if the node does not show it, else to remove it."""
        document = operators.document_of(world, self.via)
        if document is None:
            return
        found = [c for c in document.checks if c.name == self.name]
        if found:
            world.propose(self.via, RemoveCheck(expect=found[0]))
        else:
            world.propose(self.via, PutCheck(check=operators.new_check(self.name)))


@frozen(kw_only=True)
class Tune(_ThroughNode):
    """Change the cluster's settings, perhaps to an unknown engine."""

    settings: Settings

    def apply(self, world: "World") -> None:
        """Propose it."""
        document = operators.document_of(world, self.via)
        if document is not None:
            world.struck[Fault.SETTINGS_CHANGED] += 1
            mutation = PutSettings(settings=self.settings, expect=document.settings)
            world.propose(self.via, mutation)


@frozen(kw_only=True)
class Attach(_ThroughNode):
    """Add an alert channel, or remove it if it exists."""

    name: str

    def apply(self, world: "World") -> None:
        """Propose it."""
        document = operators.document_of(world, self.via)
        if document is None:
            return
        world.struck[Fault.CHANNELS_CHANGED] += 1
        found = [c for c in document.channels if c.name == self.name]
        if found:
            world.propose(self.via, RemoveChannel(expect=found[0]))
        else:
            url = "http://127.0.0.1/other"
            channel = WebhookChannel(id=ChannelId(self.name), name=self.name, url=url)
            world.propose(self.via, PutChannel(channel=channel))


@frozen(kw_only=True)
class HandEdit(_ThroughNode):
    """Edit cluster.yaml, opened `back` revisions ago, and add a check with it."""

    label: str
    back: int

    def apply(self, world: "World") -> None:
        """Save the file."""
        operators.hand_edit(world, self.via, self.label, back=self.back)


@frozen(kw_only=True)
class Join(_ThroughNode):
    """A new machine joins."""

    node: NodeId

    def apply(self, world: "World") -> None:
        """Add a token, and claim it."""
        world.admit(self.via, self.node)


@frozen(kw_only=True)
class Dismiss(_ThroughNode):
    """Remove a member."""

    node: NodeId

    def apply(self, world: "World") -> None:
        """Propose it."""
        world.struck[Fault.REMOVAL] += 1
        world.remove(self.via, self.node)


@frozen(kw_only=True)
class JoinAgain(_ThroughNode):
    """A removed machine joins again, with its key and its disk."""

    node: NodeId

    def apply(self, world: "World") -> None:
        """Add a token, and claim it."""
        operators.enroll_again(world, self.via, self.node)


@frozen(kw_only=True)
class AskStatus(_ThroughNode):
    """Ask a node for its status."""

    def apply(self, world: "World") -> None:
        """Ask it."""
        world.inspect(self.via)

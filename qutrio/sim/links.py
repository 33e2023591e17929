"""The links between simulated machines: they come up, break and are refused, as in reality.

Messages do not need a link here.  Links only produce events: that a link came up, and that a
node was removed, because all others refuse it one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

from qutrio.core.api.events import Announced, Linked, RemovalReported
from qutrio.core.leadership.membership import says_removed
from qutrio.model.levels import can_belong

if TYPE_CHECKING:
    from qutrio.model.ids import NodeId, Revision, Seconds
    from qutrio.sim.host import Host
    from qutrio.sim.interface import SimulatedWorld

UP_S_MAX: Seconds = 0.2
REDIAL_S: Seconds = 2.0
BROKEN_S = (0.5, 5.0)
"""How long a link that one side closed stays down: shortest and longest pause."""


@define(eq=False)
class Links:
    """The links of all machines."""

    world: SimulatedWorld

    def dial_all(self, name: NodeId) -> None:
        """Dial all running machines from a machine that starts."""
        for peer, host in self.world.hosts.items():
            if peer != name and host.node is not None:
                self.dial(name, peer, self.world.dice.between(0.0, UP_S_MAX))

    def dial(self, name: NodeId, peer: NodeId, after_s: Seconds) -> None:
        """Link two machines; try again while both run and cannot talk."""
        world = self.world
        one, other = world.hosts[name], world.hosts[peer]
        lives = (one.life, other.life)

        def linked() -> None:
            if (one.life, other.life) != lives or one.node is None or other.node is None:
                return
            if not self.can_talk(name, peer) or self.too_old(one, other):
                self.dial(name, peer, REDIAL_S)
                return
            # A hello names the level of the running program, not of one installed since.
            mine, theirs = (node.leadership.announcements.mine for node in (one.node, other.node))
            world.post(one, Announced(peer, theirs))
            world.post(other, Announced(name, mine))
            world.post(one, Linked(peer))
            world.post(other, Linked(name))

        world.at(world.true + after_s, name, linked)

    def can_talk(self, name: NodeId, peer: NodeId) -> bool:
        """Return whether messages arrive in both directions."""
        network, true = self.world.network, self.world.true
        return not network.is_cut(name, peer, true) and not network.is_cut(peer, name, true)

    def too_old(self, one: Host, other: Host) -> bool:
        """Return whether either machine refuses the link because of the other's feature level."""
        if not self.world.faults.installs or one.node is None or other.node is None:
            return False
        pairs = ((one.node, other.node), (other.node, one.node))
        return any(
            not can_belong(a.leadership.announcements.mine, b.register.committed.document)
            for a, b in pairs
        )

    def end(self, source: NodeId, to: NodeId) -> None:
        """Close a link and dial again later, as the real one does after garbage."""
        world = self.world
        down_s = world.network.dice.between(*BROKEN_S)
        world.network.cut_off(((source, to), (to, source)), world.true + down_s)
        if source in world.hosts:
            self.dial(source, to, down_s)

    def ask_standing(self, host: Host) -> None:
        """Tell a node that it was removed, if every member that it can reach refuses it a link.

        As in reality, only members that know at least the node's own revision count.
        """
        node = host.node
        if node is None or node.removed:
            return
        document = node.register.committed.document
        refusing: list[tuple[NodeId, Revision]] = []
        for member in document.members:
            peer = self.world.hosts.get(member.id)
            if peer is host or peer is None or peer.node is None or peer.node.removed:
                continue
            theirs = peer.node.register.committed.document
            if not self.can_talk(host.name, member.id):
                continue
            belongs = theirs.member(host.name) is not None
            if belongs:
                return
            if says_removed(document, belongs=belongs, revision=theirs.revision):
                refusing.append((member.id, theirs.revision))
        for teller, revision in refusing:
            self.world.post(host, RemovalReported(teller, revision))

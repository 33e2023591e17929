"""Which simulated machines talk: links that come up, break and are refused, as in reality.

A message needs no link here; what a link adds is the word that it came up, and what a node
does to whom all others refuse one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

from qutrio.core.api.events import Announced, Expelled, Linked
from qutrio.core.leadership.membership import says_removed
from qutrio.model.levels import can_belong

if TYPE_CHECKING:
    from qutrio.model.ids import NodeId, Revision, Seconds
    from qutrio.sim.host import Host
    from qutrio.sim.interface import SimulatedWorld

UP_S_MAX: Seconds = 0.2
REDIAL_S: Seconds = 2.0
BROKEN_S = (0.5, 5.0)
"""How long a link stays down that one side ended: from the first pause to the longest."""


@define(eq=False)
class Links:
    """The links of all machines."""

    world: SimulatedWorld

    def dial_all(self, name: NodeId) -> None:
        """Let a machine that starts link up with all that run."""
        for peer, host in self.world.hosts.items():
            if peer != name and host.node is not None:
                self.dial(name, peer, self.world.dice.between(0.0, UP_S_MAX))

    def dial(self, name: NodeId, peer: NodeId, after_s: Seconds) -> None:
        """Let two machines try to link up, again and again while they live and cannot."""
        world = self.world
        one, other = world.hosts[name], world.hosts[peer]
        lives = (one.life, other.life)

        def linked() -> None:
            if (one.life, other.life) != lives or one.node is None or other.node is None:
                return
            if not self.can_talk(name, peer) or self.too_old(one, other):
                self.dial(name, peer, REDIAL_S)
                return
            # What a hello says comes from the program that runs, not from one installed since.
            mine, theirs = (node.leadership.announcements.mine for node in (one.node, other.node))
            world.give(one, Announced(peer, theirs))
            world.give(other, Announced(name, mine))
            world.give(one, Linked(peer))
            world.give(other, Linked(name))

        world.at(world.true + after_s, name, linked)

    def can_talk(self, name: NodeId, peer: NodeId) -> bool:
        """Tell whether messages arrive in both directions."""
        network, true = self.world.network, self.world.true
        return not network.is_cut(name, peer, true) and not network.is_cut(peer, name, true)

    def too_old(self, one: Host, other: Host) -> bool:
        """Tell whether one of two machines refuses the other's link for its feature level."""
        if not self.world.faults.installs or one.node is None or other.node is None:
            return False
        pairs = ((one.node, other.node), (other.node, one.node))
        return any(
            not can_belong(a.leadership.announcements.mine, b.register.committed.document)
            for a, b in pairs
        )

    def end(self, source: NodeId, to: NodeId) -> None:
        """Do what the real link does after garbage: it ends, and is dialled again."""
        world = self.world
        down_s = world.network.dice.between(*BROKEN_S)
        world.network.cut_off(((source, to), (to, source)), world.true + down_s)
        if source in world.hosts:
            self.dial(source, to, down_s)

    def ask_standing(self, host: Host) -> None:
        """Let a node find out that it was removed, if all that it can reach refuse it a link.

        It takes in what each says that knows at least its own revision, as the real one does.
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
            self.world.give(host, Expelled(teller, revision))

"""Who counts: invariant 6.

Nothing that a node keeps may speak of somebody who is not a member by that node's own committed
document: not what it heard, not whose heartbeats were answered, not a vote.  That an acceptance
or an endorsement of a removed node counts for nothing is checked on the disks, with invariants
2 and 3: majorities there are of the voters of the document that stands.
"""

from attrs import define, field

from qutrio.core.api.events import Event, Received
from qutrio.core.node import Node
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import NodeId, Seconds
from qutrio.sim.host import Host
from qutrio.sim.invariants.error import broken


@define
class Membership:
    """Which documents the hosts follow, and who is to be searched for strangers."""

    changed_at: Seconds = float("-inf")
    """When somebody last learned of other members."""
    _followed: dict[NodeId, ClusterDocument] = field(factory=dict)
    _due: set[NodeId] = field(factory=set)

    def stepped(self, host: Host, event: Event, true: Seconds) -> None:
        """Search a host that heard from a stranger, or that learned of other members.

        In the latter case with its next step: votes are sorted out when one begins.
        """
        assert host.node is not None
        document = host.node.register.committed.document
        before = self._followed.get(host.name)
        if host.name in self._due or (
            isinstance(event, Received) and event.sender not in document.ids
        ):
            self._due.discard(host.name)
            self._search(host, true)
        if before is not document:
            self._followed[host.name] = document
            if before is not None and before.members != document.members:
                self._due.add(host.name)
                self.changed_at = true

    def _search(self, host: Host, true: Seconds) -> None:
        node = host.node
        assert node is not None
        document = node.exchange.verdicts._document  # noqa: SLF001 - a judge looks
        assert document is not None, "whoever stepped follows a document"
        found = remembered(node) - {m.id for m in document.members} - {host.name}
        if found:
            raise broken(6, true, f"{host.name} still counts {sorted(found)}, not members")


def remembered(node: Node) -> set[NodeId]:
    """Return everybody of whom a node keeps anything that could count."""
    leadership, verdicts = node.leadership, node.exchange.verdicts
    known = set(leadership.liveness._last) | set(leadership.heartbeats._answered.known())  # noqa: SLF001 - a judge looks
    known |= leadership.clocks.skew.keys() | leadership.engine_host.able_peers.keys()
    known |= node.router.positions.keys()
    for tally in verdicts._tallies.values():  # noqa: SLF001 - a judge looks
        known |= tally.votes.keys()
    return known

"""Membership: invariant 6.

A node may keep nothing of a node that is not a member by its own committed document: no time at
which it was heard, no answered heartbeat, no vote.  That acceptances and grants of removed nodes
do not count is checked on the disks, with invariants 2 and 3: majorities there are of the voters
of the current document.
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
    """The document that each host follows, and the hosts to search for removed nodes."""

    changed_at: Seconds = float("-inf")
    """When a node last learned of a change of members."""
    _followed: dict[NodeId, ClusterDocument] = field(factory=dict)
    _due: set[NodeId] = field(factory=set)

    def stepped(self, host: Host, event: Event, true: Seconds) -> None:
        """Search a host that heard from a non-member, or that learned of a change of members.

        In the latter case at its next step, because votes are dropped when a step begins.
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
        assert document is not None, "a node that stepped follows a document"
        found = remembered(node) - {m.id for m in document.members} - {host.name}
        if found:
            raise broken(6, true, f"{host.name} still counts {sorted(found)}, not members")


def remembered(node: Node) -> set[NodeId]:
    """Return all nodes of which a node keeps anything that could count."""
    leadership, verdicts = node.leadership, node.exchange.verdicts
    known = set(leadership.liveness._last) | set(leadership.heartbeats._answered.known())  # noqa: SLF001 - a judge looks
    known |= leadership.clocks.skew.keys() | leadership.engine_host.able_peers.keys()
    known |= node.router.positions.keys()
    for tally in verdicts._tallies.values():  # noqa: SLF001 - a judge looks
        known |= tally.votes.keys()
    return known

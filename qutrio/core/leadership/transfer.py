"""Leadership transfer: the master gives the role to another node on purpose.

The engine may name a successor, an operator may move the role by hand, or the node stops.  Programs
that rely on the lease (its tenants) are asked to stop first.
"""

from attrs import define

from qutrio.core.api.effects import Effect, Send
from qutrio.core.api.messages import Yield
from qutrio.core.election.engines import DESCRIPTORS
from qutrio.core.election.interface import Electorate
from qutrio.core.leadership.leadership import Leadership
from qutrio.model.ids import Instant, NodeId, Seconds

YIELD_PATIENCE_S: Seconds = 30.0
"""How long an operator's request to move the role waits until it is possible."""


@define
class LeadershipTransfer:
    """One node's state of a transfer.

    `vacating` asks its tenants to stop.  `wanted` tells whether the role is to move, even if that
    is not possible yet.
    """

    leadership: Leadership
    vacating: bool = False
    wanted: bool = False
    _request: Yield | None = None
    _request_until: Instant = Instant(0.0)

    def on_yield(self, request: Yield, now: Instant) -> None:
        """Record an operator's request to give the role up, if this node is master in its term."""
        acting_until, claim = self.leadership.acting_until(now), self.leadership.lease.claim
        if acting_until is not None and claim == request.term:
            self._request, self._request_until = request, Instant(now + YIELD_PATIENCE_S)

    def request(self, to: NodeId | None, now: Instant) -> list[Effect]:
        """Send an operator's request to the master; do nothing if there is none."""
        master = self.leadership.master(now)
        request = Yield(term=self.leadership.master_term(now), to=to)
        if master == self.leadership.me:
            self.on_yield(request, now)
        elif master is not None:
            return [Send(master, request)]
        return []

    def advance(self, now: Instant) -> list[Effect]:
        """Resign in favour of another node, if an operator or the engine wants that."""
        leadership, self.vacating, self.wanted = self.leadership, False, False
        if leadership.acting_until(now) is None:
            self._request = None
            return []
        electorate = leadership.electorate(now)
        successor = self._requested_successor(electorate, now)
        by_hand = successor is not None
        if successor is None:
            successor = leadership.engine_host.successor(electorate, now)
        self.wanted = self._request is not None or successor is not None
        if successor is None:
            return []
        if leadership.tenants:
            self.vacating = True
            return []
        if not by_hand:
            leadership.engine_host.on_resign(successor, electorate.term, now, by_hand=False)
            reason = DESCRIPTORS[leadership.settings.engine].why_handed_over
            return leadership.resign(successor, reason, now)
        self._request = None
        leadership.engine_host.step_aside(successor, electorate, now)
        return leadership.resign(successor, "moved by hand", now, by_hand=True)

    def resign_and_close(self, now: Instant) -> list[Effect]:
        """Resign and close the engine, because this node stops."""
        successor = self.leadership.engine_host.next_leader(self.leadership.electorate(now))
        self.leadership.engine_host.close(now)
        return self.leadership.resign(successor, "stopping", now)

    def _requested_successor(self, electorate: Electorate, now: Instant) -> NodeId | None:
        """Return the node to which an operator wants to move the role, if it is possible now."""
        request = self._request
        if request is None or now >= self._request_until:
            self._request = None
            return None
        to = request.to or self.leadership.engine_host.next_leader(electorate)
        return to if to in electorate.able and to != self.leadership.me else None

"""Handover: the role moves because its holder wants it to, not because it was lost.

The engine may name a successor, a person may move the role by hand, or the node stops.  Programs
that rely on the mandate (its tenants) are asked to stop first.
"""

from attrs import define

from qutrio.core.effects import Effect, Send
from qutrio.core.election.engines import DESCRIPTORS
from qutrio.core.election.interface import Electorate
from qutrio.core.messages import Yield
from qutrio.core.seat import Seat
from qutrio.model.ids import Instant, NodeId, Seconds

YIELD_PATIENCE_S: Seconds = 30.0
"""For how long a person's wish to move the role waits for its moment."""


@define
class Handover:
    """What one node knows of handing over.

    `vacating` asks its tenants to stop.  `wanted` tells whether the role is to move, but it may
    not be the moment yet.
    """

    seat: Seat
    vacating: bool = False
    wanted: bool = False
    _wish: Yield | None = None
    _wish_until: Instant = Instant(0.0)

    def on_yield(self, wish: Yield, now: Instant) -> None:
        """Note a person's wish that this node gives the role up, if it acts in that term."""
        if self.seat.acting_until(now) is not None and self.seat.mandate.claim == wish.term:
            self._wish, self._wish_until = wish, Instant(now + YIELD_PATIENCE_S)

    def ask(self, to: NodeId | None, now: Instant) -> list[Effect]:
        """Pass a person's wish on to whoever acts; nothing happens if nobody is heard to."""
        master = self.seat.incumbent(now)
        wish = Yield(term=self.seat.incumbent_term(now), to=to)
        if master == self.seat.me:
            self.on_yield(wish, now)
        elif master is not None:
            return [Send(master, wish)]
        return []

    def advance(self, now: Instant) -> list[Effect]:
        """Resign in favour of another, if a person or the engine wants that."""
        seat, self.vacating, self.wanted = self.seat, False, False
        if seat.acting_until(now) is None:
            self._wish = None
            return []
        electorate = seat.electorate(now)
        successor = self._wished(electorate, now)
        by_hand = successor is not None
        if successor is None:
            successor = seat.steering.successor(electorate, now)
        self.wanted = self._wish is not None or successor is not None
        if successor is None:
            return []
        if seat.tenants:
            self.vacating = True
            return []
        if not by_hand:
            seat.steering.name(successor, electorate.term, now, by_hand=False)
            return seat.resign(successor, DESCRIPTORS[seat.settings.engine].why_handed_over, now)
        self._wish = None
        seat.steering.step_aside(successor, electorate, now)
        return seat.resign(successor, "moved by hand", now, by_hand=True)

    def leave(self, now: Instant) -> list[Effect]:
        """Resign because this node stops."""
        heir = self.seat.steering.heir(self.seat.electorate(now))
        self.seat.steering.close(now)
        return self.seat.resign(heir, "stopping", now)

    def _wished(self, electorate: Electorate, now: Instant) -> NodeId | None:
        """Return to whom a person wants the role moved, if that is possible now."""
        wish = self._wish
        if wish is None or now >= self._wish_until:
            self._wish = None
            return None
        to = wish.to or self.seat.steering.heir(electorate)
        return to if to in electorate.able and to != self.seat.me else None

"""The lowest-id engine: the lowest living id leads, unless it only just came back.

Theory of operation.  Without an incumbent the lowest able id is elected at once.  A living
incumbent is kept.  A lower id that returns must have been alive without a gap for the whole
cooldown, as the incumbent counts it; then the incumbent hands over to it.  So a node that
flaps never moves the role, and a node that is back for good moves it once.

Source: the election of QUptime (`qu`), with the cooldown counted by one node, the incumbent,
where every node of QUptime counted its own and two could differ.
"""

from attrs import frozen

from qutrio.core.election.interface import Electorate
from qutrio.model.ids import NodeId, Seconds


@frozen
class LowestId:
    """Elects the smallest id; a returning smaller id waits out a cooldown."""

    def choice(self, electorate: Electorate) -> NodeId | None:
        """Return the incumbent while it lives, else the lowest able id."""
        if electorate.incumbent is not None:
            return electorate.incumbent
        return min(electorate.able, default=None)

    def successor(self, electorate: Electorate, cooldown: Seconds) -> NodeId | None:
        """Return the lowest able id if it is below this node's and lived through the cooldown.

        Not the lowest of those that did: when the role is free everybody elects the lowest, so
        one that only just came back would get it in another's place.
        """
        lowest = min(electorate.able, default=electorate.me)
        seasoned = electorate.streaks.get(lowest, 0.0) >= cooldown
        return lowest if lowest < electorate.me and seasoned else None

    def heir(self, electorate: Electorate) -> NodeId | None:
        """Return the lowest able id beside this node."""
        return min(electorate.able - {electorate.me}, default=None)

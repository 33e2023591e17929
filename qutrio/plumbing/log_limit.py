"""A log whose lines about one peer are limited.

A peer that connects and leaves in a loop must not fill the disk of those that log it.
"""

import trio
from attrs import define, field

from qutrio.model.ids import Seconds
from qutrio.plumbing.log import Log

LINES_AT_ONCE = 30
LINE_EVERY_S: Seconds = 10.0
PEERS_MAX = 100


@define
class _Budget:
    paid_until: float
    """Each line costs `LINE_EVERY_S`; what is paid in advance is at most `LINES_AT_ONCE` lines."""
    unlogged: int = 0


@define
class LogLimit:
    """Passes lines on: of each `peer` at most `LINES_AT_ONCE`, then one every `LINE_EVERY_S`.

    A line after others that were left out says how many, as `unlogged`.
    """

    log: Log
    _budgets: dict[object, _Budget] = field(factory=dict, init=False)

    def __call__(self, what: str, /, **details: object) -> None:
        """Log that `what` happened, unless there were too many lines about this peer."""
        budget = self._budget(details.get("peer"))
        now = trio.current_time()
        if budget.paid_until > now + (LINES_AT_ONCE - 1) * LINE_EVERY_S:
            budget.unlogged += 1
            return
        budget.paid_until = max(budget.paid_until, now) + LINE_EVERY_S
        if budget.unlogged:
            details["unlogged"], budget.unlogged = budget.unlogged, 0
        self.log(what, **details)

    def _budget(self, peer: object) -> _Budget:
        known = self._budgets.pop(peer, None) or _Budget(trio.current_time())
        self._budgets[peer] = known  # the newest is last
        if len(self._budgets) > PEERS_MAX:
            del self._budgets[next(iter(self._budgets))]
        return known

"""Whether an attempt that the core ordered may still begin.

An order may wait before the attempt, in a queue or while the machine sleeps.  So the code that
performs it asks again: the alert channels of a daemon, and the simulator.
"""

from qutrio.core.api.effects import Notify
from qutrio.core.api.view import View
from qutrio.model.ids import Instant

NO_ROOM = "too many notices wait to be sent"
"""The reason for not queueing an order."""


def too_late(order: Notify, view: View, now: Instant) -> str | None:
    """Return why an ordered attempt must no longer begin; None if it may.

    `view` and `now` are those of the node that gave the order.
    """
    if order.delegated:
        in_time = order.until is not None and now < order.until
        return None if in_time else "the request came too late"
    minority = bool(order.delivery.notice.minority)
    ledger = view.minority_ledger if minority else view.ledger
    if order.delivery.key not in ledger.waiting:  # perhaps another node delivered it
        return "told, or given up, while it was queued"
    until = view.minority_until if minority else view.acting_until
    if until is not None and now < until and (minority or view.term == order.term):
        return None
    return "no longer the minority's leader" if minority else "no longer the acting master"

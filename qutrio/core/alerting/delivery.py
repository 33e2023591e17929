"""When an attempt to deliver that was ordered may begin.

An order waits for a moment before the attempt, in a queue or while the machine sleeps.  So
whoever carries it out asks once more: the alert channels of a daemon, and the simulator.
"""

from qutrio.core.api.effects import Notify
from qutrio.core.api.view import View
from qutrio.model.ids import Instant

NO_ROOM = "too many notices wait to be sent"
"""Why an order is not even queued."""


def too_late(order: Notify, view: View, now: Instant) -> str | None:
    """Say why an ordered attempt must not begin any more; None when it may.

    `view` and `now` are of the node that gave the order.
    """
    if order.delegated:
        in_time = order.until is not None and now < order.until
        return None if in_time else "the errand came too late"
    minority = bool(order.delivery.notice.minority)
    ledger = view.minority_ledger if minority else view.ledger
    if order.delivery.key not in ledger.waiting:  # perhaps another node told it
        return "told, or given up, while it was queued"
    until = view.minority_until if minority else view.acting_until
    if until is not None and now < until and (minority or view.term == order.term):
        return None
    return "no longer the minority's leader" if minority else "no longer the acting master"

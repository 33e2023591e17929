"""Calm: the stretch of time in which a step need not look at everything.

Theory of operation.  Nearly all that a node hears are heartbeats and answers that say what
the last ones said.  They renew: bonds, streaks and contacts reach further than before.  All
else that a step does depends on facts that such a message leaves alone, and on moments.  So
once a whole step found nothing to do, this module says up to when no moment passes that could
matter, but for the next heartbeat.  Until then a step only takes in what came, counts new
votes, and beats when that is due.  An event ends the calm unless whatever took it in says that
it only renewed (`Consequences.renews`); a whole step is never wrong.
"""

from qutrio.core.desk import Desk
from qutrio.core.pager import Pager
from qutrio.core.seat import Seat
from qutrio.model.ids import NEVER, Instant, Seconds

STEP_S_MIN: Seconds = 0.001
"""No deadline is nearer than this."""
ROUNDING_S: Seconds = 1e-6
"""More than what the sums and differences of moments are off by."""


def calm_until(pager: Pager, desk: Desk, deadline: Instant, now: Instant) -> Instant:
    """Return up to when nothing but renewals matters, if a whole step found nothing to do.

    `deadline` is the node's own, which no renewal may move.
    """
    seat = pager.seat
    due = min(pager.watch.verdicts.deadline(), pager.deadline())
    if due <= now or pager.minority.leads or not desk.idle or not _seated(seat, now):
        return NEVER
    moments = (
        seat.incumbency.until,
        seat.mandate.quiet_until,
        seat.mandate.bound_until,
        seat.acting_until(now) or NEVER,
        now + seat.steering.bound_s,
        seat.steering.deadline(now),
        seat.credence.deadline(),
    )
    soonest = min(m for m in moments if m > now)
    if soonest <= deadline:
        return NEVER  # a renewal might move the deadline
    settings = seat.settings
    alive = seat.liveness.settled_until(now, settings.dead_after_s, settings.master_cooldown_s)
    answering = seat.cadence.settled_until(now, settings.dead_after_s)
    return Instant(min(due, soonest, alive, answering) - ROUNDING_S)


def _seated(seat: Seat, now: Instant) -> bool:
    """Tell whether this node's part in the election, and in writing, is settled for now."""
    register, mandate = seat.register, seat.mandate
    asking = mandate.question is not None
    if not seat.fit or asking or register.flight is not None or seat.beat_due(now):
        return False
    if mandate.claim is None:
        return True
    document = register.committed.document
    return (
        mandate.claim == register.established
        and mandate.heard_term <= mandate.claim
        and seat.acting_until(now) is not None
        and not register.waiting
        and document.voters == document.ids  # a learner waits for its vote
    )

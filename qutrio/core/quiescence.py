"""Calm: the stretch of time in which a step need not look at everything.

Theory of operation.  Nearly all that a node hears are heartbeats and answers that say what
the last ones said.  They renew: bonds, streaks and contacts reach further than before.  All
else that a step does depends on facts that such a message leaves alone, and on moments.  So
once a whole step found nothing to do, this module says up to when no moment passes that could
matter, but for the next heartbeat.  Until then a step only takes in what came, counts new
votes, and beats when that is due.  An event ends the calm unless whatever took it in says that
it only renewed (`Consequences.renews`); a whole step is never wrong.
"""

from qutrio.core.alerting.alert_manager import AlertManager
from qutrio.core.leadership.leadership import Leadership
from qutrio.core.proposals import PendingProposals
from qutrio.model.ids import NEVER, Instant, Seconds

STEP_S_MIN: Seconds = 0.001
"""No deadline is nearer than this."""
ROUNDING_S: Seconds = 1e-6
"""More than what the sums and differences of moments are off by."""


def quiescent_until(
    alerts: AlertManager, proposals: PendingProposals, deadline: Instant, now: Instant
) -> Instant:
    """Return up to when nothing but renewals matters, if a whole step found nothing to do.

    `deadline` is the node's own, which no renewal may move.
    """
    leadership = alerts.leadership
    due = min(alerts.exchange.verdicts.deadline(), alerts.deadline())
    if due <= now or alerts.partition.leads or not proposals.idle or not _seated(leadership, now):
        return NEVER
    moments = (
        leadership.observed_master.until,
        leadership.lease.restart_wait_until,
        leadership.lease.bound_until,
        leadership.acting_until(now) or NEVER,
        now + leadership.engine_host.bound_s,
        leadership.engine_host.deadline(now),
        leadership.doubts.deadline(),
    )
    soonest = min(m for m in moments if m > now)
    if soonest <= deadline:
        return NEVER  # a renewal might move the deadline
    settings = leadership.settings
    alive = leadership.liveness.unchanged_until(
        now, settings.dead_after_s, settings.master_cooldown_s
    )
    answering = leadership.heartbeats.unchanged_until(now, settings.dead_after_s)
    return Instant(min(due, soonest, alive, answering) - ROUNDING_S)


def _seated(leadership: Leadership, now: Instant) -> bool:
    """Tell whether this node's part in the election, and in writing, is settled for now."""
    register, lease = leadership.register, leadership.lease
    asking = lease.canvass is not None
    if not leadership.fit or asking or register.flight is not None or leadership.heartbeat_due(now):
        return False
    if lease.claim is None:
        return True
    document = register.committed.document
    return (
        lease.claim == register.established
        and lease.heard_term <= lease.claim
        and leadership.acting_until(now) is not None
        and not register.waiting
        and document.voters == document.ids  # a learner waits for its vote
    )

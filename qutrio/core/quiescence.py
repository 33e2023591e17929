"""Quiescence: until when a step may skip the full evaluation, because only renewals arrive.

Theory of operation.  Nearly all messages are heartbeats and answers that repeat the last ones.
They are renewals: they only extend grants, streaks and contacts.  All else that a step does depends
on facts that a renewal does not change, and on deadlines.  So when a full step found nothing to do,
this module computes the first deadline that matters, other than the next heartbeat.  Until then a
step only records the event, counts new votes, and sends heartbeats that are due.  An event ends
quiescence unless its handler says that it was a renewal (`Consequences.renews`).  A full step is
always correct.
"""

from qutrio.core.alerting.alert_manager import AlertManager
from qutrio.core.leadership.leadership import Leadership
from qutrio.core.proposals import PendingProposals
from qutrio.model.ids import NEVER, Instant, Seconds

STEP_S_MIN: Seconds = 0.001
"""The least time until a deadline."""
ROUNDING_S: Seconds = 1e-6
"""More than the rounding errors of sums and differences of times."""


def quiescent_until(
    alerts: AlertManager, proposals: PendingProposals, deadline: Instant, now: Instant
) -> Instant:
    """Return until when the node is quiescent, if a full step found nothing to do.

    `deadline` is the node's own, which no renewal may move.
    """
    leadership = alerts.leadership
    due = min(alerts.exchange.verdicts.deadline(), alerts.deadline())
    if due <= now or alerts.partition.leads or not proposals.idle or not _is_idle(leadership, now):
        return NEVER
    times = (
        leadership.observed_master.until,
        leadership.lease.restart_wait_until,
        leadership.lease.bound_until,
        leadership.acting_until(now) or NEVER,
        now + leadership.engine_host.bound_s,
        leadership.engine_host.deadline(now),
        leadership.doubts.deadline(),
    )
    soonest = min(m for m in times if m > now)
    if soonest <= deadline:
        return NEVER  # a renewal might move the deadline
    settings = leadership.settings
    alive = leadership.liveness.unchanged_until(
        now, settings.dead_after_s, settings.master_cooldown_s
    )
    answering = leadership.heartbeats.unchanged_until(now, settings.dead_after_s)
    return Instant(min(due, soonest, alive, answering) - ROUNDING_S)


def _is_idle(leadership: Leadership, now: Instant) -> bool:
    """Return whether this node neither canvasses, claims nor writes now."""
    register, lease = leadership.register, leadership.lease
    busy = lease.canvass is not None or register.flight is not None
    if not leadership.fit or busy or leadership.heartbeat_due(now):
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

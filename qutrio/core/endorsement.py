"""When a voter grants a claim, and for how long it must not after a restart.

Theory of operation.  A voter grants at most one claim at a time: the one that its engine chooses,
in a term higher than any it granted before.  A node that restarts has forgotten how long its last
grant lasts, so it grants nothing to anybody else until that must have ended.  When a record makes
grants shorter, a voter that restarts with it waits less long.  So the holder of the lease relies
on no older grant for longer than that, from the moment at which it holds the record; no voter
holds it earlier.
"""

from collections.abc import Callable

from attrs import define

from qutrio.core.credence import Credence
from qutrio.core.election.engines import timing
from qutrio.core.liveness import Cadence
from qutrio.core.mandate import Mandate
from qutrio.core.quorum import Electors
from qutrio.core.replication import Replication
from qutrio.core.steering import Steering
from qutrio.model.ids import NEVER, Instant, NodeId, Seconds, Term
from qutrio.model.stable import Promise, Stable

NEXT_BEAT_S_MIN: Seconds = 0.001


@define
class LeaseVoter:
    """One node's part as a voter.

    `choice` returns whom this node's engine wants.
    """

    register: Replication
    mandate: Mandate
    steering: Steering
    credence: Credence
    choice: Callable[[Instant], NodeId | None]

    def grants(self, claimant: NodeId, term: Term | None, now: Instant, *, fit: bool) -> bool:
        """Grant a claim, or renew the grant, if nothing speaks against it; tell whether it did."""
        if term is None:
            return False
        if self.mandate.renews(claimant, term):
            self.mandate.bound_until = Instant(now + self.steering.bound_s)
            return True
        if self.objection(claimant, term, now, fit=fit) is not None:
            return False
        self.mandate.endorse(claimant, term, self.steering.bound_s, now)
        return True

    def objection(self, claimant: NodeId, term: Term, now: Instant, *, fit: bool) -> str | None:
        """Say why this node would not grant a claim; None if it would.  Changes nothing.

        `fit` tells whether its disk takes writes.
        """
        if not fit:
            return "cannot write its disk"
        electors, patience_s = self.register.electors, self.credence.patience_s
        return objection(
            self.mandate, electors, claimant, term, now, lambda: self.choice(now), patience_s
        )


def objection(  # noqa: PLR0917 - all that bears on it
    mandate: Mandate,
    electors: Electors,
    claimant: NodeId,
    term: Term,
    now: Instant,
    choice: Callable[[], NodeId | None],
    patience_s: Seconds,
) -> str | None:
    """Say why a voter would not endorse `claimant` for `term`; None if it would.

    `choice` asks the voter's engine whom it wants, which is only done when nothing else is
    in the way.  When nobody has led since the last bond ended, for `patience_s`, a voter no
    longer insists on itself against a lower id, nor on nobody: the claimant may run another
    engine, because it was away when that changed, and nobody is left who could tell it.
    """
    # One whose removal is under way may claim: it finishes the removal, and then goes.
    if claimant not in electors.committed:
        return "does not know the claimant as a voter"
    reason = mandate.objection(claimant, term, now)
    if reason is None and mandate.promise.holder != claimant:
        wanted = choice()
        freed_at = max(mandate.bound_until, mandate.quiet_until)
        yields = wanted is None or (wanted == mandate.me and claimant < mandate.me)
        if yields and NEVER < freed_at <= now - patience_s:
            return None
        if wanted != claimant:
            return f"prefers {wanted}"
    return reason


def restarted(me: NodeId, stable: Stable, register: Replication, now: Instant) -> Mandate:
    """Return the promises of a node that starts now with what was durable.

    One that promised something has forgotten until when, so it grants nothing new before that
    must have ended; unless it is alone.
    """
    forgot = stable.promise != Promise() and register.electors.all != {me}
    bound_s = max(
        timing(stable.accepted.document.settings).bound_s,
        timing(stable.committed.document.settings).bound_s,
    )
    return Mandate(
        me=me,
        promise=stable.promise,
        quiet_until=Instant(now + bound_s) if forgot else NEVER,
        heard_term=stable.promise.term,
    )


def follow_timers(steering: Steering, mandate: Mandate, cadence: Cadence, now: Instant) -> None:
    """Cut the grants of a claim when they are shorter from now on, and renew them at once."""
    if steering.shortened() and mandate.claim is not None:
        mandate.shorten(Instant(now + steering.lease_s))
        cadence.next_beat = Instant(now + NEXT_BEAT_S_MIN)

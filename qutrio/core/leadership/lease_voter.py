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

from qutrio.core.api.messages import HeartbeatAck
from qutrio.core.consensus.lease import Lease
from qutrio.core.consensus.register import Register
from qutrio.core.election.engines import timing
from qutrio.core.leadership.doubts import LeaderDoubts
from qutrio.core.leadership.engine_host import EngineHost
from qutrio.core.leadership.heartbeats import HeartbeatSchedule
from qutrio.core.quorum.majorities import JointConfig
from qutrio.model.ids import NEVER, Instant, NodeId, Seconds, Term
from qutrio.model.stable import Promise, Stable

NEXT_BEAT_S_MIN: Seconds = 0.001


@define
class LeaseVoter:
    """One node's part as a voter.

    `choice` returns whom this node's engine wants.
    """

    register: Register
    lease: Lease
    engine_host: EngineHost
    doubts: LeaderDoubts
    choice: Callable[[Instant], NodeId | None]

    def answer(
        self, candidate: NodeId, number: int, term: Term | None, now: Instant, *, fit: bool
    ) -> HeartbeatAck:
        """Grant the claim that a heartbeat carries, if that is right, and acknowledge it."""
        granted = term if self.grants(candidate, term, now, fit=fit) else None
        accepted = self.register.accepted
        return HeartbeatAck(
            number=number,
            granted=granted,
            bound_s=self.engine_host.bound_s,
            heard_term=self.lease.heard_term,
            accepted=accepted.position,
            committed=self.register.committed.position,
            stamp=(accepted.document.term, accepted.document.revision),
        )

    def grants(self, candidate: NodeId, term: Term | None, now: Instant, *, fit: bool) -> bool:
        """Grant a claim, or renew the grant, if nothing speaks against it; tell whether it did."""
        if term is None:
            return False
        if self.lease.renews(candidate, term):
            self.lease.bound_until = Instant(now + self.engine_host.bound_s)
            return True
        if self.objection(candidate, term, now, fit=fit) is not None:
            return False
        self.lease.grant(candidate, term, self.engine_host.bound_s, now)
        return True

    def objection(self, candidate: NodeId, term: Term, now: Instant, *, fit: bool) -> str | None:
        """Say why this node would not grant a claim; None if it would.  Changes nothing.

        `fit` tells whether its disk takes writes.
        """
        if not fit:
            return "cannot write its disk"
        joint_config, patience_s = self.register.joint_config, self.doubts.patience_s
        return objection(
            self.lease, joint_config, candidate, term, now, lambda: self.choice(now), patience_s
        )


def objection(  # noqa: PLR0917 - all that bears on it
    lease: Lease,
    joint_config: JointConfig,
    candidate: NodeId,
    term: Term,
    now: Instant,
    choice: Callable[[], NodeId | None],
    patience_s: Seconds,
) -> str | None:
    """Say why a voter would not endorse `candidate` for `term`; None if it would.

    `choice` asks the voter's engine whom it wants, which is only done when nothing else is
    in the way.  When nobody has led since the last bond ended, for `patience_s`, a voter no
    longer insists on itself against a lower id, nor on nobody: the claimant may run another
    engine, because it was away when that changed, and nobody is left who could tell it.
    """
    # One whose removal is under way may claim: it finishes the removal, and then goes.
    if candidate not in joint_config.committed:
        return "does not know the claimant as a voter"
    reason = lease.objection(candidate, term, now)
    if reason is None and lease.promise.holder != candidate:
        wanted = choice()
        freed_at = max(lease.bound_until, lease.quiet_until)
        yields = wanted is None or (wanted == lease.me and candidate < lease.me)
        if yields and NEVER < freed_at <= now - patience_s:
            return None
        if wanted != candidate:
            return f"prefers {wanted}"
    return reason


def lease_after_restart(me: NodeId, stable: Stable, register: Register, now: Instant) -> Lease:
    """Return the promises of a node that starts now with what was durable.

    One that promised something has forgotten until when, so it grants nothing new before that
    must have ended; unless it is alone.
    """
    forgot = stable.promise != Promise() and register.joint_config.all != {me}
    bound_s = max(
        timing(stable.accepted.document.settings).bound_s,
        timing(stable.committed.document.settings).bound_s,
    )
    return Lease(
        me=me,
        promise=stable.promise,
        quiet_until=Instant(now + bound_s) if forgot else NEVER,
        heard_term=stable.promise.term,
    )


def shorten_grants(
    engine_host: EngineHost, lease: Lease, heartbeats: HeartbeatSchedule, now: Instant
) -> None:
    """Cut the grants of a claim when they are shorter from now on, and renew them at once."""
    if engine_host.shortened() and lease.claim is not None:
        lease.shorten(Instant(now + engine_host.lease_s))
        heartbeats.next_beat = Instant(now + NEXT_BEAT_S_MIN)

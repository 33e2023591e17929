"""When a voter grants a claim, and how long it waits after a restart.

Theory of operation.  A heartbeat brings the claim to `LeaseVoter.acknowledge`, if `doubts` believes
it.  A voter that granted this claim before renews the grant.  It grants a new claim if all of these
hold; `objection` returns the first that does not:

* its disk takes writes;
* the candidate is a voter of the committed document, by the voter's copy;
* the term is higher than any that the voter promised, and it claims none itself;
* it is not bound to another candidate, and has not just restarted (`Lease.objection`);
* its engine chooses the candidate (`EngineHost.choice`), or the voter gives way because no node has
  led for long.

The last two conditions do not apply to the candidate that the voter granted last.

A restarted node waits because it no longer knows when its last grant ends: it grants no other
candidate before that (`lease_after_restart`).  When a record makes grants shorter, a voter that
restarts with it waits less long.  So from the time when it holds that record, the candidate relies
on no older grant for longer (`shorten_grants`); no voter holds the record earlier.
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
from qutrio.model.ids import NEVER, Instant, NodeId, Seconds, Term
from qutrio.model.stable import Promise, Stable

NEXT_BEAT_S_MIN: Seconds = 0.001


@define
class LeaseVoter:
    """One node's part as a voter.  `choice` returns the leader that this node's engine chooses."""

    register: Register
    lease: Lease
    engine_host: EngineHost
    doubts: LeaderDoubts
    choice: Callable[[Instant], NodeId | None]

    def acknowledge(
        self, candidate: NodeId, number: int, term: Term | None, now: Instant, *, fit: bool
    ) -> HeartbeatAck:
        """Acknowledge a heartbeat, and grant its claim if nothing objects."""
        granted = term if self.grant_or_renew(candidate, term, now, fit=fit) else None
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

    def grant_or_renew(
        self, candidate: NodeId, term: Term | None, now: Instant, *, fit: bool
    ) -> bool:
        """Grant a claim, or renew its grant, if nothing objects; return whether it was granted."""
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
        """Return why this node would not grant a claim; None if it would.  Changes nothing.

        `fit` tells whether its disk takes writes.  The engine is asked last.
        """
        if not fit:
            return "cannot write its disk"
        # A node whose removal is being written may claim: it completes the removal, then leaves.
        if candidate not in self.register.joint_config.committed:
            return "does not know the candidate as a voter"
        reason = self.lease.objection(candidate, term, now)
        if reason is not None or self.lease.promise.holder == candidate:
            return reason
        wanted = self.choice(now)
        if wanted == candidate or self._gives_way(candidate, wanted, now):
            return None
        return f"prefers {wanted}"

    def _gives_way(self, candidate: NodeId, wanted: NodeId | None, now: Instant) -> bool:
        """Return whether this node grants the candidate although its engine does not choose it.

        It does if no node has led for `patience_s` since its last grant ended, and its engine
        chooses none, or itself although the candidate has a lower id.  The candidate may run
        another engine, because it was away when that changed, and no node may be left to tell it.
        """
        freed_at = max(self.lease.bound_until, self.lease.restart_wait_until)
        none_led = NEVER < freed_at <= now - self.doubts.patience_s
        return none_led and (wanted is None or (wanted == self.lease.me and candidate < wanted))


def lease_after_restart(me: NodeId, stable: Stable, register: Register, now: Instant) -> Lease:
    """Return the lease state of a node that starts now with the state on its disk.

    A node that made a promise no longer knows until when it is bound.  So it grants no other
    candidate until its grant must have expired, unless it is the only voter.
    """
    forgot = stable.promise != Promise() and register.joint_config.all != {me}
    bound_s = max(
        timing(stable.accepted.document.settings).bound_s,
        timing(stable.committed.document.settings).bound_s,
    )
    return Lease(
        me=me,
        promise=stable.promise,
        restart_wait_until=Instant(now + bound_s) if forgot else NEVER,
        heard_term=stable.promise.term,
    )


def shorten_grants(
    engine_host: EngineHost, lease: Lease, heartbeats: HeartbeatSchedule, now: Instant
) -> None:
    """Shorten the counted grants when the settings make grants shorter, and renew them at once."""
    if engine_host.lease_shortened() and lease.claim is not None:
        lease.shorten_grants(Instant(now + engine_host.lease_s))
        heartbeats.next_beat = Instant(now + NEXT_BEAT_S_MIN)

"""How a node's seat and register begin again from what was durable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qutrio.core.announcements import Announcements
from qutrio.core.cadence import Cadence
from qutrio.core.election.engines import timing
from qutrio.core.mandate import Mandate
from qutrio.core.replication import Replication
from qutrio.core.seat import Seat
from qutrio.model.ids import NEVER, Instant, NodeId
from qutrio.model.stable import Promise, Stable

if TYPE_CHECKING:
    from random import Random


def wake_register(
    me: NodeId, stable: Stable, level: int, *, queued_max: int, per_write_max: int
) -> Replication:
    """Return the register as it was when the node went down; its program knows `level`.

    `queued_max` proposals may wait, and `per_write_max` of them share a write.
    """
    return Replication(
        me=me,
        accepted=stable.accepted,
        committed=stable.committed,
        queued_max=queued_max,
        per_write_max=per_write_max,
        level=level,
    )


def wake_seat(me: NodeId, stable: Stable, register: Replication, now: Instant, rng: Random) -> Seat:
    """Return the seat of a node that starts now.

    One that promised something has forgotten until when, so it endorses nobody new before
    that must have ended; unless it is alone.
    """
    forgot = stable.promise != Promise() and register.electors.all != {me}
    bound_s = max(
        timing(stable.accepted.document.settings).bound_s,
        timing(stable.committed.document.settings).bound_s,
    )
    mandate = Mandate(
        me=me,
        promise=stable.promise,
        quiet_until=Instant(now + bound_s) if forgot else NEVER,
        heard_term=stable.promise.term,
    )
    seat = Seat(
        me=me,
        register=register,
        mandate=mandate,
        cadence=Cadence(next_beat=now),
        rng=rng,
        announcements=Announcements(me, register.level),
    )
    seat.steering.restore(stable.ballot)
    return seat

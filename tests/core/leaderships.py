"""Leaderships of single nodes, and how they get contact, grants and the lease."""

from random import Random

from qutrio.core.api.messages import CanvassAnswer, CanvassRequest, Write
from qutrio.core.consensus.announcements import Announcements
from qutrio.core.consensus.lease import DRIFT_MARGIN, Lease
from qutrio.core.leadership.heartbeats import HeartbeatSchedule
from qutrio.core.leadership.leadership import Leadership
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import NEVER, Instant, NodeId, Term
from qutrio.model.stable import Position, Promise, Record
from tests.core.registers import wrote as accepts
from tests.core.samples import (
    BEGINNING,
    DEAD_S,
    NO_PROMISE,
    WALL,
    ack,
    at,
    heartbeat,
    messages,
    register,
)

BOND_S = DEAD_S * (1 - DRIFT_MARGIN)


def leadership(
    me: NodeId,
    committed: ClusterDocument,
    *,
    accepted: Record | None = None,
    promise: Promise = NO_PROMISE,
    restart_wait_until: Instant = NEVER,
) -> Leadership:
    """The leadership of a node that has just started."""
    return Leadership(
        me=me,
        register=register(me, committed, accepted=accepted),
        lease=Lease(
            me=me, promise=promise, restart_wait_until=restart_wait_until, heard_term=promise.term
        ),
        heartbeats=HeartbeatSchedule(next_beat=at(0)),
        announcements=Announcements(me),
        rng=Random(0),
    )


def meet(node: Leadership, now: float, *peers: NodeId, able: bool = True) -> None:
    """Have two-way contact with these peers at `now`."""
    for peer in peers:
        node.liveness.record(peer, at(now), node.settings.dead_after_s)
        node.on_heartbeat(peer, heartbeat(able=able), at(now), WALL)
    number = node.next_heartbeat(at(now), WALL).number
    for peer in peers:
        node.on_ack(peer, ack(number), at(now))


def bind(node: Leadership, now: float, *peers: NodeId, accepted: Position = BEGINNING) -> None:
    """Let these peers grant the present claim, or renew their grants."""
    claim = node.lease.claim
    number = node.next_heartbeat(at(now), WALL).number
    for peer in peers:
        node.on_ack(peer, ack(number, granted=claim, accepted=accepted), at(now))


def win(node: Leadership, now: float, *peers: NodeId) -> Term:
    """Let the peers elect this node, message by message; return the term of which it is master.

    They answer its canvass, grant its claim, and accept its first write.
    """
    meet(node, now, *peers)
    asked = node.advance(at(now), WALL)
    for peer in peers:
        for ask in messages(asked, peer, CanvassRequest):
            yes = CanvassAnswer(term=ask.term, would=True, heard_term=Term(0), reason="")
            node.on_canvass_answer(peer, yes, at(now))
    wrote = asked + node.advance(at(now), WALL)
    claim = node.lease.claim
    assert claim is not None
    bind(node, now, *peers)
    wrote += node.advance(at(now), WALL)
    for peer in peers:
        for write in messages(wrote, peer, Write):
            node.register.on_wrote(peer, accepts(write.position), at(now))
    assert node.register.write_has_majority()
    node.register.mark_committed()
    assert node.acting_until(at(now)) is not None
    return claim

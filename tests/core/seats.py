"""Seats in the election, and how they come to have contact, bonds and the role."""

from random import Random

from qutrio.core.announcements import Announcements
from qutrio.core.cadence import Cadence
from qutrio.core.mandate import DRIFT_MARGIN, Mandate
from qutrio.core.seat import Seat
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import NEVER, Instant, NodeId, Term
from qutrio.model.stable import Position, Promise, Record
from tests.core.samples import BEGINNING, DEAD_S, NO_PROMISE, WALL, ack, at, heartbeat, register

BOND_S = DEAD_S * (1 - DRIFT_MARGIN)


def seat(
    me: NodeId,
    committed: ClusterDocument,
    *,
    accepted: Record | None = None,
    promise: Promise = NO_PROMISE,
    quiet_until: Instant = NEVER,
) -> Seat:
    """A node's place in the election, at its start."""
    return Seat(
        me=me,
        register=register(me, committed, accepted=accepted),
        mandate=Mandate(me=me, promise=promise, quiet_until=quiet_until, heard_term=promise.term),
        cadence=Cadence(next_beat=at(0)),
        announcements=Announcements(me),
        rng=Random(0),
    )


def meet(place: Seat, now: float, *peers: NodeId, able: bool = True) -> None:
    """Have two-way contact with these peers at this moment."""
    for peer in peers:
        place.liveness.heard(peer, at(now), place.settings.dead_after_s)
        place.on_heartbeat(peer, heartbeat(able=able), at(now), WALL)
    number = place.beat(at(now), WALL).number
    for peer in peers:
        place.on_ack(peer, ack(number), at(now))


def bind(place: Seat, now: float, *peers: NodeId, accepted: Position = BEGINNING) -> None:
    """Have these peers endorse, or go on endorsing, the present claim."""
    claim = place.mandate.claim
    number = place.beat(at(now), WALL).number
    for peer in peers:
        place.on_ack(peer, ack(number, granted=claim, accepted=accepted), at(now))


def win(place: Seat, now: float, *peers: NodeId) -> Term:
    """Take the role the whole way: ask, claim, be endorsed and establish; return the term."""
    meet(place, now, *peers)
    place.advance(at(now), WALL)
    question = place.mandate.question
    if question is not None:
        for peer in peers:
            place.mandate.answered(peer, question.term, would=True)
        place.advance(at(now), WALL)
    claim = place.mandate.claim
    assert claim is not None
    bind(place, now, *peers)
    place.advance(at(now), WALL)
    flight = place.register.flight
    assert flight is not None
    flight.accepted_by.update(peers)
    assert place.register.settled()
    place.register.settle()
    assert place.acting_until(at(now)) is not None
    return claim

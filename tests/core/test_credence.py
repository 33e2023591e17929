"""Credence: bare claims of one node hold the healthy majority up for a bounded time only."""

from random import Random

import pytest

from qutrio.core.credence import DOUBTED_DEADS, TRUSTED_DEADS, Credence
from qutrio.core.election.words import (
    Lead,
    LeadershipDeclaration,
    LeadershipProposal,
)
from qutrio.core.events import Received
from qutrio.core.mandate import Mandate
from qutrio.core.messages import Message, Resign
from qutrio.model.document import Settings
from qutrio.model.ids import NEVER, Seconds, Term
from qutrio.model.stable import Promise
from tests.core.company import Company
from tests.core.samples import DEAD_S, A, B, C, D, E, at, document, heartbeat, pos, record, register
from tests.core.seats import meet, seat

HEALTHY = (C, D, E)
ACTS, STALE = heartbeat(acting=True, claim=Term(5)), heartbeat(acting=True, claim=Term(0))
LONG_S: Seconds = 200.0


def elected_after(engine: str, *lies: Message, every_s: Seconds = 0.25) -> Seconds:
    """Return when one of C, D and E acts, though B is down and A only lies to them."""
    company = Company(document(A, B, C, D, E, settings=Settings(engine=engine)))
    company.crash(A)
    company.crash(B)
    for dice, name in enumerate(HEALTHY):
        company.nodes[name].seat.steering.rng = Random(dice)  # else all raft timers are alike
    while company.now < LONG_S:
        for name in HEALTHY:
            for lie in lies:
                company.give(name, Received(A, lie))
        company.run(every_s)
        if company.masters():
            return company.now
    raise AssertionError(f"nobody acts after {LONG_S:g}s")


@pytest.mark.parametrize(
    ("engine", "lies", "bound_s"),
    [
        ("raft", (ACTS,), 20),
        ("raft", (STALE,), 20),
        ("raft", (ACTS, Lead(term=Term(9))), 20),
        ("raft", (heartbeat(), Lead(term=Term(9))), 20),
        ("gossip", (ACTS,), 50),
        ("gossip", (STALE, LeadershipDeclaration()), 50),
        ("gossip", (heartbeat(), LeadershipDeclaration()), 50),
        ("gossip", (heartbeat(), LeadershipProposal()), 65),
        ("lowest-id", (ACTS,), 20),
        ("lowest-id", (STALE,), 20),
    ],
)
def test_three_healthy_voters_of_five_elect_whatever_the_fourth_claims(
    engine: str, lies: tuple[Message, ...], bound_s: Seconds
) -> None:
    assert elected_after(engine, *lies) < bound_s


def test_an_acting_master_stays_the_incumbent_of_its_voters_whoever_claims_to_act() -> None:
    company = Company(document(A, B, C, D, E))
    company.run(3)
    assert company.masters() == [A]
    for _ in range(10):
        company.give(C, Received(E, heartbeat(acting=True, claim=Term(100))))
        assert company.nodes[C].seat.incumbent(at(company.now)) == A
        company.run(0.5)


def test_only_the_holder_that_was_endorsed_or_is_heard_acting_names_a_successor() -> None:
    place = seat(B, document(A, B, C), promise=Promise(Term(1), C))
    meet(place, 0.0, A, C)
    place.on_resign(A, Resign(term=Term(7), successor=B), at(0))
    assert place.choice(at(0)) == A
    place.on_resign(C, Resign(term=Term(7), successor=B), at(0))
    assert place.choice(at(0)) == B


# --- by itself --------------------------------------------------------------------------------


def credence(*, able: bool = True, promise: Promise = Promise()) -> Credence:  # noqa: B008
    mandate = Mandate(me=C, promise=promise, quiet_until=NEVER, heard_term=promise.term)
    return Credence(register(C, document(A, B, C)), mandate, lambda _: able)


def test_a_bare_claim_is_doubted_after_a_while_and_for_longer_each_time() -> None:
    held, now, doubted = credence(), 0.0, list[float]()
    while len(doubted) < 4:
        while held.believes(A, Term(5), at(now)):
            now += 1
        began = now
        assert held.doubted(at(now)) == {A}
        while A in held.doubted(at(now)):
            now += 1
        doubted.append((now - began) / DEAD_S)
    assert doubted == [DOUBTED_DEADS * times for times in (1, 2, 4, 4)]


def test_claims_far_apart_count_for_little() -> None:
    held = credence()
    assert not held.believes(A, Term(5), at(0), acting=True)  # no record of that term is here
    held = credence()
    times = [held.believes(A, Term(5), at(100.0 * n)) for n in range(TRUSTED_DEADS + 1)]
    assert times == [True] * TRUSTED_DEADS + [False]


def test_a_node_that_could_not_lead_doubts_nobody() -> None:
    held = credence(able=False)
    assert all(held.believes(A, Term(5), at(n)) for n in range(1000))


def test_a_claim_of_the_holder_that_wrote_is_never_doubted() -> None:
    held = credence(promise=Promise(Term(5), A))
    held.mandate.bound_until = at(1e6)
    assert held.believes(A, Term(5), at(0))  # it has not written yet
    held.register.accepted = record(document(A, B, C), pos(5))
    assert all(held.believes(A, Term(5), at(n)) for n in range(1000))
    assert held.believes(A, None, at(1000))
    assert not held.believes(B, Term(6), at(1000))
    assert held.believes(B, None, at(1000))


def test_whoever_is_no_member_any_more_is_forgotten() -> None:
    held = credence()
    for n in range(20):
        held.believes(A, Term(5), at(n))
    held.keep(frozenset({B, C}))
    assert held.doubted(at(20)) == frozenset()

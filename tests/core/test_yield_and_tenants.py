"""The role moves by hand under every engine, and not before those who rely on it have stopped."""

import pytest
from attrs import evolve

from qutrio.core.events import Stop, Tenancy, YieldRequested
from qutrio.core.handover import YIELD_PATIENCE_S
from qutrio.core.messages import Heartbeat, Resign, Ruling, Yield
from qutrio.core.mutations import RemoveMember
from qutrio.model.document import Settings
from qutrio.model.ids import NodeId, Term, UnixTime
from tests.core.company import Company
from tests.core.samples import DEAD_S, A, B, C, at, document

COOLDOWN_S = 20.0
SETTLED_S = 30.0
ENGINES = ("gossip", "lowest-id", "raft")


def company_of_three(engine: str = "lowest-id") -> tuple[Company, NodeId]:
    """Three nodes, and who of them acts."""
    company = Company(
        document(A, B, C, settings=Settings(engine=engine, master_cooldown_s=COOLDOWN_S))
    )
    company.run(SETTLED_S)
    (master,) = company.masters()
    company.effects.clear()
    return company, master


def others(master: NodeId) -> list[NodeId]:
    """The two that do not act."""
    return [n for n in (A, B, C) if n != master]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_yield_moves_the_role_at_once_and_it_stays_there_for_a_while(engine: str) -> None:
    company, master = company_of_three(engine)
    company.give(master, YieldRequested(None))
    company.run(1.5)
    (successor,) = company.masters()
    assert successor == others(master)[0]
    company.run(COOLDOWN_S - 2)
    assert company.masters() == [successor]
    assert {(m.by_hand, m.reason) for _, _, m in company.said(Resign)} == {(True, "moved by hand")}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_yield_may_name_the_next_and_be_asked_for_at_any_node(engine: str) -> None:
    company, master = company_of_three(engine)
    last = others(master)[1]
    company.give(others(master)[0], YieldRequested(last))
    company.run(1.5)
    assert company.masters() == [last]
    company.run(COOLDOWN_S - 2)
    assert company.masters() == [last]


def test_after_a_yield_the_lowest_id_gets_the_role_back_when_the_cooldown_is_over() -> None:
    company, master = company_of_three()
    company.give(master, YieldRequested(C))
    company.run(COOLDOWN_S + 3)
    assert company.masters() == [A]


def test_a_yield_to_one_that_cannot_lead_waits_for_it_and_is_then_forgotten() -> None:
    company, master = company_of_three()
    company.crash(C)
    company.run(DEAD_S + 1)
    company.give(master, YieldRequested(C))
    company.run(5)
    assert company.masters() == [A]
    company.run(YIELD_PATIENCE_S)
    company.boot(C)
    company.run(10)
    assert company.masters() == [A]


def test_a_yield_to_the_master_itself_changes_nothing() -> None:
    company, master = company_of_three()
    company.give(master, YieldRequested(master))
    company.run(5)
    assert company.masters() == [master]
    assert company.said(Resign) == []


def test_a_wish_of_an_earlier_term_is_not_for_this_one() -> None:
    company, master = company_of_three()
    node = company.nodes[master]
    node.handover.on_yield(Yield(term=Term(99), to=B), at(company.now))
    company.run(3)
    assert company.masters() == [master]


def test_without_a_master_a_wish_reaches_nobody() -> None:
    company = Company(document(A, B, C))
    company.cut_off(A)
    company.run(1)
    company.give(A, YieldRequested(B))
    assert company.said(Yield) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_whoever_stepped_aside_is_a_candidate_again_after_a_while(engine: str) -> None:
    company, master = company_of_three(engine)
    for node in company.nodes.values():
        electorate = node.seat.electorate(at(company.now))
        node.seat.steering.step_aside(None, electorate, at(company.now))
        assert not node.seat.able(at(company.now))
    company.nodes[master].seat.resign(None, "a test", at(company.now))
    company.run(1)
    assert company.masters() == []
    company.run(100)
    assert len(company.masters()) == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_after_an_orderly_stop_the_heir_acts_at_once_under_every_engine(engine: str) -> None:
    company, master = company_of_three(engine)
    company.give(master, Stop())
    company.crash(master)
    company.run(0.5)
    assert company.masters() == [others(master)[0]]


@pytest.mark.parametrize("engine", ENGINES)
def test_tenants_are_asked_to_stop_before_the_role_moves(engine: str) -> None:
    company, master = company_of_three(engine)
    company.give(master, Tenancy(2))
    company.give(master, YieldRequested(None))
    company.run(3)
    assert company.masters() == [master]
    assert company.nodes[master].view(at(company.now)).vacating
    company.give(master, Tenancy(0))
    company.run(1.5)
    assert company.masters() == [others(master)[0]]
    assert not company.nodes[master].view(at(company.now)).vacating


@pytest.mark.parametrize("engine", ENGINES)
def test_a_claim_that_ends_under_tenants_frees_nobody_before_the_mandate_they_know_of(
    engine: str,
) -> None:
    company, master = company_of_three(engine)
    company.give(master, Tenancy(1))
    told = company.nodes[master].view(at(company.now)).acting_until
    assert told is not None
    company.give(master, Stop())
    assert company.said(Resign) == []
    company.crash(master)
    while not company.masters():
        company.run(0.05)
    assert company.now >= told


def test_a_node_that_lost_the_role_under_tenants_endorses_nobody_meanwhile() -> None:
    company, master = company_of_three()
    company.give(master, Tenancy(1))
    node = company.nodes[master]
    until = node.seat.acting_until(at(company.now))
    assert until is not None
    node.seat.resign(None, "a test", at(company.now))
    assert node.seat.mandate.bound_until == until
    assert node.seat.mandate.objection(B, Term(9), at(company.now)) == f"bound to {master}"


def test_a_late_word_of_the_last_holder_does_not_undo_whom_it_named() -> None:
    company, _ = company_of_three()
    seat = company.nodes[C].seat
    now = at(company.now)
    beat = Heartbeat(
        number=10**6,
        heard_term=Term(1),
        claim=Term(1),
        acting=True,
        able=True,
        committed=seat.register.committed.position,
        wall=UnixTime(0.0),
    )
    resign = Resign(term=Term(1), successor=B, by_hand=True, reason="moved by hand")
    seat.on_resign(A, resign, now)
    seat.on_heartbeat(A, beat, now, UnixTime(0.0))
    assert seat.steering.named == B
    held = seat.register.committed
    seat.register.accepted = evolve(held, position=evolve(held.position, term=Term(2)))
    seat.on_heartbeat(B, evolve(beat, claim=Term(2)), now, UnixTime(0.0))
    assert seat.steering.named is None


def test_whoever_hands_over_prefers_the_one_it_named() -> None:
    """Also when somebody else was named to it before."""
    company, _ = company_of_three()
    company.give(A, YieldRequested(C))
    company.run(COOLDOWN_S + 3)
    assert company.masters() == [A]
    assert {(m.successor, m.by_hand) for _, _, m in company.said(Resign)} == {(C, True), (A, False)}
    assert company.nodes[C].seat.steering.named in {None, A}


def test_after_the_removal_of_the_acting_node_another_acts_when_the_bonds_to_it_ended() -> None:
    company, master = company_of_three()
    told = company.nodes[master].view(at(company.now)).acting_until
    request = company.propose(master, RemoveMember(node=master))
    assert [r.ruling for r in company.replies(request)] == [Ruling.COMMITTED]
    assert company.masters() == []
    began = company.now
    while not company.masters() and company.now < began + 60:
        company.run(0.05)
    assert told is not None
    assert company.now >= told, "programs that rely on the mandate were told so"
    assert company.now <= began + DEAD_S + 0.5
    assert company.masters() == [others(master)[0]]

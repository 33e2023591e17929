"""The role moves once, and only to a node that waited out the cooldown."""

from qutrio.core.messages import Resign
from qutrio.model.document import Settings
from qutrio.model.ids import NodeId
from tests.core.company import Company
from tests.core.samples import DEAD_S, A, B, C, D, E, document

COOLDOWN_S = 20.0
FIVE = document(A, B, C, D, E, settings=Settings(master_cooldown_s=COOLDOWN_S))


def led_by_c() -> Company:
    """Five nodes led by the third, because the lower two are down."""
    company = Company(FIVE)
    company.crash(A)
    company.crash(B)
    company.run(DEAD_S + 2)
    assert company.masters() == [C]
    company.effects.clear()
    return company


def acting(company: Company, seconds: int) -> list[NodeId]:
    """Let time pass, and say who acted, in order and each once in a row."""
    seen: list[NodeId] = []
    for _ in range(seconds * 10):
        company.run(0.1)
        masters = company.masters()
        assert len(masters) <= 1
        seen += [m for m in masters if m not in seen[-1:]]
    return seen


def test_a_lower_id_that_is_back_for_good_gets_the_role_once_the_cooldown_is_over() -> None:
    company = led_by_c()
    company.boot(B)
    assert acting(company, int(COOLDOWN_S) - 1) == [C]
    assert acting(company, int(COOLDOWN_S)) == [C, B]
    assert {m.successor for _, _, m in company.said(Resign)} == {B}


def test_a_lower_id_that_flaps_waits_the_whole_cooldown_again() -> None:
    company = led_by_c()
    company.boot(B)
    assert acting(company, 15) == [C]
    company.crash(B)
    company.run(DEAD_S)
    company.boot(B)
    assert acting(company, int(COOLDOWN_S) - 1) == [C]
    assert acting(company, 5) == [C, B]


def test_an_id_that_just_came_back_gets_no_role_because_another_waited_long_enough() -> None:
    company = led_by_c()
    company.boot(B)
    company.run(COOLDOWN_S - 5)
    company.boot(A)
    assert A not in acting(company, int(COOLDOWN_S) - 1)  # B is back for 34 s, A for 19 s
    assert acting(company, 5)[-1] == A

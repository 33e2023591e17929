"""When an ordered attempt may begin: the lease, minorities, and delegated deliveries."""

from collections.abc import Iterable

import pytest
from attrs import evolve

from qutrio.core.alerting.delivery import too_late
from qutrio.core.api.effects import Notify
from qutrio.core.api.view import View
from qutrio.model.ids import Instant, Term
from qutrio.model.incidents import Ledger
from tests.core.samples import BEGINNING, A, at, delivery, document

TOLD = "told, or given up, while it was queued"


def order(*, minority: str = "", until: Instant | None = None, delegated: bool = False) -> Notify:
    """An order of term 3."""
    one = delivery()
    one = evolve(one, notice=evolve(one.notice, minority=minority))
    return Notify(one, Term(3), delegated, until)


def view(
    waiting: Iterable[Notify] = (),
    *,
    acting: Instant | None = None,
    minority: Instant | None = None,
    term: int = 3,
) -> View:
    """Return the view of a node in whose ledgers these orders wait."""
    ledger = Ledger(outbox=tuple(one.delivery for one in waiting))
    return View(
        node=A,
        document=document(A),
        position=BEGINNING,
        term=Term(term),
        master=None,
        acting_until=acting,
        live=frozenset({A}),
        removed=False,
        minority_until=minority,
        ledger=ledger,
        minority_ledger=ledger,
    )


def test_the_master_begins_until_its_lease_ends() -> None:
    """The time at which the lease ends is too late."""
    one = order()
    acting = view([one], acting=at(5.0))
    assert too_late(one, acting, at(4.9)) is None
    assert too_late(one, acting, at(5.0)) == "no longer the master"
    assert too_late(one, view([one]), at(4.9)) == "no longer the master"


def test_an_order_of_an_earlier_term_is_dropped() -> None:
    """It is master again, and orders again what is still to be sent."""
    one = order()
    assert too_late(one, view([one], acting=at(5.0), term=4), at(1.0)) is not None


@pytest.mark.parametrize("minority", ["", "1 of 3"])
def test_a_notice_that_no_longer_waits_is_dropped(minority: str) -> None:
    """Another node sent it."""
    one = order(minority=minority)
    assert too_late(one, view(acting=at(5.0), minority=at(5.0)), at(1.0)) == TOLD


def test_the_leader_of_a_minority_begins_while_it_leads_it() -> None:
    """Neither its lease nor the term matters."""
    one = order(minority="1 of 3")
    assert too_late(one, view([one], minority=at(5.0), term=4), at(4.9)) is None
    for late in (view([one], minority=at(1.0)), view([one], acting=at(5.0))):
        assert too_late(one, late, at(1.0)) == "no longer the minority's leader"


def test_a_delegated_delivery_begins_in_time_at_a_node_that_is_not_master() -> None:
    """Only the master knows whether it still waits."""
    assert too_late(order(delegated=True, until=at(5.0)), view(), at(4.9)) is None
    for until in (at(4.9), None):
        assert too_late(order(delegated=True, until=until), view(), at(4.9)) is not None

"""Checks that nobody can judge, in a cluster whose masters come and go."""

import pytest

from qutrio.core.effects import Notify
from qutrio.core.mutations import PutCheck, RemoveCheck
from qutrio.model.results import Outcome, State
from tests.core.company import Company
from tests.core.samples import DB, WEB, A, B, C, check, document, hook


def told_of(company: Company) -> list[tuple[str, str]]:
    """Say what reached people, without repeats."""
    notices = {n.id: n for _, e in company.performed(Notify) for n in (e.delivery.notice,)}
    return [(n.kind.value, n.check_name) for n in notices.values()]


@pytest.fixture
def company() -> Company:
    """Three nodes whose probes say nothing."""
    return Company(document(A, B, C, checks=[check()], channels=[hook()]))


@pytest.mark.parametrize("crashes", [(), (40.0,), (100.0,), (40.0, 80.0)])
def test_the_time_does_not_begin_anew_with_each_master(
    company: Company, crashes: tuple[float, ...]
) -> None:
    for moment in crashes:
        company.run(moment - company.now)
        (master,) = company.masters()
        company.crash(master)
        company.run(15)
        company.boot(master)
    company.run(135 - company.now)
    assert told_of(company) == [("unseen", "web")]
    company.run(600)
    company.see(WEB, Outcome.OK)
    company.run(5)
    assert told_of(company) == [("unseen", "web"), ("seen", "web")]


def test_a_check_that_was_down_and_is_lost_from_sight_is_told_too(company: Company) -> None:
    company.run(3)
    company.see(WEB, Outcome.FAIL)
    company.run(3)
    company.see(WEB, Outcome.ABSTAIN)
    company.run(200)
    assert told_of(company) == [("down", "web"), ("unseen", "web")]
    (row,) = company.status(A).checks
    assert (row.state, row.incident is not None, row.unjudged is not None) == (
        State.UNKNOWN,
        True,
        True,
    )


def test_a_check_that_is_added_counts_from_then(company: Company) -> None:
    company.run(3)
    company.see(WEB, Outcome.OK)
    company.propose(A, PutCheck(check=check(DB), expect=None))
    company.propose(A, RemoveCheck(expect=check()))
    company.run(115)
    assert told_of(company) == []
    company.run(10)
    assert told_of(company) == [("unseen", "db")]

"""The status shows what a node knows, and admits what it does not."""

from attrs import evolve

from qutrio.model.results import Outcome, State
from tests.core.company import Company
from tests.core.samples import WALL, WEB, A, B, C, check, document, hook

HELD = document(A, B, C, checks=[check()], channels=[hook()])


def test_a_cluster_in_good_health_is_shown_so() -> None:
    company = Company(HELD)
    company.run(2.5)
    company.see(WEB, Outcome.OK)
    shown = company.status(B)
    assert (shown.node, shown.name, shown.engine) == (B, "node-n2", "lowest-id")
    assert (shown.master, shown.acting, shown.stale, shown.removed) == (A, False, False, False)
    assert (shown.holds_quorum, shown.have, shown.need) == (True, 3, 2)
    assert (shown.term, shown.revision) == (1, 1)
    assert [(m.member.id, m.live) for m in shown.members] == [(A, True), (B, True), (C, True)]
    (seen,) = shown.checks
    assert (seen.state, seen.ok, seen.fail, seen.abstain) == (State.UP, 3, 0, 0)
    assert seen.since_unix == WALL + 2.5
    assert [e.node for e in seen.evidence] == [A, B, C]
    assert seen.incident is None
    assert company.status(A).acting


def test_a_node_that_hears_nobody_says_that_it_may_be_stale() -> None:
    company = Company(HELD)
    company.cut_off(C)
    company.run(6)
    shown = company.status(C)
    assert (shown.master, shown.stale, shown.holds_quorum, shown.have) == (None, True, False, 1)
    assert [(m.live, m.last_heard_s) for m in shown.members] == [
        (False, None),
        (False, None),
        (True, 0.0),
    ]
    assert shown.checks[0].state is State.UNKNOWN


def test_a_member_that_died_is_shown_with_when_it_was_last_heard() -> None:
    company = Company(HELD)
    company.run(2.5)
    company.crash(C)
    company.run(10)
    last = company.status(A).members[2]
    assert not last.live
    assert last.last_heard_s is not None
    assert last.last_heard_s > 9
    assert last.skew_s == 0.0


def test_an_open_incident_is_shown_with_its_check() -> None:
    company = Company(HELD)
    company.run(2.5)
    company.see(WEB, Outcome.FAIL)
    company.run(3)
    (seen,) = company.status(C).checks
    assert seen.state is State.DOWN
    assert seen.incident is not None
    assert seen.incident.check == WEB


def test_a_removed_node_shows_that_it_was_removed_and_has_no_name() -> None:
    company = Company(HELD)
    company.run(2.5)
    node = company.nodes[C]
    gone = evolve(HELD, members=HELD.members[:2])
    node.register.committed = evolve(node.register.committed, document=gone)
    company.status(C)  # any event makes it notice
    shown = company.status(C)
    assert (shown.removed, shown.name, shown.holds_quorum, shown.have) == (True, "", False, 0)
    assert "was removed" in shown.reason

"""Unseen checks: a story, and the invariants about them."""

import pytest
from attrs import evolve

from qutrio.core.alerting import unseen
from qutrio.core.alerting.unseen import Draft, UnseenTracker
from qutrio.core.checks.verdicts import Verdicts
from qutrio.core.limits import Limits
from qutrio.model.incidents import Ledger
from qutrio.model.results import State
from qutrio.sim.invariants import InvariantError
from qutrio.sim.world import World
from tests.sim.worlds import N0, begin, node_of, pages

QUICK = Limits(unseen_after_s=60.0, unseen_intervals=2)


def dark() -> World:
    """Return a cluster whose nodes all abstain from 15 s on."""
    world = begin(limits=QUICK)
    world.targets.nobody_sees_until = 1000.0
    return world


def test_story_a_resolver_is_dead_while_the_master_crashes_and_returns() -> None:
    """One notice is sent, at about the same time as without a failover, and one of the end."""
    world = dark()
    world.run(60)
    world.crash(N0, down_s=5.0)
    world.run(75)
    assert pages(world) == {}
    world.run(130)
    assert pages(world) == {"unseen": 1}
    world.run(400)
    assert pages(world) == {"unseen": 1}
    world.targets.nobody_sees_until = 0.0
    world.run(460)
    assert pages(world) == {"unseen": 1, "seen": 1}


def test_8_an_unseen_check_that_is_not_reported_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(unseen_tracker: UnseenTracker, ledger: Ledger, *_: object) -> Ledger:
        del unseen_tracker
        return ledger

    world = dark()
    monkeypatch.setattr(UnseenTracker, "update", silent)
    with pytest.raises(InvariantError, match=r"^8: nobody has judged web for \d+ s, and people"):
        world.run(200)


def test_8_an_end_that_is_not_sent_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = dark()
    monkeypatch.setattr("qutrio.core.alerting.unseen._add_end_notices", lambda *_: None)
    world.run(100)
    world.targets.nobody_sees_until = 0.0
    world.run(130)
    with pytest.raises(InvariantError, match=r"^8: unseen-\d+ covers nothing"):
        world.invariants.paging.check_ended(world.invariants.paging.ledger, world.true)


def test_8_a_notice_that_is_marked_and_not_written_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = unseen._written

    def forgets(ledger: Ledger, draft: Draft) -> Ledger:
        return evolve(written(ledger, draft), outbox=ledger.outbox)

    world = dark()
    monkeypatch.setattr(unseen, "_written", forgets)
    with pytest.raises(InvariantError, match=r"^8: unseen-\d+.unseen is not written for hook"):
        world.run(200)


def test_7_an_unseen_check_with_most_votes_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = begin(limits=QUICK)
    monkeypatch.setattr(Verdicts, "state", lambda *_: State.UNKNOWN)
    monkeypatch.setattr(Verdicts, "undisputed", lambda *_: State.UNKNOWN)
    node_of(world, N0).alerts.unseen_tracker.invalidate()
    with pytest.raises(InvariantError, match=r"^7: unseen-\d+.unseen: \d voters judge web"):
        world.run(300)

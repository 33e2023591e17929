"""Invariants 7 and 8, about pages, fire, each in a world that is broken on purpose."""

from typing import Any

import pytest
from attrs import evolve

from qutrio.core.alerting.scheduler import DeliveryScheduler
from qutrio.core.api.events import Received
from qutrio.core.api.messages import Report
from qutrio.core.checks.verdicts import Evaluation, Verdicts
from qutrio.core.checks.votes import Serial
from qutrio.model.checks import Check
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import (
    IncidentId,
    Instant,
    NodeId,
    NoticeId,
    Revision,
    Seconds,
    Term,
    UnixTime,
)
from qutrio.model.incidents import Incident, Ledger, NoticeKind
from qutrio.model.results import Outcome, Result, State
from qutrio.sim.initial_states import EPOCH
from qutrio.sim.invariants import InvariantError
from qutrio.sim.invariants.flips import optional
from tests.core.samples import delivery
from tests.sim.worlds import N0, N1, N2, WEB, begin

# --- 7: two rounds of a majority ------------------------------------------------------------


def test_7_a_page_that_most_votes_speak_against_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = Verdicts._count

    def panics(verdicts: Verdicts, fresh: Any) -> Any:
        count = counts(verdicts, fresh)
        return evolve(count, state=State.DOWN) if count.fail else count

    world = begin()
    monkeypatch.setattr(Verdicts, "_count", panics)
    world.targets.lonely.add((N1, WEB))
    with pytest.raises(InvariantError, match=r"^7: web-1.down: 1 fails of 3 votes, 3 voters"):
        world.run(60)


@pytest.mark.parametrize(
    ("ahead_s", "said"),
    [(1.2, r"only \d saw it again in a second round"), (5.0, "s younger than it is")],
)
def test_7_a_page_after_one_round_is_noticed(
    ahead_s: Seconds, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = Verdicts.record

    def dates_ahead(
        verdicts: Verdicts, node: NodeId, result: Result, at: Instant, serial: Serial
    ) -> bool:
        return records(verdicts, node, result, Instant(at + ahead_s), serial)

    monkeypatch.setattr(Verdicts, "record", dates_ahead)
    world = begin()
    world.targets.down.add(WEB)
    with pytest.raises(InvariantError, match=rf"^7: web-1.down: .*{said}"):
        world.run(60)


def test_7_a_page_whose_rounds_follow_each_other_at_once_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evaluates = Verdicts.evaluate

    def hurries(
        verdicts: Verdicts,
        now: Instant,
        wall: UnixTime,
        pause: Seconds,
        incidents: tuple[Incident, ...],
    ) -> Evaluation:
        return evaluates(verdicts, now, wall, 0.0 * pause, incidents)

    world = begin()
    monkeypatch.setattr(Verdicts, "evaluate", hurries)
    world.targets.down.add(WEB)
    with pytest.raises(InvariantError, match=r"^7: web-1.down: only \d saw it again"):
        world.run(60)


def test_7_a_page_that_rests_on_probes_nobody_made_is_noticed() -> None:
    world = begin()
    failed = Report(results=((Result(check=WEB, changed=Revision(0), outcome=Outcome.FAIL), 0.0),))

    def lie() -> None:
        for hostile_member in (N1, N2):
            world.post(world.hosts[N0], Received(hostile_member, failed))

    world.at(16, N0, lie)
    world.targets.lonely.add((N0, WEB))
    for second in range(16, 60):
        world.at(second, N0, lie)
    with pytest.raises(
        InvariantError, match=r"^7: web-1.down: no probe of n0[12] is behind the evidence"
    ):
        world.run(60)


# --- 8: every page is delivered, once -------------------------------------------------------


def test_8_a_page_that_is_crossed_off_before_it_was_sent_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = set[NoticeId]()

    def crosses_off(
        scheduler: DeliveryScheduler, ledger: Ledger, *_: object, **__: object
    ) -> Ledger:
        del scheduler
        kept = tuple(d for d in ledger.outbox if d.notice.id not in written)
        written.update(d.notice.id for d in ledger.outbox)
        return evolve(ledger, outbox=kept)

    world = begin()
    monkeypatch.setattr(DeliveryScheduler, "prune", crosses_off)
    monkeypatch.setattr(DeliveryScheduler, "prune_ended", crosses_off)
    world.channels.down_until = 1000.0
    world.targets.down.add(WEB)
    with pytest.raises(InvariantError, match=r"^8: web-1.down was crossed off and never reached"):
        world.run(60)


def test_8_an_outage_that_is_for_no_channel_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(document: ClusterDocument, check: Check) -> tuple[()]:
        del document, check
        return ()

    world = begin()
    monkeypatch.setattr("qutrio.core.alerting.notices.channels_of", nobody)
    world.targets.down.add(WEB)
    with pytest.raises(InvariantError, match=r"^8: web-1.down is for \[\], not for \['hook'\]"):
        world.run(60)


def test_8_a_page_that_is_not_marked_and_so_comes_twice_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = begin()
    monkeypatch.setattr(DeliveryScheduler, "on_attempted", lambda *_, **__: None)
    world.targets.down.add(WEB)
    with pytest.raises(InvariantError, match=r"^8: web-1.down reached hook twice"):
        world.run(200)


def test_8_a_page_that_no_majority_holds_is_noticed() -> None:
    world = begin()
    with pytest.raises(InvariantError, match=r"^8: .* was sent, and only \[\] hold it"):
        world.invariants.delivered(world.hosts, delivery(), world.true, world.true)


def test_8_a_page_that_leaves_after_its_recovery_is_noticed() -> None:
    world = begin()
    up, down = delivery(number=2, kind=NoticeKind.RECOVERED), delivery()
    up = evolve(up, notice=evolve(up.notice, incident=down.notice.incident))
    disk = world.hosts[N0].disk
    held = evolve(disk.accepted, ledger=Ledger(outbox=(down, up)))
    for host in world.hosts.values():
        host.disk = evolve(host.disk, accepted=held)
    world.invariants.delivered(world.hosts, up, 15.0, 16.0)
    with pytest.raises(InvariantError, match=r"^8: .*down left after hook was told of number 2"):
        world.invariants.delivered(world.hosts, down, 17.0, 18.0)


def test_8_a_recovery_in_the_write_that_disables_its_check_may_be_sent_or_not() -> None:
    """One write ended an outage and disabled its check; the judge wrongly rejected the page."""
    world = begin()
    document = world.hosts[N1].disk.committed.document
    (check,) = document.checks
    incident = Incident(
        id=IncidentId("web-1"), check=check.id, check_name="web", since_unix=EPOCH, term=Term(1)
    )
    before, after = Ledger(sequence=1, incidents=(incident,)), Ledger(sequence=2)
    disabled = evolve(document, checks=(evolve(check, enabled=False),))
    ends = {NoticeId("web-1.recovered"), NoticeId("web-1.closed")}
    assert optional(before, after, (document, disabled)) == ends
    assert optional(before, after, (disabled, disabled)) == set()
    assert optional(before, before, (document, disabled)) == set()

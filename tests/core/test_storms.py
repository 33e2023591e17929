"""Storms: a channel gets few messages when many checks fail, and what nobody can miss at once."""

from collections import Counter
from collections.abc import Callable

import pytest

from qutrio.core.alerting.pace import WRITE_EVERY_S, WRITES_AT_ONCE, WritePace
from qutrio.core.alerting.storms import (
    FLIPS_MIN,
    HOLD_FIRST_S,
    HOLD_GROWTH,
    HOLD_S_MAX,
    OVER_AFTER_S,
    QUIET_S,
    Storm,
    Storms,
)
from qutrio.core.api.effects import Effect, Journal, Notify, Persist
from qutrio.core.journal.reports import Fate, incident_reports
from qutrio.model.ids import FOREVER, NEVER, CheckId, NodeId
from qutrio.model.incidents import Delivery, Ledger
from qutrio.model.results import Outcome
from tests.core.node_cluster import NodeCluster
from tests.core.samples import HOOK, MAIL, A, B, C, at, check, delivery, document, hook

FAILING = 240
SPREAD_S = 30.0
"""The interval of the checks: all fail within it."""
CHECKS = tuple(CheckId(f"c{n:03d}") for n in range(FAILING))
STORM_MESSAGES_MAX = 4


# --- how long notices are held --------------------------------------------------------------


def test_the_first_notice_is_sent_at_once_and_a_second_waits_for_a_moment() -> None:
    storm = Storm()
    assert storm.until() == NEVER
    storm.on_new(1, at(10))
    assert storm.until() == NEVER
    storm.on_new(1, at(10.5))
    assert storm.until() == at(11)
    storm.on_new(1, at(12))
    assert storm.until() == NEVER


def test_five_within_a_second_are_held_while_more_come() -> None:
    storm = Storm()
    storm.on_new(FLIPS_MIN, at(10))
    assert storm.until() == 10 + HOLD_FIRST_S
    storm.on_new(3, at(11))
    assert storm.until() == 10 + HOLD_FIRST_S


def test_each_hold_of_one_storm_is_longer_and_ends_early_when_nothing_comes() -> None:
    storm, now = Storm(), 10.0
    for number in range(6):
        storm.on_new(FLIPS_MIN, at(now))
        longest = min(HOLD_S_MAX, HOLD_FIRST_S * HOLD_GROWTH**number)
        assert storm.until() == now + HOLD_FIRST_S  # when nothing else comes
        until = now + longest
        while now + 1 < until:
            now += 1
            storm.on_new(FLIPS_MIN, at(now))
        assert storm.until() == min(until, now + max(QUIET_S, HOLD_FIRST_S))
        now = until
    storm.on_new(FLIPS_MIN, at(now + 4 * OVER_AFTER_S))
    assert storm.hold_s == HOLD_FIRST_S


def test_channels_have_storms_of_their_own() -> None:
    storms = Storms()
    storms.on_new(HOOK, FLIPS_MIN, at(0))
    storms.on_new(MAIL, 1, at(0))
    assert (storms.until(HOOK), storms.until(MAIL)) == (HOLD_FIRST_S, NEVER)
    assert storms.deadline(at(1)) == HOLD_FIRST_S
    assert storms.deadline(at(HOLD_FIRST_S)) == FOREVER


# --- how often the ledger is written --------------------------------------------------------


def test_some_writes_need_not_wait_and_then_a_few_are_made_each_second() -> None:
    pace, now, writes = WritePace(), 100.0, list[float]()
    while now < 110:
        if now >= pace.next_at:
            pace.on_write(Ledger(), at(now))
            writes.append(now)
        now += 0.01
    assert sum(at < 100.2 for at in writes) == WRITES_AT_ONCE
    assert len(writes) == pytest.approx(WRITES_AT_ONCE + 10 / WRITE_EVERY_S, abs=2)
    assert pace.next_at <= 110 + WRITE_EVERY_S


def test_a_long_ledger_is_written_less_often() -> None:
    """Members that read it are not kept busy by that alone."""
    ledger = Ledger(outbox=tuple(delivery(CheckId(f"c{n}"), n) for n in range(2000)))
    pace, now = WritePace(), 100.0
    for _ in range(50):
        pace.on_write(ledger, at(now))
        now = max(now, pace.next_at)
    before = now
    pace.on_write(ledger, at(now))
    assert pace.next_at - before == pytest.approx(WRITE_EVERY_S + 1.0)


# --- a whole cluster ------------------------------------------------------------------------


def storm_cluster() -> NodeCluster:
    """Return three nodes that see all checks up."""
    checks = [check(ident, name=str(ident), interval_s=SPREAD_S) for ident in CHECKS]
    cluster = NodeCluster(document(A, B, C, checks=checks, channels=[hook()]))
    cluster.run(2.5)
    for ident in CHECKS:
        cluster.set_outcome(ident, Outcome.OK)
    cluster.run(1)
    cluster.effects.clear()
    return cluster


def turn(cluster: NodeCluster, outcome: Outcome, at_half: Callable[[], None] | None = None) -> None:
    """Let all checks turn one after the other within their interval."""
    for number, ident in enumerate(CHECKS):
        if number == FAILING // 2 and at_half is not None:
            at_half()
        cluster.set_outcome(ident, outcome)
        cluster.run(SPREAD_S / FAILING)
    cluster.run(15)


def messages(cluster: NodeCluster) -> list[Delivery]:
    """Return the deliveries that were attempted, by any node, each once."""
    return list({e.delivery.key: e.delivery for _, e in cluster.effects_of(Notify)}.values())


def told(deliveries: list[Delivery]) -> Counter[str]:
    """Return how many notices of each kind these deliveries stand for."""
    found = Counter[str]()
    for one in deliveries:
        digest = one.notice.digest
        if digest is None:
            found[one.notice.kind.value] += 1
        else:
            found.update({c.kind.value: c.count for c in digest.counts})
    return found


def test_a_storm_is_told_in_a_few_messages_that_leave_nothing_out() -> None:
    cluster = storm_cluster()
    start = cluster.now
    moments = list[float]()

    def note(_: NodeId, effect: Effect) -> None:
        if isinstance(effect, Notify):
            moments.append(cluster.now - start)

    cluster.on_effect = note
    turn(cluster, Outcome.FAIL)
    assert told(messages(cluster)) == {"down": FAILING}
    assert len(messages(cluster)) <= STORM_MESSAGES_MAX
    assert moments[0] < 3
    assert moments[1] < 15
    assert moments[-1] < SPREAD_S + 10
    writes = len([e for n, e in cluster.effects_of(Persist) if n == A])
    assert writes < 8 * (SPREAD_S + 15)
    cluster.run(OVER_AFTER_S)
    cluster.effects.clear()
    turn(cluster, Outcome.OK)
    assert told(messages(cluster)) == {"recovered": FAILING}
    assert len(messages(cluster)) <= STORM_MESSAGES_MAX
    assert all(not n.register.committed.ledger.outbox for n in cluster.nodes.values())


def test_a_storm_is_told_whole_although_the_master_dies_in_it() -> None:
    cluster = storm_cluster()
    turn(cluster, Outcome.FAIL, lambda: cluster.crash(A))
    cluster.run(30)
    assert cluster.masters() == [B]
    found = told(messages(cluster))
    assert found == {"down": FAILING}
    assert len(messages(cluster)) <= 2 * STORM_MESSAGES_MAX


def test_a_storm_waits_in_one_digest_while_the_channel_accepts_nothing() -> None:
    cluster = storm_cluster()
    cluster.channel_works = False
    turn(cluster, Outcome.FAIL)
    cluster.run(20)
    for node in cluster.nodes.values():
        assert len(node.register.committed.ledger.outbox) <= STORM_MESSAGES_MAX
    cluster.channel_works = True
    cluster.run(90)
    assert all(not n.register.committed.ledger.outbox for n in cluster.nodes.values())
    assert set(told(messages(cluster))) == {"down"}


def test_the_journal_says_in_which_digest_each_page_was() -> None:
    cluster = storm_cluster()
    cluster.channel_works = False
    turn(cluster, Outcome.FAIL)
    entries = [e.entry for name, e in cluster.effects_of(Journal) if name == C]
    waiting = [r for r in incident_reports(entries) if not r.is_digest]
    assert {page.fate for r in waiting for page in r.pages} == {Fate.DIGEST}
    cluster.channel_works = True
    cluster.run(90)
    entries = [e.entry for name, e in cluster.effects_of(Journal) if name == C]
    reports = incident_reports(entries)
    told = [page for r in reports if not r.is_digest for page in r.pages]
    assert len(told) == FAILING
    assert {page.fate for page in told} == {Fate.DELIVERED}
    digests = {r.id for r in reports if r.is_digest}
    assert {page.digest for page in told} <= digests
    assert len(digests) <= STORM_MESSAGES_MAX

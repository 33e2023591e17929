"""One node's whole mind, and several of them in a room with perfect lines."""

import pytest

from qutrio.core.calm import STEP_S_MIN
from qutrio.core.disk import DISK_RETRY_S
from qutrio.core.effects import Journal, Note, Persist, Reply, Send
from qutrio.core.events import PersistFailed, Received, Stop, Tick
from qutrio.core.facts import DiskRefused, WallClockChanged
from qutrio.core.messages import (
    Commit,
    Farewell,
    Heartbeat,
    HeartbeatAck,
    Resign,
    Ruling,
    Write,
    Wrote,
)
from qutrio.core.mutations import RemoveCheck
from qutrio.model.ids import CheckId, NodeId, Revision, Term, UnixTime
from qutrio.model.journal import ClockSet
from tests.core.company import API, HELD, Company, documents, settled, step
from tests.core.samples import DEAD_S, WALL, A, B, C, at, check, document, heartbeat

# --- acting ---------------------------------------------------------------------------------


def test_a_cluster_of_one_acts_on_its_first_tick() -> None:
    company = Company(document(A))
    company.run(0)
    assert company.masters() == [A]
    assert company.nodes[A].view(at(0)).acting_until is not None


def test_the_lowest_id_acts_and_everybody_learns_it() -> None:
    company = settled()
    view = company.nodes[B].view(at(company.now))
    assert (view.node, view.term, view.acting_until, view.removed) == (B, 1, None, False)
    assert view.live == {A, B, C}
    assert view.document is company.nodes[B].register.committed.document


def test_a_promise_is_durable_before_anything_that_depends_on_it_is_said() -> None:
    company = Company(HELD)
    company.run(2.5)
    for name in (A, B):
        mine = [e for n, e in company.effects if n == name]
        first = next(i for i, e in enumerate(mine) if isinstance(e, Persist))
        assert isinstance(mine[first], Persist)
        before = [e.message for e in mine[:first] if isinstance(e, Send)]
        assert not any(isinstance(m, Heartbeat) and m.claim is not None for m in before)
        assert not any(isinstance(m, HeartbeatAck) and m.granted is not None for m in before)
        assert not any(isinstance(m, Wrote) for m in before)


def test_the_next_lowest_takes_over_a_dead_master_and_its_term_is_higher() -> None:
    company = settled()
    company.crash(A)
    company.run(DEAD_S + 1)
    assert company.masters() == [B]
    assert company.nodes[B].view(at(company.now)).term > 1


def test_without_a_majority_nobody_acts() -> None:
    company = settled()
    company.crash(B)
    company.crash(C)
    company.run(DEAD_S)
    assert company.masters() == []


def test_a_restarted_node_stays_quiet_until_it_can_owe_nobody_anything() -> None:
    company = settled()
    company.crash(C)
    node = company.boot(C)
    assert node.seat.mandate.quiet_until == company.now + DEAD_S
    alone = Company(document(A))
    alone.run(1)
    alone.crash(A)
    assert alone.boot(A).seat.mandate.quiet_until < 0
    alone.run(0)
    assert alone.masters() == [A]


def test_a_node_that_stops_resigns_and_says_farewell_and_the_next_acts_at_once() -> None:
    company = settled()
    company.give(A, Stop())
    company.crash(A)
    assert [(to, m.successor) for _, to, m in company.said(Resign)] == [(B, B), (C, B)]
    assert [to for _, to, _ in company.said(Farewell)] == [B, C]
    company.run(1.1)
    assert company.masters() == [B]


def test_a_node_that_stops_claims_nothing_any_more() -> None:
    company = Company(document(A))
    company.give(A, Stop())
    assert company.masters() == []


def test_the_next_tick_is_never_asked_for_at_the_same_moment() -> None:
    company = Company(HELD)
    for _ in range(200):
        company.run(0.05)
        for node in company.nodes.values():
            assert node.deadline >= company.now
    node = company.nodes[A]
    step(node, Tick(), company.now)
    assert node.deadline >= company.now + STEP_S_MIN


# --- changes --------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [A, C])
def test_a_change_is_committed_everywhere_and_answered_once(asked: NodeId) -> None:
    company = settled()
    request = company.propose(asked, API)
    assert company.replies(request) == [Reply(request, Ruling.COMMITTED, "", Revision(2))]
    assert {d.revision for d in documents(company)} == {2}
    company.run(5)
    assert len(company.replies(request)) == 1


def test_a_refused_change_is_answered_with_the_reason() -> None:
    company = settled()
    request = company.propose(B, RemoveCheck(expect=check(CheckId("none"))))
    (reply,) = company.replies(request)
    assert reply.ruling is Ruling.REFUSED
    assert "somebody else" in reply.reason


def test_a_change_without_a_quorum_is_refused_at_once_with_the_count() -> None:
    company = settled()
    company.cut_off(C)
    company.run(DEAD_S)
    (reply,) = company.replies(company.propose(C, API))
    assert reply.ruling is Ruling.REFUSED
    assert reply.reason.startswith("no quorum: 1 of 3 voting members answer, 2 are needed")


def test_nothing_is_ever_sent_to_oneself() -> None:
    company = Company(document(A))
    request = company.propose(A, API)
    company.run(3)
    assert len(company.replies(request)) == 1
    assert [e for n, e in company.performed(Send) if e.to == n] == []


def test_a_change_asked_for_while_a_node_becomes_master_does_not_wait_for_a_second_try() -> None:
    company = Company(document(A))
    request = company.propose(A, API)
    company.run(0.1)
    assert [r.ruling for r in company.replies(request)] == [Ruling.COMMITTED]


def test_a_change_that_waits_for_a_higher_claim_to_stand_spins_no_clock() -> None:
    company = settled()
    node = company.nodes[A]
    company.cut_off(A)
    company.give(A, Received(B, heartbeat(number=999, heard_term=Term(7))))
    assert node.seat.mandate.claim == 8
    assert company.masters() == [A]
    company.propose(A, API)
    assert node.register.waiting
    assert node.deadline > company.now + STEP_S_MIN


def test_a_commit_that_is_news_to_a_follower_is_saved_with_its_next_tick() -> None:
    company = settled()
    company.propose(A, API)
    assert company.nodes[C].register.committed.document.revision == 2
    assert company.disks[C].committed.document.revision == 1
    assert company.disks[C].accepted.document.revision == 2
    company.give(C, Tick())
    assert company.disks[C].committed.document.revision == 2


def test_every_peer_is_told_of_a_commit() -> None:
    company = settled()
    company.propose(A, API)
    assert [(n, to) for n, to, _ in company.said(Commit)] == [(A, B), (A, C)]


def test_a_node_that_was_away_fetches_what_it_missed() -> None:
    company = settled()
    company.crash(C)
    company.propose(A, API)
    company.boot(C)
    company.run(2)
    assert {d.revision for d in documents(company)} == {2}


# --- the disk -------------------------------------------------------------------------------


def test_a_master_whose_disk_fails_says_nothing_of_the_write_and_resigns() -> None:
    company = settled()
    company.full = {A}
    request = company.propose(A, API)
    kinds = {type(e.message) for n, e in company.performed(Send) if n == A}
    assert Resign in kinds
    assert not kinds & {Write, Commit}
    assert [r.ruling for r in company.replies(request)] == [Ruling.UNKNOWN]
    assert not company.nodes[A].seat.fit
    assert DiskRefused("no space left") in [e.fact for n, e in company.performed(Note) if n == A]
    assert company.nodes[A].register.accepted is company.disks[A].accepted
    company.run(2)
    assert company.masters() == [B]


def test_a_node_whose_disk_failed_is_fit_again_later() -> None:
    company = settled()
    company.give(C, PersistFailed("no space left", company.disks[C]))
    company.run(DISK_RETRY_S - 1.5)
    assert not company.nodes[C].seat.fit
    company.run(3)
    assert company.nodes[C].seat.fit


def test_a_commit_that_an_unfit_node_hears_of_is_saved_only_once_it_is_fit() -> None:
    company = settled()
    company.lost = {(A, Commit), (A, Heartbeat)}
    company.propose(A, API)
    position = company.disks[C].accepted.position
    assert company.disks[C].committed.position < position
    company.give(C, PersistFailed("no space left", company.disks[C]))
    company.give(C, Received(A, Commit(position=position)))
    assert company.nodes[C].register.committed.position == position
    company.effects.clear()
    company.give(C, Tick())
    assert not company.nodes[C].seat.fit
    assert [n for n, _ in company.performed(Persist) if n == C] == []
    assert company.disks[C].committed.position < position
    company.run(DISK_RETRY_S + 1)
    assert company.nodes[C].seat.fit
    assert company.disks[C].committed.position >= position


def test_a_failed_write_of_one_follower_stops_nobody() -> None:
    company = settled()
    company.full = {C}
    request = company.propose(A, API)
    assert [r.ruling for r in company.replies(request)] == [Ruling.COMMITTED]
    company.full = set()
    company.run(DISK_RETRY_S + 3)
    assert {d.revision for d in documents(company)} == {2}


def test_a_wall_clock_that_was_set_is_noted_and_written_to_the_journal() -> None:
    node = settled().nodes[C]
    now = node.deadline
    node.step(Tick(), now, UnixTime(WALL + now))
    effects = node.step(Tick(), at(now + 1), UnixTime(WALL + now + 1 - 3600))
    assert Note(WallClockChanged(-3600)) in effects
    told = [e.entry.fact for e in effects if isinstance(e, Journal)]
    assert [f for f in told if isinstance(f, ClockSet)] == [ClockSet(by_s=-3600.0)]

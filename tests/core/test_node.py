"""A whole node alone, and several in a cluster with perfect links."""

import pytest

from qutrio.core.api.effects import Journal, LogFact, Persist, Reply, Send
from qutrio.core.api.events import PersistFailed, Received, Stop, Tick
from qutrio.core.api.facts import DiskRefused, WallClockChanged
from qutrio.core.api.messages import (
    Commit,
    Farewell,
    Heartbeat,
    HeartbeatAck,
    Resign,
    Ruling,
    Write,
    Wrote,
)
from qutrio.core.api.mutations import RemoveCheck
from qutrio.core.consensus.disk import DISK_RETRY_S
from qutrio.core.quiescence import STEP_S_MIN
from qutrio.model.ids import CheckId, NodeId, Revision, Term, UnixTime
from qutrio.model.journal import ClockSet
from tests.core.node_cluster import API, HELD, NodeCluster, documents, elected_cluster, step
from tests.core.samples import DEAD_S, WALL, A, B, C, at, check, document, heartbeat

# --- mastership -----------------------------------------------------------------------------


def test_a_cluster_of_one_has_a_master_after_its_first_tick() -> None:
    cluster = NodeCluster(document(A))
    cluster.run(0)
    assert cluster.masters() == [A]
    assert cluster.nodes[A].view(at(0)).acting_until is not None


def test_the_lowest_id_becomes_master_and_all_nodes_learn_it() -> None:
    cluster = elected_cluster()
    view = cluster.nodes[B].view(at(cluster.now))
    assert (view.node, view.term, view.acting_until, view.removed) == (B, 1, None, False)
    assert view.live == {A, B, C}
    assert view.document is cluster.nodes[B].register.committed.document


def test_a_promise_is_durable_before_any_message_that_depends_on_it() -> None:
    cluster = NodeCluster(HELD)
    cluster.run(2.5)
    for name in (A, B):
        mine = [e for n, e in cluster.effects if n == name]
        first = next(i for i, e in enumerate(mine) if isinstance(e, Persist))
        assert isinstance(mine[first], Persist)
        before = [e.message for e in mine[:first] if isinstance(e, Send)]
        assert not any(isinstance(m, Heartbeat) and m.claim is not None for m in before)
        assert not any(isinstance(m, HeartbeatAck) and m.granted is not None for m in before)
        assert not any(isinstance(m, Wrote) for m in before)


def test_the_next_lowest_takes_over_a_dead_master_and_its_term_is_higher() -> None:
    cluster = elected_cluster()
    cluster.crash(A)
    cluster.run(DEAD_S + 1)
    assert cluster.masters() == [B]
    assert cluster.nodes[B].view(at(cluster.now)).term > 1


def test_without_a_majority_there_is_no_master() -> None:
    cluster = elected_cluster()
    cluster.crash(B)
    cluster.crash(C)
    cluster.run(DEAD_S)
    assert cluster.masters() == []


def test_a_restarted_node_waits_until_all_grants_it_may_have_made_are_over() -> None:
    cluster = elected_cluster()
    cluster.crash(C)
    node = cluster.start(C)
    assert node.leadership.lease.restart_wait_until == cluster.now + DEAD_S
    alone = NodeCluster(document(A))
    alone.run(1)
    alone.crash(A)
    assert alone.start(A).leadership.lease.restart_wait_until < 0
    alone.run(0)
    assert alone.masters() == [A]


def test_a_node_that_stops_resigns_and_says_farewell_and_a_new_master_acts_at_once() -> None:
    cluster = elected_cluster()
    cluster.handle(A, Stop())
    cluster.crash(A)
    assert [(to, m.successor) for _, to, m in cluster.messages(Resign)] == [(B, B), (C, B)]
    assert [to for _, to, _ in cluster.messages(Farewell)] == [B, C]
    cluster.run(1.1)
    assert cluster.masters() == [B]


def test_a_node_that_stops_no_longer_claims() -> None:
    cluster = NodeCluster(document(A))
    cluster.handle(A, Stop())
    assert cluster.masters() == []


def test_the_deadline_is_never_the_present_time() -> None:
    cluster = NodeCluster(HELD)
    for _ in range(200):
        cluster.run(0.05)
        for node in cluster.nodes.values():
            assert node.deadline >= cluster.now
    node = cluster.nodes[A]
    step(node, Tick(), cluster.now)
    assert node.deadline >= cluster.now + STEP_S_MIN


# --- changes --------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [A, C])
def test_a_change_is_committed_everywhere_and_answered_once(asked: NodeId) -> None:
    cluster = elected_cluster()
    request = cluster.propose(asked, API)
    assert cluster.replies(request) == [Reply(request, Ruling.COMMITTED, "", Revision(2))]
    assert {d.revision for d in documents(cluster)} == {2}
    cluster.run(5)
    assert len(cluster.replies(request)) == 1


def test_a_refused_change_is_answered_with_the_reason() -> None:
    cluster = elected_cluster()
    request = cluster.propose(B, RemoveCheck(expect=check(CheckId("none"))))
    (reply,) = cluster.replies(request)
    assert reply.ruling is Ruling.REFUSED
    assert "somebody else" in reply.reason


def test_a_change_without_a_quorum_is_refused_at_once_with_the_count() -> None:
    cluster = elected_cluster()
    cluster.cut_off(C)
    cluster.run(DEAD_S)
    (reply,) = cluster.replies(cluster.propose(C, API))
    assert reply.ruling is Ruling.REFUSED
    assert reply.reason.startswith("no quorum: 1 of 3 voting members answer, 2 are needed")


def test_nothing_is_ever_sent_to_oneself() -> None:
    cluster = NodeCluster(document(A))
    request = cluster.propose(A, API)
    cluster.run(3)
    assert len(cluster.replies(request)) == 1
    assert [e for n, e in cluster.effects_of(Send) if e.to == n] == []


def test_a_change_asked_for_while_a_node_becomes_master_does_not_wait_for_a_second_try() -> None:
    cluster = NodeCluster(document(A))
    request = cluster.propose(A, API)
    cluster.run(0.1)
    assert [r.ruling for r in cluster.replies(request)] == [Ruling.COMMITTED]


def test_a_change_that_waits_for_a_higher_claim_causes_no_busy_loop() -> None:
    cluster = elected_cluster()
    node = cluster.nodes[A]
    cluster.cut_off(A)
    cluster.handle(A, Received(B, heartbeat(number=999, heard_term=Term(7))))
    assert node.leadership.lease.claim == 8
    assert cluster.masters() == [A]
    cluster.propose(A, API)
    assert node.register.waiting
    assert node.deadline > cluster.now + STEP_S_MIN


def test_a_commit_that_is_new_to_a_follower_is_saved_with_its_next_tick() -> None:
    cluster = elected_cluster()
    cluster.propose(A, API)
    assert cluster.nodes[C].register.committed.document.revision == 2
    assert cluster.disks[C].committed.document.revision == 1
    assert cluster.disks[C].accepted.document.revision == 2
    cluster.handle(C, Tick())
    assert cluster.disks[C].committed.document.revision == 2


def test_every_peer_is_told_of_a_commit() -> None:
    cluster = elected_cluster()
    cluster.propose(A, API)
    assert [(n, to) for n, to, _ in cluster.messages(Commit)] == [(A, B), (A, C)]


def test_a_node_that_was_away_fetches_what_it_missed() -> None:
    cluster = elected_cluster()
    cluster.crash(C)
    cluster.propose(A, API)
    cluster.start(C)
    cluster.run(2)
    assert {d.revision for d in documents(cluster)} == {2}


# --- the disk -------------------------------------------------------------------------------


def test_a_master_whose_disk_fails_sends_no_write_and_resigns() -> None:
    cluster = elected_cluster()
    cluster.full = {A}
    request = cluster.propose(A, API)
    kinds = {type(e.message) for n, e in cluster.effects_of(Send) if n == A}
    assert Resign in kinds
    assert not kinds & {Write, Commit}
    assert [r.ruling for r in cluster.replies(request)] == [Ruling.UNKNOWN]
    assert not cluster.nodes[A].leadership.fit
    assert DiskRefused("no space left") in [
        e.fact for n, e in cluster.effects_of(LogFact) if n == A
    ]
    assert cluster.nodes[A].register.accepted is cluster.disks[A].accepted
    cluster.run(2)
    assert cluster.masters() == [B]


def test_a_node_whose_disk_failed_is_fit_again_later() -> None:
    cluster = elected_cluster()
    cluster.handle(C, PersistFailed("no space left", cluster.disks[C]))
    cluster.run(DISK_RETRY_S - 1.5)
    assert not cluster.nodes[C].leadership.fit
    cluster.run(3)
    assert cluster.nodes[C].leadership.fit


def test_a_commit_that_an_unfit_node_hears_of_is_saved_only_once_it_is_fit() -> None:
    cluster = elected_cluster()
    cluster.lost = {(A, Commit), (A, Heartbeat)}
    cluster.propose(A, API)
    position = cluster.disks[C].accepted.position
    assert cluster.disks[C].committed.position < position
    cluster.handle(C, PersistFailed("no space left", cluster.disks[C]))
    cluster.handle(C, Received(A, Commit(position=position)))
    assert cluster.nodes[C].register.committed.position == position
    cluster.effects.clear()
    cluster.handle(C, Tick())
    assert not cluster.nodes[C].leadership.fit
    assert [n for n, _ in cluster.effects_of(Persist) if n == C] == []
    assert cluster.disks[C].committed.position < position
    cluster.run(DISK_RETRY_S + 1)
    assert cluster.nodes[C].leadership.fit
    assert cluster.disks[C].committed.position >= position


def test_a_failed_write_of_one_follower_does_not_stop_the_others() -> None:
    cluster = elected_cluster()
    cluster.full = {C}
    request = cluster.propose(A, API)
    assert [r.ruling for r in cluster.replies(request)] == [Ruling.COMMITTED]
    cluster.full = set()
    cluster.run(DISK_RETRY_S + 3)
    assert {d.revision for d in documents(cluster)} == {2}


def test_a_change_of_the_wall_clock_is_logged_and_written_to_the_journal() -> None:
    node = elected_cluster().nodes[C]
    now = node.deadline
    node.step(Tick(), now, UnixTime(WALL + now))
    effects = node.step(Tick(), at(now + 1), UnixTime(WALL + now + 1 - 3600))
    assert LogFact(WallClockChanged(-3600)) in effects
    told = [e.entry.fact for e in effects if isinstance(e, Journal)]
    assert [f for f in told if isinstance(f, ClockSet)] == [ClockSet(by_s=-3600.0)]

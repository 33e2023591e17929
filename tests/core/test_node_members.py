"""Several nodes in one cluster: membership, shared checks and alerts."""

import pytest

from qutrio.core.api.effects import Notify, Probe, Reply, Send
from qutrio.core.api.events import Linked, Observed, ProbeRequested, Received, RemovalReported
from qutrio.core.api.facts import NodeStarted, RoleClaimed
from qutrio.core.api.messages import Commit, Heartbeat, ItemWrite, ProbeNow, Removed, Report, Ruling
from qutrio.core.api.mutations import Batch, RemoveMember
from qutrio.model.document import Settings
from qutrio.model.ids import NodeId, RequestId, Revision, Term
from qutrio.model.incidents import NoticeKind
from qutrio.model.results import Outcome, State
from tests.core.node_cluster import API, HELD, NodeCluster, documents, elected_cluster, step
from tests.core.samples import (
    DEAD_S,
    WALL,
    WEB,
    A,
    B,
    C,
    D,
    E,
    at,
    check,
    document,
    heartbeat,
    hook,
    result,
    sent,
)

F = NodeId("n6")


def notices(cluster: NodeCluster) -> list[tuple[NodeId, NoticeKind]]:
    return [(n, e.delivery.notice.known_kind) for n, e in cluster.effects_of(Notify)]


# --- membership -----------------------------------------------------------------------------


def test_a_removed_member_is_told_and_stops_and_its_messages_are_ignored() -> None:
    cluster = elected_cluster()
    request = cluster.propose(A, RemoveMember(node=C))
    assert [r.ruling for r in cluster.replies(request)] == [Ruling.COMMITTED]
    node = cluster.nodes[C]
    assert node.removed
    assert [(n, to) for n, to, _ in cluster.messages(Removed)] == [(A, C)]
    before = cluster.nodes[A].leadership.lease.heard_term
    cluster.handle(A, Received(C, heartbeat(heard_term=Term(99), claim=Term(99))))
    assert cluster.nodes[A].leadership.lease.heard_term == before
    cluster.effects.clear()
    cluster.run(5)
    assert [e for n, e in cluster.effects if n == C] == []
    assert cluster.nodes[A].router.positions.keys() == {B}


def test_a_removed_node_records_nothing_and_refuses_changes() -> None:
    cluster = elected_cluster()
    cluster.handle(C, RemovalReported(A, Revision(1)))
    assert cluster.nodes[C].removed
    cluster.effects.clear()
    cluster.handle(C, RemovalReported(A, Revision(1)))
    cluster.handle(C, Received(A, heartbeat(number=77)))
    cluster.handle(C, Linked(A))
    cluster.handle(C, Observed(result(Outcome.FAIL)))
    last = Send(A, Commit(position=cluster.nodes[C].register.committed.position))
    assert all(e == last for n, e in cluster.effects if n == C)
    assert cluster.nodes[C].exchange.verdicts.vote(C, WEB) is None
    (reply,) = cluster.replies(cluster.propose(C, API))
    assert "was removed from the cluster" in reply.reason


def test_a_master_that_removes_itself_hands_mastership_over() -> None:
    cluster = elected_cluster()
    request = cluster.propose(A, RemoveMember(node=A))
    assert [r.ruling for r in cluster.replies(request)] == [Ruling.COMMITTED]
    assert cluster.nodes[A].removed
    cluster.run(DEAD_S)
    assert cluster.masters() == [B]
    assert cluster.nodes[B].register.committed.document.voters == {B, C}


def test_a_node_that_removed_the_only_other_needs_no_other_vote_even_after_a_crash() -> None:
    cluster = elected_cluster(document(A, B))
    request = cluster.propose(A, RemoveMember(node=B))
    assert [r.ruling for r in cluster.replies(request)] == [Ruling.COMMITTED]
    assert cluster.nodes[B].removed  # and perhaps wiped by its operator
    cluster.crash(A)
    cluster.start(A)
    cluster.run(2 * DEAD_S)
    assert cluster.masters() == [A]


def test_a_vote_of_a_member_whose_removal_commits_is_not_announced_with_it() -> None:
    cluster = elected_cluster()
    cluster.lost.add((A, ItemWrite))  # the removal stays in flight while a verdict is reached
    cluster.propose(A, RemoveMember(node=C))
    for node in (A, C):
        cluster.sees[node, WEB] = Outcome.FAIL
        cluster.handle(node, Observed(result(Outcome.FAIL)))
    cluster.run(1.5)
    assert cluster.status(A).checks[0].state is State.DOWN  # two of three voters
    cluster.lost.clear()
    cluster.run(3)
    assert cluster.nodes[A].register.committed.document.voters == {A, B}
    assert cluster.status(A).checks[0].state is State.UNKNOWN  # one of two
    assert notices(cluster) == []


def test_a_learner_that_holds_the_document_gets_its_vote() -> None:
    cluster = elected_cluster(document(A, B, learners=[C]))
    cluster.run(2)
    assert {d.voters for d in documents(cluster)} == {frozenset({A, B, C})}


def test_a_learner_that_is_dead_gets_no_vote() -> None:
    cluster = NodeCluster(document(A, B, learners=[C]))
    cluster.crash(C)
    cluster.run(6)
    assert {d.voters for d in documents(cluster)} == {frozenset({A, B})}


def test_a_stranger_that_links_is_told_that_it_is_no_member() -> None:
    node = elected_cluster().nodes[A]
    assert step(node, Linked(D), 2.5) == [Send(D, Removed(revision=Revision(1)))]


def test_a_member_that_links_is_greeted_with_a_heartbeat_and_all_results() -> None:
    cluster = elected_cluster()
    cluster.set_outcome(WEB, Outcome.OK)
    messages = sent(cluster.nodes[A].step(Linked(B), at(cluster.now), WALL), B)
    assert isinstance(messages[0], Heartbeat)
    assert isinstance(messages[1], Report)


def test_messages_of_strangers_and_of_the_node_itself_are_ignored() -> None:
    node = elected_cluster().nodes[A]
    for sender in (A, D):
        assert step(node, Received(sender, heartbeat(heard_term=Term(50))), 2.5) == []
    assert node.leadership.lease.heard_term == 1


@pytest.mark.parametrize(
    ("sender", "revision", "believed"),
    [(A, 1, True), (A, 0, False), (B, 1, False), (D, 9, False)],
)
def test_a_master_that_is_behind_is_not_believed_alone_about_a_removal(
    sender: NodeId, revision: int, believed: bool
) -> None:
    node = elected_cluster().nodes[C]
    step(node, Received(sender, Removed(revision=Revision(revision))), 2.5)
    assert node.removed is believed


def test_a_node_that_only_claims_to_act_removes_nobody() -> None:
    node = NodeCluster(HELD).nodes[C]
    node.leadership.fit = False  # so it grants nothing, but hears who acts
    step(node, Received(B, heartbeat(claim=Term(1), acting=True)), 0)
    assert (node.leadership.lease.promise.holder, node.leadership.master(at(0))) == (None, B)
    step(node, Received(B, Removed(revision=Revision(1))), 0)
    assert not node.removed


def test_a_majority_of_the_other_voters_is_believed_about_a_removal() -> None:
    node = NodeCluster(document(A, B, C, D, E, learners=[F])).nodes[E]
    for sender in (A, A, F, B):
        step(node, Received(sender, Removed(revision=Revision(1))), 1)
        assert not node.removed  # two voters of the other four are no majority, a learner none
    step(node, Received(D, Removed(revision=Revision(1))), 1)
    assert node.removed


def test_reports_of_a_removal_in_different_revisions_do_not_add_up() -> None:
    node = NodeCluster(document(A, B, C, D, E)).nodes[E]
    for sender, revision in ((A, 1), (B, 1), (C, 2), (D, 1)):
        step(node, Received(sender, Removed(revision=Revision(revision))), 1)
    assert not node.removed
    for sender in (A, B):
        step(node, Received(sender, Removed(revision=Revision(2))), 1)
    assert node.removed


def test_a_restarted_node_names_the_term_it_hears_the_master_act_in() -> None:
    cluster = elected_cluster()
    cluster.crash(A)
    cluster.run(3 * DEAD_S)
    node = cluster.start(A)
    cluster.run(2)
    (master,) = cluster.masters()
    term = cluster.nodes[master].leadership.lease.promise.term
    assert node.leadership.lease.promise.term < term  # it may not grant anything yet
    assert node.view(at(cluster.now)).term == term


# --- checks and alerts ----------------------------------------------------------------------


def test_an_outage_is_announced_once_and_its_recovery_once() -> None:
    cluster = elected_cluster()
    cluster.set_outcome(WEB, Outcome.OK)
    cluster.set_outcome(WEB, Outcome.FAIL)
    cluster.run(5)
    assert notices(cluster) == [(A, NoticeKind.DOWN)]
    cluster.set_outcome(WEB, Outcome.OK)
    cluster.run(5)
    assert notices(cluster) == [(A, NoticeKind.DOWN), (A, NoticeKind.RECOVERED)]
    ledgers = {n.register.committed.ledger for n in cluster.nodes.values()}
    assert {(led.incidents, led.outbox, led.sequence) for led in ledgers} == {((), (), 2)}


def test_one_node_that_cannot_reach_a_target_alerts_nobody() -> None:
    cluster = elected_cluster()
    cluster.set_outcome(WEB, Outcome.OK)
    cluster.sees[B, WEB] = Outcome.FAIL
    cluster.handle(B, Observed(result(Outcome.FAIL)))
    cluster.run(10)
    assert notices(cluster) == []
    assert cluster.nodes[A].exchange.verdicts.state(WEB) is State.UP


def test_the_first_failure_makes_everybody_probe_at_once() -> None:
    cluster = elected_cluster()
    cluster.set_outcome(WEB, Outcome.OK)
    cluster.effects.clear()
    cluster.handle(B, Observed(result(Outcome.FAIL)))
    assert {n for n, e in cluster.effects_of(Probe) if e.checks == (WEB,)} == {A, B, C}


def test_a_new_master_sends_the_recovery_of_an_outage_it_never_announced() -> None:
    cluster = elected_cluster()
    cluster.set_outcome(WEB, Outcome.FAIL)
    cluster.run(3)
    cluster.crash(A)
    cluster.run(DEAD_S + 2)
    cluster.set_outcome(WEB, Outcome.OK)
    cluster.run(5)
    assert notices(cluster) == [(A, NoticeKind.DOWN), (B, NoticeKind.RECOVERED)]


def test_a_notice_that_a_dead_master_did_not_deliver_is_delivered_by_the_next() -> None:
    cluster = elected_cluster()
    cluster.channel_works = None
    cluster.set_outcome(WEB, Outcome.FAIL)
    cluster.run(3)
    assert notices(cluster) == [(A, NoticeKind.DOWN)]
    cluster.crash(A)
    cluster.channel_works = True
    cluster.run(DEAD_S + 5)
    assert notices(cluster) == [(A, NoticeKind.DOWN), (B, NoticeKind.DOWN)]
    assert cluster.nodes[C].register.committed.ledger.outbox == ()


def test_a_channel_that_only_the_master_cannot_reach_is_reached_by_another() -> None:
    cluster = elected_cluster()
    cluster.channel_works = False
    cluster.set_outcome(WEB, Outcome.FAIL)
    cluster.run(2)
    cluster.channel_works = True
    cluster.run(8)
    assert [n for n, _ in notices(cluster)] == [A, B]
    assert cluster.nodes[A].register.committed.ledger.outbox == ()


def test_all_nodes_probe_when_one_asks() -> None:
    cluster = elected_cluster()
    cluster.handle(C, ProbeRequested((WEB,)))
    assert [to for _, to, _ in cluster.messages(ProbeNow)] == [A, B]
    assert [n for n, _ in cluster.effects_of(Probe)] == [C, A, B]


def test_only_the_nodes_that_are_asked_probe_again() -> None:
    cluster = elected_cluster()
    cluster.handle(C, ProbeRequested((WEB,), frozenset({B})))
    assert [n for n, _ in cluster.effects_of(Probe)] == [B]
    cluster.handle(C, ProbeRequested((WEB,), frozenset({C})))
    assert [n for n, _ in cluster.effects_of(Probe)] == [B, C]


def test_the_role_is_not_handed_over_while_an_attempt_is_under_way() -> None:
    cluster = elected_cluster(
        document(
            A, B, C, checks=[check()], channels=[hook()], settings=Settings(master_cooldown_s=1)
        )
    )
    cluster.crash(A)
    cluster.run(DEAD_S + 1)
    cluster.channel_works = None
    cluster.set_outcome(WEB, Outcome.FAIL)
    cluster.run(3)
    cluster.start(A)
    cluster.run(20)
    assert cluster.masters() == [B]
    cluster.run(60)
    assert cluster.masters() == [A]


def test_the_last_fact_is_kept_for_the_status() -> None:
    cluster = NodeCluster(document(A))
    assert cluster.status(A).last == NodeStarted()
    cluster.run(1)
    assert cluster.status(A).last == RoleClaimed(Term(1))


def test_a_batch_of_nothing_is_committed_without_a_new_revision() -> None:
    cluster = elected_cluster()
    request = cluster.propose(C, Batch(mutations=()))
    assert cluster.replies(request) == [Reply(request, Ruling.COMMITTED, "", Revision(1))]
    assert request != RequestId("")

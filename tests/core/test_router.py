"""The router: every message reaches its state machine; changes only the master of their term."""

import pytest
from attrs import evolve

from qutrio.core.api.effects import Notify, Probe, Send
from qutrio.core.api.messages import (
    CanvassAnswer,
    CanvassRequest,
    Commit,
    Deliver,
    Delivered,
    Farewell,
    Fetch,
    Fetched,
    HeartbeatAck,
    ProbeNow,
    Propose,
    ProposeReply,
    Removed,
    Report,
    Resign,
    Ruling,
    Write,
    Wrote,
)
from qutrio.core.api.mutations import Batch, PromoteMember
from qutrio.core.checks.result_exchange import REQUEST_PAUSE_S
from qutrio.core.consensus.register import Proposal
from qutrio.core.node import Node
from qutrio.model.document import Settings
from qutrio.model.ids import NEVER, NodeId, RequestId, Revision, Term
from qutrio.model.incidents import Ledger
from qutrio.model.results import Outcome
from qutrio.model.stable import Position, Promise
from tests.core.node_cluster import NodeCluster
from tests.core.samples import (
    DEAD_S,
    HOOK,
    WALL,
    WEB,
    A,
    B,
    C,
    ack,
    at,
    check,
    delivery,
    document,
    heartbeat,
    hook,
    pos,
    record,
    result,
    sent,
)

HELD = document(A, B, C, checks=[check()], channels=[hook()])
NEWER = document(A, B, C, revision=2, term=1)


def follower() -> Node:
    """Return node C, which has heard nobody yet."""
    return NodeCluster(HELD).nodes[C]


def settled() -> NodeCluster:
    """Return three nodes with A as master in term 1."""
    cluster = NodeCluster(HELD)
    cluster.run(2.5)
    assert cluster.masters() == [A]
    return cluster


def write(term: int) -> Write:
    return Write(position=pos(term), stamp=(Term(1), Revision(2)), ledger=Ledger(), document=NEWER)


def propose(term: int, request: str = "r") -> Propose:
    return Propose(term=Term(term), request=RequestId(request), mutation=Batch(mutations=()))


def test_heartbeats_and_canvasses_are_answered_by_the_leadership() -> None:
    router = follower().router
    (answer,) = sent(router.route(A, heartbeat(number=5), at(0), WALL).effects, A)
    assert isinstance(answer, HeartbeatAck)
    assert answer.number == 5
    (said,) = sent(router.route(A, CanvassRequest(term=Term(1)), at(0), WALL).effects, A)
    assert isinstance(said, CanvassAnswer)


def test_an_answered_heartbeat_shows_which_record_a_peer_calls_committed() -> None:
    router = follower().router
    router.route(A, ack(1, committed=pos(4)), at(0), WALL)
    assert router.positions == {A: pos(4)}


def test_answers_resignations_and_farewells_reach_the_leadership() -> None:
    node = follower()
    answer = CanvassAnswer(term=Term(1), would=True, heard_term=Term(6), reason="")
    node.router.route(A, answer, at(0), WALL)
    assert node.leadership.lease.heard_term == 6
    node.router.route(A, Resign(term=Term(8), successor=None), at(0), WALL)
    assert node.leadership.lease.heard_term == 8
    node.leadership.liveness.record(A, at(0), 4.0)
    node.router.route(A, Farewell(), at(0), WALL)
    assert not node.leadership.liveness.alive(A, at(0), 4.0)


def test_a_write_is_accepted_only_from_the_holder_of_the_promise_by_a_fit_node() -> None:
    node = follower()
    assert node.router.route(A, write(1), at(0), WALL).effects == []
    node.leadership.lease.promise = Promise(Term(1), A)
    assert node.router.route(B, write(1), at(0), WALL).effects == []
    assert node.router.route(A, write(2), at(0), WALL).effects == []
    node.leadership.fit = False
    assert node.router.route(A, write(1), at(0), WALL).effects == []
    assert node.register.accepted.position == Position()
    node.leadership.fit = True
    (said,) = sent(node.router.route(A, write(1), at(0), WALL).effects, A)
    assert isinstance(said, Wrote)
    assert node.register.accepted.position == pos(1)


def test_an_answer_to_a_write_may_carry_a_higher_term() -> None:
    node = follower()
    refused = Wrote(position=pos(1), accepted=False, lacks_document=False, heard_term=Term(7))
    assert node.router.route(A, refused, at(0), WALL).effects == []
    assert node.leadership.lease.heard_term == 7


def test_a_commit_that_is_not_held_is_fetched_and_learned() -> None:
    node = follower()
    node.leadership.lease.promise = Promise(Term(1), A)
    asked = node.router.route(A, Commit(position=pos(1)), at(0), WALL).effects
    assert asked == [Send(A, Fetch(accepted=False))]
    answer = Fetched(accepted=False, record=record(NEWER, pos(1)))
    assert node.router.route(A, answer, at(0), WALL).effects == []
    assert node.register.committed.position == pos(1)
    assert node.router.route(A, Commit(position=pos(1)), at(0), WALL).effects == []


def test_a_fetch_is_answered_with_the_record_it_asked_for() -> None:
    node = follower()
    node.register.accepted = record(NEWER, pos(1))
    for accepted, held in ((True, node.register.accepted), (False, node.register.committed)):
        answer = Fetched(accepted=accepted, record=held)
        assert node.router.route(A, Fetch(accepted=accepted), at(0), WALL).effects == [
            Send(A, answer)
        ]


def test_only_a_candidate_adopts_a_record_that_another_merely_accepted() -> None:
    node = follower()
    answer = Fetched(accepted=True, record=record(NEWER, pos(1)))
    node.router.route(A, answer, at(0), WALL)
    assert node.register.accepted.position == Position()
    node.leadership.lease.begin_claim(Term(2), at(0))
    node.register.establish(Term(2), (pos(1), A), at(0))
    node.leadership.resign(None, "for the test", at(0))
    node.router.route(A, answer, at(0), WALL)
    assert node.register.accepted.position == Position()
    node.leadership.lease.begin_claim(Term(3), at(0))
    node.register.establish(Term(3), (pos(1), A), at(0))
    node.router.route(A, answer, at(0), WALL)
    assert node.register.accepted.position == pos(1)
    assert node.register.committed.position == Position()


def test_an_unfit_node_learns_no_record_that_it_could_not_keep() -> None:
    node = follower()
    node.leadership.lease.promise = Promise(Term(1), A)
    node.router.route(A, Commit(position=pos(1)), at(0), WALL)
    node.leadership.fit = False
    answer = Fetched(accepted=False, record=record(NEWER, pos(1)))
    node.router.route(A, answer, at(0), WALL)
    assert node.register.committed.position == Position()
    node.leadership.fit = True
    node.router.route(A, answer, at(0), WALL)
    assert node.register.committed.position == pos(1)


@pytest.mark.parametrize(
    ("confirm_after_s", "pause_s"), [(REQUEST_PAUSE_S * 4, REQUEST_PAUSE_S), (0.2, 0.1)]
)
def test_requests_to_probe_are_followed_more_often_than_the_second_round_needs(
    confirm_after_s: float, pause_s: float
) -> None:
    settings = Settings(confirm_after_s=confirm_after_s)
    held = document(A, B, C, checks=[check()], settings=settings)
    node = NodeCluster(held).nodes[C]
    node.exchange.verdicts.set_document(held, WALL)
    request, probe = ProbeNow(checks=(WEB,)), [Probe((WEB,))]
    assert node.router.route(A, request, at(0), WALL).effects == probe
    assert node.router.route(B, request, at(pause_s - 0.01), WALL).effects == []
    assert node.router.route(A, request, at(pause_s), WALL).effects == probe


def test_reports_and_requests_to_probe_reach_the_result_exchange() -> None:
    node = follower()
    node.exchange.verdicts.set_document(HELD, WALL)
    seen = result(Outcome.FAIL)
    assert node.router.route(A, Report(results=((seen, 0.0),)), at(1), WALL).effects == []
    assert node.exchange.verdicts.vote(A, WEB) is not None
    assert node.router.route(A, ProbeNow(checks=(WEB,)), at(1), WALL).effects == [Probe((WEB,))]


def test_delegated_deliveries_and_their_ends_reach_the_alert_manager() -> None:
    cluster = settled()
    node = cluster.nodes[C]
    heard = cluster.nodes[A].leadership.heartbeats.last_heard(C)
    delegated = Deliver(term=Term(1), delivery=delivery(), heard=heard)
    (order,) = node.router.route(A, delegated, at(cluster.now), WALL).effects
    assert isinstance(order, Notify)
    assert (order.delivery, order.delegated) == (delivery(), True)
    done = Delivered(notice=delivery().notice.id, channel=HOOK, delivered=True, detail="")
    cluster.nodes[A].alerts.scheduler.inherit([(delivery().notice.id, HOOK)])
    cluster.nodes[A].router.route(C, done, at(cluster.now), WALL)
    assert cluster.nodes[A].alerts.scheduler.delivered == {(delivery().notice.id, HOOK)}


def test_a_ruling_reaches_its_pending_proposal_and_others_are_dropped() -> None:
    node = follower()
    ruled = ProposeReply(
        request=RequestId("nobody"),
        ruling=Ruling.COMMITTED,
        reason="",
        revision=Revision(1),
        position=Position(),
    )
    assert node.router.route(A, ruled, at(0), WALL).effects == []


def test_the_master_accepts_a_change() -> None:
    cluster = settled()
    node = cluster.nodes[A]
    assert node.router.route(B, propose(1), at(cluster.now), WALL).effects == []
    assert node.register.waiting


def test_a_former_master_of_the_term_sends_the_change_back() -> None:
    cluster = settled()
    node = cluster.nodes[A]
    node.leadership.resign(None, "for the test", at(cluster.now))
    (ruled,) = sent(node.router.route(B, propose(1), at(cluster.now), WALL).effects, B)
    assert isinstance(ruled, ProposeReply)
    assert (ruled.ruling, ruled.term) == (Ruling.AGAIN, Term(1))


def test_a_copy_that_arrives_after_its_term_is_not_written_in_the_next() -> None:
    cluster = settled()
    node = cluster.nodes[A]
    node.leadership.resign(None, "for the test", at(cluster.now))
    node.quiescent_until = NEVER  # it resigned outside of a step
    cluster.run(3)
    assert node.register.established == Term(2)
    (ruled,) = sent(node.router.route(B, propose(1), at(cluster.now), WALL).effects, B)
    assert isinstance(ruled, ProposeReply)
    assert (ruled.ruling, ruled.term) == (Ruling.AGAIN, Term(1))
    assert not node.register.waiting
    assert node.router.route(B, propose(2), at(cluster.now), WALL).effects == []
    assert node.register.waiting


def test_a_change_is_left_unanswered_while_this_node_may_act_again_in_its_term() -> None:
    cluster = settled()
    node, lapsed = cluster.nodes[A], at(cluster.now + DEAD_S)
    assert node.leadership.acting_until(lapsed) is None
    assert node.router.route(B, propose(1), lapsed, WALL).effects == []
    assert not node.register.waiting
    node.router.route(B, propose(1), at(cluster.now), WALL)
    assert node.router.route(B, propose(1), lapsed, WALL).effects == []  # it waits here already


@pytest.mark.parametrize("term", [0, 2])
def test_a_change_for_a_term_that_this_node_does_not_remember_gets_no_answer(
    term: int,
) -> None:
    cluster = settled()
    node = cluster.nodes[A]
    assert node.router.route(B, propose(term), at(cluster.now), WALL).effects == []
    assert not node.register.waiting


def test_a_notice_of_removal_is_not_routed() -> None:
    with pytest.raises(AssertionError):
        follower().router.route(A, Removed(revision=Revision(2)), at(0), WALL)


def test_whoever_proposed_much_is_not_heard_for_a_while_and_the_others_are() -> None:
    cluster = settled()
    node, now = cluster.nodes[A], cluster.now
    change = PromoteMember(node=B)
    much = evolve(propose(1, "big"), mutation=Batch(mutations=(change,) * 10_000))
    node.router.route(B, much, at(now), WALL)
    node.router.route(B, propose(1, "next"), at(now), WALL)
    node.router.route(C, propose(1, "other"), at(now), WALL)
    asked = [(C, "other"), (B, "big")]
    assert [node.register.knows(wished(*origin)) for origin in asked] == [True, True]
    assert not node.register.knows(wished(B, "next"))
    node.router.route(B, propose(1, "next"), at(now + 1.1), WALL)
    assert node.register.knows(wished(B, "next"))


def wished(node: NodeId, request: str) -> Proposal:
    return Proposal(PromoteMember(node=B), (node, RequestId(request)))

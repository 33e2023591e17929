"""Quiescence: renewals alone skip the evaluation, and any other event causes one."""

from typing import Any

import pytest
from attrs import evolve

from qutrio.core.api.effects import Send
from qutrio.core.api.events import Event, Linked, Observed, Proposed, Received, Tick
from qutrio.core.api.messages import CanvassRequest, Heartbeat, HeartbeatAck, Report
from qutrio.core.api.mutations import PutCheck
from qutrio.core.node import Node
from qutrio.model.ids import NEVER, Instant, NodeId, RequestId, Term
from qutrio.model.results import Outcome
from tests.core.node_cluster import NodeCluster, elected_cluster
from tests.core.samples import DEAD_S, WALL, WEB, A, B, C, D, at, check, result


def resting() -> NodeCluster:
    """A cluster whose nodes only exchange heartbeats."""
    cluster = elected_cluster()
    cluster.set_outcome(WEB, Outcome.OK)
    cluster.run(3)
    return cluster


def quiescent_until(cluster: NodeCluster, name: NodeId) -> Instant:
    return cluster.nodes[name].quiescent_until


def last_beat(cluster: NodeCluster, sender: NodeId) -> Heartbeat:
    """Return the last heartbeat of a node to another, as if it arrived again."""
    return [m for n, _, m in cluster.messages(Heartbeat) if n == sender][-1]


def last_ack(cluster: NodeCluster, to: NodeId) -> HeartbeatAck:
    """Return the last answer that a node got."""
    return [m for _, receiver, m in cluster.messages(HeartbeatAck) if receiver == to][-1]


def take(cluster: NodeCluster, name: NodeId, event: Event) -> Node:
    """Pass one event to one node, without delivering its effects to other nodes."""
    node = cluster.nodes[name]
    node.step(event, at(cluster.now), WALL)
    return node


@pytest.mark.parametrize("name", [A, B, C])
def test_an_idle_cluster_is_quiescent_until_shortly_before_heartbeats_expire(name: NodeId) -> None:
    cluster = resting()
    assert cluster.now + 1 < quiescent_until(cluster, name) < cluster.now + DEAD_S
    cluster.run(60)
    assert cluster.now < quiescent_until(cluster, name) < cluster.now + DEAD_S
    assert cluster.masters() == [A]


def test_a_renewal_is_answered_and_nothing_else_happens() -> None:
    cluster = resting()
    node, beat = cluster.nodes[B], last_beat(cluster, A)
    deadline, bound = node.deadline, node.leadership.lease.bound_until
    effects = node.step(Received(A, beat), at(cluster.now), WALL)
    assert [type(e.message) for e in effects if isinstance(e, Send)] == [HeartbeatAck]
    assert node.deadline == deadline
    assert node.leadership.lease.bound_until >= bound
    assert cluster.now < quiescent_until(cluster, B)


def test_votes_that_say_what_was_known_keep_a_node_quiescent() -> None:
    cluster = resting()
    for name in (A, B):
        node = take(cluster, name, Received(C, Report(results=((result(Outcome.OK), 0.0),))))
        assert cluster.now < node.quiescent_until
        node = take(cluster, name, Observed(result(Outcome.OK)))
        assert cluster.now < node.quiescent_until


def beat_of(cluster: NodeCluster, sender: NodeId, **fields: Any) -> Received:
    return Received(sender, evolve(last_beat(cluster, sender), **fields))


def test_any_new_fact_ends_quiescence() -> None:
    rest = resting()
    ack = last_ack(rest, A)
    events: list[tuple[NodeId, Event]] = [
        (B, Linked(C)),
        (B, Proposed(RequestId("r"), PutCheck(check=check(name="new")))),
        (B, Received(C, CanvassRequest(term=Term(9)))),
        (B, beat_of(rest, A, heard_term=Term(9))),
        (B, beat_of(rest, C, able=False)),
        (B, beat_of(rest, A, claim=None, acting=False)),
        (B, beat_of(rest, C, claim=Term(9), heard_term=Term(9), acting=True)),
        (B, beat_of(rest, C, wall=WALL + 3600)),
        (A, Received(B, evolve(ack, heard_term=Term(9)))),
        (B, Observed(result(Outcome.FAIL))),
        (A, Received(C, Report(results=((result(Outcome.FAIL), 0.0),)))),
        (B, Received(D, last_beat(rest, A))),
    ]
    for name, event in events[:-1]:
        assert take(resting(), name, event).quiescent_until == NEVER, event
    stranger = events[-1]
    assert take(resting(), *stranger).quiescent_until > rest.now, "a stranger is not heard"


def test_a_member_that_comes_back_ends_quiescence() -> None:
    cluster = resting()
    cluster.cut_off(C)
    cluster.run(DEAD_S + 2)
    beat = beat_of(cluster, C)
    cluster.run(1)
    assert cluster.now < quiescent_until(cluster, B)
    assert take(cluster, B, beat).quiescent_until == NEVER
    cluster.run(1)
    assert take(cluster, A, Received(C, last_ack(cluster, A))).quiescent_until == NEVER


def test_a_master_is_not_quiescent_during_a_cooldown_or_while_a_learner_waits() -> None:
    cluster = resting()
    cluster.crash(A)
    cluster.run(DEAD_S + 4)
    assert cluster.masters() == [B]
    cluster.start(A)
    cooldown = cluster.nodes[B].leadership.settings.master_cooldown_s
    cluster.run(cooldown - 1)
    assert cluster.masters() == [B]
    cluster.run(3)
    assert cluster.masters() == [A]


def test_a_tick_of_a_quiescent_node_sends_a_heartbeat_only_when_it_is_due() -> None:
    cluster = resting()
    node = cluster.nodes[B]
    early = node.step(Tick(), at(cluster.now), WALL)
    assert not any(isinstance(effect, Send) for effect in early)
    due = node.deadline
    effects = node.step(Tick(), due, WALL)
    assert {type(e.message) for e in effects if isinstance(e, Send)} == {Heartbeat}
    assert node.deadline > due

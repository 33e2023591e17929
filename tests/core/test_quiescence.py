"""Calm: what only renews has no consequences, and whatever else happens is looked into."""

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
    """A cluster whose nodes have nothing to do but to say that they live."""
    cluster = elected_cluster()
    cluster.set_outcome(WEB, Outcome.OK)
    cluster.run(3)
    return cluster


def quiescent_until(cluster: NodeCluster, name: NodeId) -> Instant:
    return cluster.nodes[name].quiescent_until


def last_beat(cluster: NodeCluster, sender: NodeId) -> Heartbeat:
    """The last heartbeat of a node to another, as it might come once more."""
    return [m for n, _, m in cluster.messages(Heartbeat) if n == sender][-1]


def last_ack(cluster: NodeCluster, to: NodeId) -> HeartbeatAck:
    """The last answer that a node got."""
    return [m for _, receiver, m in cluster.messages(HeartbeatAck) if receiver == to][-1]


def take(cluster: NodeCluster, name: NodeId, event: Event) -> Node:
    """Let one event happen to one node, and nothing that follows from it elsewhere."""
    node = cluster.nodes[name]
    node.step(event, at(cluster.now), WALL)
    return node


@pytest.mark.parametrize("name", [A, B, C])
def test_a_cluster_at_rest_is_calm_for_almost_as_long_as_words_last(name: NodeId) -> None:
    cluster = resting()
    assert cluster.now + 1 < quiescent_until(cluster, name) < cluster.now + DEAD_S
    cluster.run(60)
    assert cluster.now < quiescent_until(cluster, name) < cluster.now + DEAD_S
    assert cluster.masters() == [A]


def test_a_renewal_is_answered_and_nothing_else_is_done() -> None:
    cluster = resting()
    node, beat = cluster.nodes[B], last_beat(cluster, A)
    deadline, bound = node.deadline, node.leadership.lease.bound_until
    effects = node.step(Received(A, beat), at(cluster.now), WALL)
    assert [type(e.message) for e in effects if isinstance(e, Send)] == [HeartbeatAck]
    assert node.deadline == deadline
    assert node.leadership.lease.bound_until >= bound
    assert cluster.now < quiescent_until(cluster, B)


def test_votes_that_say_what_was_known_leave_the_calm_alone() -> None:
    cluster = resting()
    for name in (A, B):
        node = take(cluster, name, Received(C, Report(results=((result(Outcome.OK), 0.0),))))
        assert cluster.now < node.quiescent_until
        node = take(cluster, name, Observed(result(Outcome.OK)))
        assert cluster.now < node.quiescent_until


def beat_of(cluster: NodeCluster, sender: NodeId, **fields: Any) -> Received:
    return Received(sender, evolve(last_beat(cluster, sender), **fields))


def test_whatever_is_new_ends_the_calm() -> None:
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


def test_somebody_who_comes_back_ends_the_calm() -> None:
    cluster = resting()
    cluster.cut_off(C)
    cluster.run(DEAD_S + 2)
    beat = beat_of(cluster, C)
    cluster.run(1)
    assert cluster.now < quiescent_until(cluster, B)
    assert take(cluster, B, beat).quiescent_until == NEVER
    cluster.run(1)
    assert take(cluster, A, Received(C, last_ack(cluster, A))).quiescent_until == NEVER


def test_a_master_is_not_calm_while_a_candidate_ripens_or_a_learner_waits() -> None:
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


def test_a_tick_in_the_calm_beats_and_a_tick_before_its_time_does_not() -> None:
    cluster = resting()
    node = cluster.nodes[B]
    early = node.step(Tick(), at(cluster.now), WALL)
    assert not any(isinstance(effect, Send) for effect in early)
    due = node.deadline
    effects = node.step(Tick(), due, WALL)
    assert {type(e.message) for e in effects if isinstance(e, Send)} == {Heartbeat}
    assert node.deadline > due

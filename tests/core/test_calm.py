"""Calm: what only renews has no consequences, and whatever else happens is looked into."""

from typing import Any

import pytest
from attrs import evolve

from qutrio.core.effects import Send
from qutrio.core.events import Event, Linked, Observed, Proposed, Received, Tick
from qutrio.core.messages import Ask, Heartbeat, HeartbeatAck, Report
from qutrio.core.mutations import PutCheck
from qutrio.core.node import Node
from qutrio.model.ids import NEVER, Instant, NodeId, RequestId, Term
from qutrio.model.results import Outcome
from tests.core.company import Company, settled
from tests.core.samples import DEAD_S, WALL, WEB, A, B, C, D, at, check, result


def resting() -> Company:
    """A company whose nodes have nothing to do but to say that they live."""
    company = settled()
    company.see(WEB, Outcome.OK)
    company.run(3)
    return company


def calm_until(company: Company, name: NodeId) -> Instant:
    return company.nodes[name].calm_until


def last_beat(company: Company, sender: NodeId) -> Heartbeat:
    """The last heartbeat of a node to another, as it might come once more."""
    return [m for n, _, m in company.said(Heartbeat) if n == sender][-1]


def last_ack(company: Company, to: NodeId) -> HeartbeatAck:
    """The last answer that a node got."""
    return [m for _, receiver, m in company.said(HeartbeatAck) if receiver == to][-1]


def take(company: Company, name: NodeId, event: Event) -> Node:
    """Let one event happen to one node, and nothing that follows from it elsewhere."""
    node = company.nodes[name]
    node.step(event, at(company.now), WALL)
    return node


@pytest.mark.parametrize("name", [A, B, C])
def test_a_cluster_at_rest_is_calm_for_almost_as_long_as_words_last(name: NodeId) -> None:
    company = resting()
    assert company.now + 1 < calm_until(company, name) < company.now + DEAD_S
    company.run(60)
    assert company.now < calm_until(company, name) < company.now + DEAD_S
    assert company.masters() == [A]


def test_a_renewal_is_answered_and_nothing_else_is_done() -> None:
    company = resting()
    node, beat = company.nodes[B], last_beat(company, A)
    deadline, bound = node.deadline, node.seat.mandate.bound_until
    effects = node.step(Received(A, beat), at(company.now), WALL)
    assert [type(e.message) for e in effects if isinstance(e, Send)] == [HeartbeatAck]
    assert node.deadline == deadline
    assert node.seat.mandate.bound_until >= bound
    assert company.now < calm_until(company, B)


def test_votes_that_say_what_was_known_leave_the_calm_alone() -> None:
    company = resting()
    for name in (A, B):
        node = take(company, name, Received(C, Report(results=((result(Outcome.OK), 0.0),))))
        assert company.now < node.calm_until
        node = take(company, name, Observed(result(Outcome.OK)))
        assert company.now < node.calm_until


def beat_of(company: Company, sender: NodeId, **fields: Any) -> Received:
    return Received(sender, evolve(last_beat(company, sender), **fields))


def test_whatever_is_new_ends_the_calm() -> None:
    rest = resting()
    ack = last_ack(rest, A)
    events: list[tuple[NodeId, Event]] = [
        (B, Linked(C)),
        (B, Proposed(RequestId("r"), PutCheck(check=check(name="new")))),
        (B, Received(C, Ask(term=Term(9)))),
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
        assert take(resting(), name, event).calm_until == NEVER, event
    stranger = events[-1]
    assert take(resting(), *stranger).calm_until > rest.now, "a stranger is not heard"


def test_somebody_who_comes_back_ends_the_calm() -> None:
    company = resting()
    company.cut_off(C)
    company.run(DEAD_S + 2)
    beat = beat_of(company, C)
    company.run(1)
    assert company.now < calm_until(company, B)
    assert take(company, B, beat).calm_until == NEVER
    company.run(1)
    assert take(company, A, Received(C, last_ack(company, A))).calm_until == NEVER


def test_a_master_is_not_calm_while_a_candidate_ripens_or_a_learner_waits() -> None:
    company = resting()
    company.crash(A)
    company.run(DEAD_S + 4)
    assert company.masters() == [B]
    company.boot(A)
    cooldown = company.nodes[B].seat.settings.master_cooldown_s
    company.run(cooldown - 1)
    assert company.masters() == [B]
    company.run(3)
    assert company.masters() == [A]


def test_a_tick_in_the_calm_beats_and_a_tick_before_its_time_does_not() -> None:
    company = resting()
    node = company.nodes[B]
    early = node.step(Tick(), at(company.now), WALL)
    assert not any(isinstance(effect, Send) for effect in early)
    due = node.deadline
    effects = node.step(Tick(), due, WALL)
    assert {type(e.message) for e in effects if isinstance(e, Send)} == {Heartbeat}
    assert node.deadline > due

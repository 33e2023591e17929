"""The engine host: messages to and from the engine, its hard state, and named successors."""

from random import Random

import pytest
from attrs import evolve

from qutrio.core.api.effects import LogFact, ReportRole, Send
from qutrio.core.api.facts import ProtocolBroken
from qutrio.core.api.messages import Resign
from qutrio.core.election.engine_messages import (
    LeaderHeartbeat,
    LeadershipDeclaration,
    PreVoteResponse,
    VoteRequest,
    VoteResponse,
)
from qutrio.core.election.engines import ENGINES, engine_named, timing
from qutrio.core.election.interface import Role
from qutrio.core.leadership.leadership import Leadership
from qutrio.model.document import Settings
from qutrio.model.ids import Instant, NodeId, Term
from qutrio.model.stable import HardState, Promise
from tests.core.leaderships import leadership, meet
from tests.core.samples import WALL, A, B, C, at, document, heartbeat, sent


def connected(me: NodeId, engine: str = "raft") -> Leadership:
    """The leadership of one node of three that has contact with the other two."""
    node = leadership(me, document(A, B, C, settings=Settings(engine=engine)))
    meet(node, 0.0, *({A, B, C} - {me}))
    return node


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_has_a_length_of_grants_and_a_heartbeat_interval(engine: str) -> None:
    found = timing(Settings(engine=engine))
    assert 0 < found.beat_s * 3 <= found.bound_s


def test_the_hard_state_is_durable_before_a_vote_is_sent() -> None:
    node = connected(B)
    effects = node.on_engine_message(C, VoteRequest(term=Term(7)), at(0))
    assert sent(effects, C) == [VoteResponse(term=Term(7), granted=True)]
    assert node.engine_host.hard_state == HardState(Term(7), C)


def test_the_next_claim_takes_the_term_of_the_engines_hard_state() -> None:
    node = connected(B)
    node.on_engine_message(C, VoteRequest(term=Term(7)), at(0))
    node.advance(at(0), WALL)
    assert node.lease.heard_term == 6
    assert node.lease.open_canvass(0.1, at(0)) == 7


def test_a_hard_state_that_the_disk_refused_is_forgotten() -> None:
    node = connected(B)
    node.on_engine_message(C, VoteRequest(term=Term(7)), at(0))
    node.engine_host.restore(HardState(Term(3), A))
    assert node.engine_host.hard_state == HardState(Term(3), A)
    again = node.on_engine_message(C, VoteRequest(term=Term(3)), at(0))
    assert sent(again, C) == [VoteResponse(term=Term(3), granted=False)]


def test_a_hard_state_outlives_its_engine() -> None:
    node = connected(B)
    node.on_engine_message(C, VoteRequest(term=Term(7)), at(0))
    for engine in ("gossip", "raft"):
        settings = evolve(node.settings, engine=engine)
        changed = evolve(node.register.committed.document, settings=settings)
        node.register.committed = evolve(node.register.committed, document=changed)
        node.advance(at(0), WALL)
    assert node.engine_host.hard_state == HardState(Term(7), C)
    again = node.on_engine_message(A, VoteRequest(term=Term(7)), at(0))
    assert sent(again, A) == [VoteResponse(term=Term(7), granted=False)]


def test_a_note_of_an_engine_is_logged_once() -> None:
    node = connected(A, "lowest-id")
    node.advance(at(0), WALL)
    (reported,) = node.engine_host.drain_news()
    assert isinstance(reported, ReportRole)
    assert (reported.change.before, reported.change.after) == (Role.FOLLOWER, Role.LEADER)
    assert node.engine_host.role is Role.LEADER
    assert node.engine_host.drain_news() == []


def test_a_broken_protocol_is_logged() -> None:
    node = connected(B)
    now = at(0)
    for _ in range(100):
        now = Instant(now + 0.05)
        meet(node, now, A, C)
        node.advance(now, WALL)
        if node.engine_host.role is not Role.FOLLOWER:
            break
        for peer in (A, C):
            asked = Term(node.engine_host.hard_state.term + 1)
            node.on_engine_message(peer, granted_before(asked), now)
    term = node.engine_host.hard_state.term
    node.on_engine_message(C, VoteResponse(term=term, granted=True), now)
    assert node.engine_host.role is Role.LEADER
    node.on_engine_message(A, LeaderHeartbeat(term=term), now)
    noted = [e.fact for e in node.engine_host.drain_news() if isinstance(e, LogFact)]
    assert noted == [ProtocolBroken(f"{A} says that it too leads term {term}")]


def granted_before(asked: Term) -> PreVoteResponse:
    """The answer of a voter that would grant its vote."""
    return PreVoteResponse(asked=asked, granted=True, term=Term(asked - 1))


def test_the_successor_that_the_last_master_named_goes_first_until_there_is_a_master() -> None:
    node = connected(B, "lowest-id")
    assert node.choice(at(0)) == A
    node.lease.promise = Promise(Term(1), A)
    node.on_resign(A, Resign(term=Term(1), successor=C), at(0))
    assert node.choice(at(0)) == C
    node.on_heartbeat(A, heartbeat(claim=Term(2), acting=True), at(0), WALL)
    node.on_resign(A, Resign(term=Term(2), successor=None), at(0))
    assert node.choice(at(0)) == A


def test_a_late_resignation_of_an_earlier_term_names_nobody() -> None:
    node = connected(B, "lowest-id")
    node.on_heartbeat(A, heartbeat(claim=Term(5)), at(0), WALL)
    node.on_resign(A, Resign(term=Term(4), successor=C), at(0))
    assert node.choice(at(0)) == A


def test_without_an_engine_no_message_is_sent_or_processed() -> None:
    node = connected(B, "future")
    assert node.on_engine_message(C, LeaderHeartbeat(term=Term(3)), at(0)) == []
    node.on_heartbeat(A, heartbeat(claim=Term(5), acting=True), at(0), WALL)
    electorate = node.electorate(at(0))
    assert node.engine_host.next_leader(electorate) is None
    assert node.engine_host.successor(electorate, at(0)) is None
    node.engine_host.step_aside(None, electorate, at(0))
    node.engine_host.restore(HardState(Term(3), A))
    node.engine_host.close(at(0))
    assert node.engine_host.role is Role.FOLLOWER


def test_a_node_that_hears_a_majority_follows_no_gossip_leader_that_hears_none() -> None:
    node = connected(B, "gossip")
    engine = engine_named("gossip", B, hard_state=HardState(), rng=Random(0), now=at(0))
    assert engine is not None
    sees = node.electorate(at(0))
    engine.on_message(A, LeadershipDeclaration(), evolve(sees, able=frozenset({B, C})), at(0))
    assert engine.choice(sees, at(0)) is None
    engine.on_message(A, LeadershipDeclaration(), sees, at(0))
    assert engine.choice(sees, at(0)) == A


def test_messages_for_all_go_to_every_member() -> None:
    node = connected(A)
    now, asked = at(0), list[Send]()
    while not asked:
        now = Instant(now + 0.05)
        meet(node, now, B, C)
        asked = [e for e in node.advance(now, WALL) if isinstance(e, Send)]
        assert now < 5
    assert {e.to for e in asked} == {B, C}


def test_a_late_message_of_an_older_master_does_not_replace_the_named_successor() -> None:
    node = connected(B, "lowest-id")
    node.lease.promise = Promise(Term(5), A)
    node.on_resign(A, Resign(term=Term(5), successor=C), at(0))
    node.engine_host.on_acting(A, Term(4), node.electorate(at(0)), at(0))
    assert node.choice(at(0)) == C
    node.engine_host.on_acting(C, Term(6), node.electorate(at(0)), at(0))
    assert node.choice(at(0)) == A


def test_a_node_that_does_not_know_the_engine_follows_the_master_and_chooses_nobody() -> None:
    node = connected(B, engine="nobody-knows-it")
    node.engine_host.on_resign(C, Term(1), at(0), by_hand=False)
    node.engine_host.on_acting(A, Term(3), node.electorate(at(0)), at(0))
    assert node.engine_host.nominee is None
    assert node.choice(at(0)) is None

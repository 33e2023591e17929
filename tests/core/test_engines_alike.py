"""What every election engine must do: one suite for all, through the protocol."""

import pytest

from qutrio.core.election.engine_messages import (
    EngineMessage,
    LeaderHeartbeat,
    LeaderHeartbeatAck,
    LeadershipDeclaration,
    LeadershipProposal,
    PreVoteRequest,
    PreVoteResponse,
    VoteRequest,
    VoteResponse,
)
from qutrio.core.election.engines import ENGINES
from qutrio.core.election.interface import Complaint, Role
from qutrio.model.ids import FOREVER, NodeId, Term
from qutrio.model.stable import HardState
from tests.core.engine_cluster import EngineCluster
from tests.core.samples import A, B, C, D

BOUND_S = {"lowest-id": 0.5, "raft": 5.0, "gossip": 22.0}
"""How long a group that meets for the first time may take until one leads."""
CHANGE_S = {"lowest-id": 0.5, "raft": 5.0, "gossip": 32.0}
"""How long it may take until another leads."""
TERM = Term(3)
GOSSIP_WORDS: tuple[EngineMessage, ...] = (LeadershipProposal(), LeadershipDeclaration())
RAFT_WORDS: tuple[EngineMessage, ...] = (
    PreVoteRequest(term=TERM),
    PreVoteResponse(asked=TERM, granted=True, term=TERM),
    VoteRequest(term=TERM),
    VoteResponse(term=TERM, granted=True),
    LeaderHeartbeat(term=TERM),
    LeaderHeartbeatAck(term=TERM),
)
FOREIGN = {"lowest-id": GOSSIP_WORDS + RAFT_WORDS, "raft": GOSSIP_WORDS, "gossip": RAFT_WORDS}

every_engine = pytest.mark.parametrize("engine", ENGINES)


def elected(engine: str, *members: NodeId, seed: int = 1) -> EngineCluster:
    """Return a group that had time to make its first choice."""
    group = EngineCluster(engine, *members, seed=seed)
    group.run(BOUND_S[engine])
    return group


def chosen(group: EngineCluster) -> NodeId:
    """Return the node that all running members with a working disk choose."""
    (choice,) = group.choices(*(group.engines.keys() - group.full_disks))
    assert choice is not None
    return choice


def state(group: EngineCluster) -> list[tuple[Role, NodeId | None, HardState, float]]:
    """Return all visible state of the engines of a group."""
    return [
        (engine.role, group.choice(name), engine.hard_state, engine.deadline(group.now))
        for name, engine in group.engines.items()
    ]


@every_engine
def test_a_group_of_one_leads_within_its_bound(engine: str) -> None:
    group = elected(engine, A)
    assert chosen(group) == A
    assert group.leaders() == {A}


@every_engine
@pytest.mark.parametrize("seed", range(5))
def test_three_living_members_make_one_choice(engine: str, seed: int) -> None:
    group = elected(engine, A, B, C, seed=seed)
    assert group.leaders() == {chosen(group)}


@every_engine
def test_a_choice_is_kept_while_its_node_lives(engine: str) -> None:
    group = elected(engine, A, B, C)
    first = chosen(group)
    for _ in range(100):
        group.run(1.0)
        assert group.choices() == {first}


@every_engine
def test_asking_for_the_choice_changes_nothing(engine: str) -> None:
    group = EngineCluster(engine, A, B, C)
    before = state(group)
    for name in group.engines:
        group.choice(name)
        group.engines[name].successor(group.electorate(name), group.now)
        group.engines[name].next_leader(group.electorate(name))
    assert state(group) == before


@every_engine
def test_another_leads_when_the_leader_dies(engine: str) -> None:
    group = elected(engine, A, B, C)
    first = chosen(group)
    group.crash(first)
    group.run(CHANGE_S[engine])
    assert chosen(group) != first
    assert group.leaders() == {chosen(group)}


@every_engine
def test_a_member_that_comes_back_leaves_one_leader(engine: str) -> None:
    group = elected(engine, A, B, C)
    first = chosen(group)
    group.crash(first)
    group.run(CHANGE_S[engine])
    group.start(first)
    group.run(CHANGE_S[engine])
    assert group.leaders() == {chosen(group)}


@every_engine
def test_a_group_makes_one_choice_once_a_bad_network_is_good_again(engine: str) -> None:
    group = EngineCluster(engine, A, B, C)
    group.loss, group.repeat, group.delay_s = 0.4, 0.3, (0.0, 1.0)
    group.run(60.0)
    group.loss, group.repeat, group.delay_s = 0.0, 0.0, (0.001, 0.01)
    group.run(1.0 + CHANGE_S[engine])
    assert group.leaders() == {chosen(group)}


@every_engine
def test_a_closed_engine_says_nothing(engine: str) -> None:
    group = elected(engine, A, B, C)
    first = chosen(group)
    for name in (first, min({A, B, C} - {first})):
        closed = group.engines[name]
        closed.close(group.now)
        closed.close(group.now)
        before = len(group.said)
        for sender in (A, B, C):
            for word in (*GOSSIP_WORDS, *RAFT_WORDS):
                assert closed.on_message(sender, word, group.electorate(name), group.now) == []
        closed.on_acting(name, TERM, group.electorate(name), group.now)
        closed.step_aside(group.electorate(name), group.now)
        group.run(60.0)
        assert [say for _, sender, say in group.said[before:] if sender == name] == []
        assert closed.role is Role.CLOSED
        assert closed.deadline(group.now) == FOREVER


@every_engine
def test_a_node_that_is_not_fit_is_not_chosen_for_long(engine: str) -> None:
    group = elected(engine, A, B, C)
    first = chosen(group)
    group.full_disks.add(first)
    group.run(CHANGE_S[engine])
    for _ in range(40):
        group.run(1.0)
        assert first not in group.choices()
    assert group.leaders() == {chosen(group)}


@every_engine
def test_a_node_that_starts_with_a_sick_disk_is_never_chosen(engine: str) -> None:
    group = EngineCluster(engine, A, B, C)
    group.full_disks.add(A)
    for _ in range(80):
        group.run(0.5)
        assert A not in group.choices()
    assert group.leaders() == {chosen(group)}


@every_engine
def test_stepping_aside_moves_the_lead(engine: str) -> None:
    group = elected(engine, A, B, C)
    first = chosen(group)
    group.step_aside(first)
    group.run(CHANGE_S[engine])
    assert chosen(group) != first
    assert group.leaders() == {chosen(group)}


@every_engine
def test_the_same_times_give_the_same_answers(engine: str) -> None:
    def told(seed: int) -> tuple[object, ...]:
        group = EngineCluster(engine, A, B, C, seed=seed)
        group.loss, group.repeat, group.delay_s = 0.2, 0.2, (0.0, 0.5)
        group.run(40.0)
        group.crash(A)
        group.run(40.0)
        return group.said, group.role_changes, group.complaints, state(group)

    assert told(7) == told(7)


@every_engine
def test_messages_of_other_engines_change_nothing(engine: str) -> None:
    group = elected(engine, A, B, C)
    before = state(group)
    said = len(group.said)
    for to in (A, B, C):
        for sender in {A, B, C} - {to}:
            for word in FOREIGN[engine]:
                group.receive(sender, to, word)
    assert state(group) == before
    assert len(group.said) == said


@every_engine
def test_messages_of_strangers_change_nothing(engine: str) -> None:
    group = elected(engine, A, B, C)
    before = state(group)
    said = len(group.said)
    for to in (A, B, C):
        for word in (*GOSSIP_WORDS, *RAFT_WORDS):
            group.receive(D, to, word)
    assert state(group) == before
    assert len(group.said) == said


@every_engine
def test_advancing_twice_to_the_same_time_changes_nothing(engine: str) -> None:
    """`advance` may be called more often than the deadline asks for."""
    group = EngineCluster(engine, A, B, C)
    for _ in range(200):
        group.run(0.1)
        for name in group.engines:
            group.advance(name)
        before = state(group), len(group.said), len(group.role_changes)
        for name in group.engines:
            group.advance(name)
        assert (state(group), len(group.said), len(group.role_changes)) == before


@every_engine
def test_each_turn_begins_where_the_last_one_ended_and_no_problem_is_reported(engine: str) -> None:
    group = elected(engine, A, B, C)
    group.crash(chosen(group))
    group.run(CHANGE_S[engine])
    for name in (A, B, C):
        roles = [(t.before, t.after) for _, who, t in group.role_changes if who == name]
        assert [before for before, _ in roles][1:] == [after for _, after in roles][:-1]
        assert all(before is not after for before, after in roles)
    assert [c for _, _, c in group.complaints if isinstance(c, Complaint)] == []


@every_engine
def test_the_heir_is_another_able_member(engine: str) -> None:
    group = elected(engine, A, B, C)
    first = chosen(group)
    heir = group.engines[first].next_leader(group.electorate(first))
    assert heir in {A, B, C} - {first}
    group.full_disks |= {A, B, C} - {first}
    assert group.engines[first].next_leader(group.electorate(first)) is None


@every_engine
def test_a_leader_that_acts_is_kept_by_everybody(engine: str) -> None:
    group = elected(engine, A, B, C)
    first = group.master = chosen(group)
    group.run(100.0)
    assert group.choices() == {first}
    assert group.leaders() == {first}

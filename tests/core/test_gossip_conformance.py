"""The gossip engine keeps each sentence of the algorithm in Hyperledger Fabric's election module.

First the properties that it claims, then its pseudo code, then the scenarios that Fabric tests.
Each is paraphrased.
"""

import pytest

from qutrio.core.election.engine_messages import LeadershipDeclaration, LeadershipProposal
from qutrio.core.election.gossip import Gossip
from qutrio.core.election.interface import Outgoing, Role
from qutrio.model.ids import NodeId
from tests.core.engine_cluster import EngineCluster
from tests.core.gossip_bench import (
    ALIVE_S,
    DECLARATION,
    ELECTION_S,
    GRACE_S,
    GROUP,
    PROPOSAL,
    SAMPLE_S,
    candidate,
    follower,
    leader,
    seen_by,
)
from tests.core.samples import A, B, C, D, E, at

ELECTED_S = SAMPLE_S + ELECTION_S + 0.1
"""From a common start to the first leader."""
CHANGED_S = 2 * ALIVE_S + ELECTION_S + 1.0
"""From the last sign of a leader to the next leader, also where one waited for a lower id."""


def cluster(*members: NodeId) -> EngineCluster:
    return EngineCluster("gossip", *members)


# --- the properties -------------------------------------------------------------------------


def test_symmetry_is_broken_by_comparing_ids() -> None:
    """Of equal nodes the lowest id leads."""
    group = cluster(C, A, B)
    group.run(ELECTED_S)
    assert group.leaders() == {A}


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_the_same_view_everywhere_makes_exactly_one_leader(count: int) -> None:
    """Every node leads or follows, and with one common view there is one that leads."""
    group = cluster(*(A, B, C, D, E)[:count])
    group.run(ELECTED_S if count > 1 else GRACE_S + ELECTED_S)
    assert len(group.leaders()) == 1
    roles = [engine.role for engine in group.engines.values()]
    assert roles.count(Role.FOLLOWER) == count - 1


def test_there_is_one_leader_per_partition_and_one_after_healing() -> None:
    """A split makes as many leaders as sides; when it ends, one of them remains."""
    group = cluster(A, B, C, D, E)
    group.run(ELECTED_S)
    group.split({A, E}, {B, C}, {D})
    group.run(CHANGED_S)
    assert group.leaders() == {A, B, D}
    group.heal()
    group.run(CHANGED_S)
    assert group.leaders() == {A}
    assert group.choices() == {A}


def test_nodes_say_proposals_and_declarations_only() -> None:
    """The algorithm has no other message."""
    group = cluster(A, B, C)
    group.run(GRACE_S)
    group.crash(A)
    group.run(CHANGED_S)
    assert {type(say.message) for _, _, say in group.said} == {
        LeadershipProposal,
        LeadershipDeclaration,
    }


# --- the pseudo code: start -----------------------------------------------------------------


def test_a_node_begins_without_a_known_leader() -> None:
    """The variable that says whether a leader is known starts as false."""
    engine = Gossip(me=B, now=at(0))
    assert engine.choice(seen_by(B), at(0)) is None
    assert engine.role is Role.FOLLOWER


@pytest.mark.parametrize("engine", [Gossip(me=B, now=at(0)), candidate(B), follower(B, of=C)])
def test_a_declaration_at_any_time_makes_a_leader_known(engine: Gossip) -> None:
    """A node always listens; the node that declares itself is then its known leader."""
    moment = at(4)
    engine.on_message(A, DECLARATION, seen_by(B), moment)
    assert engine.choice(seen_by(B), moment) == A


def test_the_start_waits_until_the_view_is_stable() -> None:
    """While members still appear, nobody proposes."""
    engine = Gossip(me=A, now=at(0))
    views = [frozenset({A, B}), GROUP, frozenset({A, C}), GROUP]
    for second, view in enumerate(views):
        assert engine.advance(seen_by(A, view), at(second * SAMPLE_S)) == []
    assert engine.advance(seen_by(A, GROUP), at(4 * SAMPLE_S)) == [Outgoing(None, PROPOSAL)]


def test_the_start_ends_with_a_declaration() -> None:
    """If there is a leader already, the wait for a stable view is not needed."""
    engine = Gossip(me=A, now=at(0))
    engine.advance(seen_by(A), at(0))
    engine.on_message(C, DECLARATION, seen_by(A), at(0.5))
    assert engine.advance(seen_by(A), at(SAMPLE_S)) == []
    assert engine.choice(seen_by(A), at(SAMPLE_S)) == C


def test_the_start_ends_when_its_time_is_over() -> None:
    """A view that keeps changing does not make a node wait forever."""
    engine = Gossip(me=A, now=at(0))
    views = [frozenset({A, B}), GROUP]
    for second in range(int(GRACE_S)):
        assert engine.advance(seen_by(A, views[second % 2]), at(second)) == []
    assert engine.advance(seen_by(A, views[1]), at(GRACE_S)) == [Outgoing(None, PROPOSAL)]


# --- the pseudo code: the steady state ------------------------------------------------------


def test_without_a_known_leader_there_is_an_election() -> None:
    """Only a node that knows no leader begins an election."""
    engine = candidate(B)
    assert engine.role is Role.CANDIDATE
    known = follower(B, of=A)
    assert known.advance(seen_by(B), at(ALIVE_S - 0.1)) == []
    assert known.role is Role.FOLLOWER


def test_a_leader_declares_itself_again_and_again() -> None:
    """As long as it leads, a node repeats its declaration to all."""
    group = cluster(A, B)
    group.run(ELECTED_S)
    before = len(group.said)
    group.run(10 * ALIVE_S)
    later = group.said[before:]
    assert {(sender, say) for _, sender, say in later} == {(A, Outgoing(None, DECLARATION))}
    assert len(later) == 20


def test_a_leader_that_hears_a_lower_one_becomes_a_follower() -> None:
    """Of two leaders the higher gives way; the lower does not."""
    high, low = leader(B), leader(A)
    assert high.on_message(A, DECLARATION, seen_by(B), at(7)) == []
    assert (high.role, high.choice(seen_by(B), at(7))) == (Role.FOLLOWER, A)
    low.on_message(B, DECLARATION, seen_by(A), at(7))
    assert low.role is Role.LEADER


def test_a_follower_that_hears_nothing_for_too_long_knows_no_leader() -> None:
    """A leader is known for one threshold after its last declaration."""
    engine = follower(B, of=A)
    assert engine.choice(seen_by(B), at(ALIVE_S - 0.1)) == A
    assert engine.choice(seen_by(B), at(ALIVE_S)) is None
    assert engine.advance(seen_by(B), at(ALIVE_S)) == [Outgoing(None, PROPOSAL)]


# --- the pseudo code: an election -----------------------------------------------------------


def test_an_election_begins_with_a_proposal_to_all() -> None:
    """A node that finds no leader proposes itself to all."""
    engine = Gossip(me=C, now=at(0))
    engine.advance(seen_by(C), at(0))
    assert engine.advance(seen_by(C), at(SAMPLE_S)) == [Outgoing(None, PROPOSAL)]


def test_proposals_are_collected_for_a_while() -> None:
    """No node leads before the others had time to propose themselves."""
    engine = candidate(A)
    for tenth in range(10, 60):
        engine.advance(seen_by(A), at(tenth / 10))
        assert engine.role is Role.CANDIDATE
    engine.advance(seen_by(A), at(1 + ELECTION_S))
    assert engine.role is Role.LEADER


@pytest.mark.parametrize("other", [A, C])
def test_a_declaration_while_collecting_ends_the_election(other: NodeId) -> None:
    """The declared leader is followed, whether its id is lower or higher."""
    engine = candidate(B)
    engine.on_message(other, DECLARATION, seen_by(B), at(2))
    assert engine.advance(seen_by(B), at(1 + ELECTION_S)) == []
    assert engine.choice(seen_by(B), at(1 + ELECTION_S)) == other


def test_one_lower_proposal_among_all_is_enough_to_give_way() -> None:
    """All collected proposals are compared."""
    engine = candidate(C)
    for sender in (E, B, D):
        everybody = seen_by(C, frozenset({A, B, C, D, E}), voters=frozenset({A, B, C, D, E}))
        engine.on_message(sender, PROPOSAL, everybody, at(2))
    assert engine.advance(everybody, at(1 + ELECTION_S)) == []
    assert engine.role is Role.FOLLOWER


def test_without_a_lower_proposal_a_node_declares_itself() -> None:
    """Higher proposals do not prevent it, and it declares itself when it begins to lead."""
    engine = candidate(B)
    engine.on_message(C, PROPOSAL, seen_by(B), at(2))
    assert engine.advance(seen_by(B), at(1 + ELECTION_S)) == [Outgoing(None, DECLARATION)]
    assert engine.role is Role.LEADER


# --- comments in the code -------------------------------------------------------------------


def test_messages_of_peers_outside_the_view_are_ignored() -> None:
    """The engine accepts messages only from nodes that this node considers alive."""
    engine = candidate(B)
    without_a = seen_by(B, frozenset({B, C}))
    engine.on_message(A, PROPOSAL, without_a, at(2))
    engine.on_message(A, DECLARATION, without_a, at(2))
    assert engine.advance(without_a, at(1 + ELECTION_S)) == [Outgoing(None, DECLARATION)]


def test_two_declarations_during_one_wait_count_as_one() -> None:
    """A repeated declaration has no further effect."""
    engine = candidate(B)
    engine.on_message(A, DECLARATION, seen_by(B), at(2))
    engine.on_message(A, DECLARATION, seen_by(B), at(2))
    assert len(engine.news()) == 2
    assert engine.deadline(at(2)) == 2 + ALIVE_S


def test_a_node_that_yields_takes_no_part_in_elections() -> None:
    """It neither proposes nor declares itself, whatever it hears."""
    engine = leader(A)
    engine.step_aside(seen_by(A), at(7))
    engine.on_message(B, PROPOSAL, seen_by(A), at(8))
    assert engine.advance(seen_by(A), at(8)) == []
    assert engine.role is Role.FOLLOWER


def test_yielding_ends_when_another_leads() -> None:
    """Once another leader was declared, the node is an ordinary follower."""
    engine = leader(A)
    engine.step_aside(seen_by(A), at(7))
    engine.on_message(B, DECLARATION, seen_by(A), at(8))
    assert engine.advance(seen_by(A), at(8 + ALIVE_S)) == [Outgoing(None, PROPOSAL)]


def test_yielding_ends_by_itself_after_six_thresholds() -> None:
    """If nobody else leads, the node comes back."""
    engine = leader(A)
    engine.step_aside(seen_by(A), at(7))
    assert engine.advance(seen_by(A), at(6.9 + 6 * ALIVE_S)) == []
    assert engine.advance(seen_by(A), at(7 + 6 * ALIVE_S)) == [Outgoing(None, PROPOSAL)]


def test_only_a_leader_that_does_not_yield_yet_can_yield() -> None:
    """A second yield changes nothing; the time does not begin again."""
    engine = leader(A)
    engine.step_aside(seen_by(A), at(7))
    engine.step_aside(seen_by(A), at(50))
    assert len(engine.news()) == 1
    assert engine.advance(seen_by(A), at(7 + 6 * ALIVE_S)) == [Outgoing(None, PROPOSAL)]


# --- Fabric's scenarios ---------------------------------------------------------------------


def test_ten_peers_that_start_together_elect_the_lowest() -> None:
    """Everybody starts at once: the lowest id is the one leader."""
    group = cluster(*(NodeId(f"n{number}") for number in range(9, -1, -1)))
    group.run(GRACE_S + ELECTION_S)
    assert group.leaders() == {NodeId("n0")}


def test_the_first_of_peers_that_start_slowly_keeps_the_lead() -> None:
    """They start one by one, the highest id first; later, lower ids follow it."""
    group = cluster(D, C, B, A)
    for name in (C, B, A):
        group.crash(name)
    for name in (C, B, A):
        group.run(GRACE_S + ELECTED_S)
        group.start(name)
    group.run(GRACE_S + ELECTED_S)
    assert group.leaders() == {D}
    assert group.choices() == {D}


def test_stopped_peers_say_nothing_more() -> None:
    """A node sends nothing after its engine was closed."""
    group = cluster(A, B, C, D)
    group.run(ELECTED_S)
    for engine in group.engines.values():
        engine.close(group.now)
    before = len(group.said)
    group.run(5 * ALIVE_S)
    assert len(group.said) == before


def test_two_groups_that_meet_keep_the_lower_leader() -> None:
    """Two sides with a leader each become one group: the lower leads, though not the lowest."""
    group = cluster(A, B, C, D)
    group.split({C, D}, {A, B})
    group.step_aside(A)
    group.run(GRACE_S + ELECTED_S)
    assert group.leaders() == {B, C}
    group.heal()
    group.run(5 * ALIVE_S)
    assert group.leaders() == {B}
    assert group.choices() == {B}


def test_the_lowest_of_the_rest_takes_over() -> None:
    """The leader stops: the lowest of the remaining ids leads."""
    group = cluster(E, D, C, B)
    group.run(ELECTED_S)
    group.crash(B)
    group.run(CHANGED_S)
    assert group.leaders() == {C}


def test_a_leader_that_yields_is_replaced_and_does_not_come_back() -> None:
    """Another node leads, and the lowest id follows it."""
    group = cluster(A, B, C)
    group.run(ELECTED_S)
    group.step_aside(A)
    assert group.leaders() == set()
    group.run(CHANGED_S)
    assert group.leaders() == {B}
    group.run(10 * ALIVE_S)
    assert group.leaders() == {B}


def test_a_single_peer_that_yields_leads_again_after_a_while() -> None:
    """If there is no other node, it leads again."""
    group = cluster(A)
    group.run(GRACE_S + ELECTED_S)
    assert group.leaders() == {A}
    group.step_aside(A)
    assert group.leaders() == set()
    group.run(6 * ALIVE_S + ELECTED_S)
    assert group.leaders() == {A}


def test_of_two_that_yield_in_turn_the_first_leads_in_the_end() -> None:
    """The lead goes to the other node, and comes back."""
    group = cluster(A, B)
    group.run(ELECTED_S)
    group.step_aside(A)
    group.run(CHANGED_S)
    assert group.leaders() == {B}
    group.step_aside(B)
    group.run(CHANGED_S)
    assert group.leaders() == {A}


def test_everybody_alone_leads_and_the_lowest_remains_after_healing() -> None:
    """While all are isolated each leads itself; after healing the lowest leads."""
    group = cluster(A, B, C, D, E)
    group.run(ELECTED_S)
    group.split({A}, {B}, {C}, {D}, {E})
    group.run(CHANGED_S)
    assert group.leaders() == {A, B, C, D, E}
    group.heal()
    group.run(CHANGED_S)
    assert group.leaders() == {A}

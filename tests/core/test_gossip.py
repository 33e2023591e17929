"""The gossip engine: its messages, timers and choice, one engine at a time."""

from qutrio.core.election.engine_messages import LeaderHeartbeat
from qutrio.core.election.gossip import Gossip
from qutrio.core.election.interface import Outgoing, Role
from tests.core.gossip_bench import (
    ALIVE_S,
    DECLARATION,
    ELECTION_S,
    GRACE_S,
    GROUP,
    PROPOSAL,
    SAMPLE_S,
    TERM,
    candidate,
    follower,
    leader,
    seen_by,
)
from tests.core.samples import A, B, C, D, at

# --- the start ------------------------------------------------------------------------------


def test_a_view_that_grows_is_sampled_until_two_samples_are_equal() -> None:
    engine = Gossip(me=A, now=at(0))
    two = frozenset({A, B})
    assert engine.advance(seen_by(A, two), at(0)) == []
    assert engine.deadline(at(0)) == SAMPLE_S
    assert engine.advance(seen_by(A), at(1)) == []
    assert engine.role is Role.FOLLOWER
    assert engine.advance(seen_by(A), at(2)) == [Outgoing(None, PROPOSAL)]


def test_a_view_of_the_same_size_with_other_members_is_not_stable() -> None:
    engine = Gossip(me=A, now=at(0))
    engine.advance(seen_by(A, frozenset({A, B})), at(0))
    assert engine.advance(seen_by(A, frozenset({A, C})), at(1)) == []
    assert engine.role is Role.FOLLOWER


def test_strangers_in_the_view_do_not_count() -> None:
    engine = Gossip(me=A, now=at(0))
    engine.advance(seen_by(A), at(0))
    assert engine.advance(seen_by(A, GROUP | {D}), at(1)) == [Outgoing(None, PROPOSAL)]


def test_a_starter_that_sees_only_itself_waits_for_the_whole_grace() -> None:
    engine = Gossip(me=A, now=at(0))
    lonely = seen_by(A, frozenset({A}))
    moment = at(0)
    while moment < GRACE_S:
        assert engine.advance(lonely, moment) == []
        assert moment < engine.deadline(moment) <= GRACE_S
        moment = engine.deadline(moment)
    assert engine.advance(lonely, moment) == [Outgoing(None, PROPOSAL)]


def test_the_only_voter_waits_for_nobody() -> None:
    engine = Gossip(me=A, now=at(0))
    alone = frozenset({A})
    engine.advance(seen_by(A, alone, voters=alone), at(0))
    assert engine.advance(seen_by(A, alone, voters=alone), at(1)) == [Outgoing(None, PROPOSAL)]
    said = engine.advance(seen_by(A, alone, voters=alone), at(1 + ELECTION_S))
    assert said == [Outgoing(None, DECLARATION)]


def test_no_sample_is_taken_before_its_time() -> None:
    engine = Gossip(me=A, now=at(0))
    engine.advance(seen_by(A), at(0))
    assert engine.advance(seen_by(A), at(SAMPLE_S / 2)) == []
    assert engine.role is Role.FOLLOWER
    assert engine.deadline(at(SAMPLE_S / 2)) == SAMPLE_S


# --- elections ------------------------------------------------------------------------------


def test_a_proposal_is_repeated_with_each_sample_while_collecting() -> None:
    engine = candidate(B)
    assert engine.advance(seen_by(B), at(1)) == []
    assert engine.advance(seen_by(B), at(1.9)) == []
    assert engine.advance(seen_by(B), at(2)) == [Outgoing(None, PROPOSAL)]
    assert engine.deadline(at(2)) == 3.0


def test_a_candidate_that_hears_a_lower_proposal_waits_a_lifetime_and_tries_again() -> None:
    engine = candidate(B)
    assert engine.on_message(A, PROPOSAL, seen_by(B), at(3)) == []
    assert engine.advance(seen_by(B), at(6)) == []
    assert (engine.role, engine.choice(seen_by(B), at(6))) == (Role.FOLLOWER, None)
    assert engine.deadline(at(6)) == 6 + ALIVE_S
    assert engine.advance(seen_by(B), at(6 + ALIVE_S)) == [Outgoing(None, PROPOSAL)]
    assert engine.advance(seen_by(B), at(11 + ALIVE_S)) == [Outgoing(None, DECLARATION)]


def test_higher_and_repeated_proposals_change_nothing() -> None:
    engine = candidate(B)
    for _ in range(3):
        assert engine.on_message(C, PROPOSAL, seen_by(B), at(3)) == []
    assert engine.advance(seen_by(B), at(6)) == [Outgoing(None, DECLARATION)]


def test_a_proposal_from_before_the_election_does_not_count() -> None:
    engine = follower(B, of=C)
    engine.on_message(A, PROPOSAL, seen_by(B), at(5))
    assert engine.advance(seen_by(B), at(ALIVE_S)) == [Outgoing(None, PROPOSAL)]
    assert engine.advance(seen_by(B), at(ALIVE_S + ELECTION_S)) == [Outgoing(None, DECLARATION)]


def test_a_proposal_of_a_member_that_was_removed_does_not_count() -> None:
    engine = candidate(B)
    engine.on_message(A, PROPOSAL, seen_by(B), at(3))
    left = seen_by(B, voters=frozenset({B, C}))
    assert engine.advance(left, at(6)) == [Outgoing(None, DECLARATION)]


def test_a_declaration_ends_an_election_at_once_even_of_a_higher_id() -> None:
    engine = candidate(B)
    assert engine.on_message(C, DECLARATION, seen_by(B), at(2)) == []
    assert (engine.role, engine.choice(seen_by(B), at(2))) == (Role.FOLLOWER, C)
    assert engine.advance(seen_by(B), at(6)) == []


# --- leading and following ------------------------------------------------------------------


def test_a_leader_declares_itself_twice_per_lifetime() -> None:
    engine = leader(B)
    assert engine.advance(seen_by(B), at(6)) == []
    assert engine.deadline(at(6)) == 6 + ALIVE_S / 2
    assert engine.advance(seen_by(B), at(6 + ALIVE_S / 2)) == [Outgoing(None, DECLARATION)]


def test_a_leader_answers_proposals_and_higher_declarations_with_its_own() -> None:
    engine = leader(B)
    assert engine.on_message(C, DECLARATION, seen_by(B), at(7)) == [Outgoing(C, DECLARATION)]
    assert engine.on_message(A, PROPOSAL, seen_by(B), at(7)) == [Outgoing(A, DECLARATION)]
    assert engine.role is Role.LEADER


def test_a_follower_keeps_a_living_leader_and_takes_a_lower_one() -> None:
    engine = follower(D, of=B)
    seen = seen_by(D, GROUP | {D}, voters=GROUP | {D})
    assert engine.on_message(C, DECLARATION, seen, at(1)) == []
    assert engine.choice(seen, at(1)) == B
    engine.on_message(A, DECLARATION, seen, at(2))
    assert engine.choice(seen, at(2)) == A


def test_an_old_declaration_makes_room_for_a_higher_leader() -> None:
    engine = follower(A, of=B)
    engine.on_message(C, DECLARATION, seen_by(A), at(ALIVE_S))
    assert engine.choice(seen_by(A), at(ALIVE_S)) == C


def test_each_declaration_of_the_leader_lasts_for_a_lifetime() -> None:
    engine = follower(B, of=A)
    engine.on_message(A, DECLARATION, seen_by(B), at(9))
    assert engine.deadline(at(9)) == 9 + ALIVE_S
    assert engine.advance(seen_by(B), at(ALIVE_S)) == []
    assert engine.advance(seen_by(B), at(9 + ALIVE_S)) == [Outgoing(None, PROPOSAL)]


def test_a_leader_that_was_removed_is_no_longer_followed() -> None:
    engine = follower(B, of=A)
    left = seen_by(B, voters=frozenset({B, C}))
    assert engine.choice(left, at(1)) is None
    assert engine.advance(left, at(1)) == [Outgoing(None, PROPOSAL)]


# --- what is ignored ------------------------------------------------------------------------


def test_messages_of_strangers_of_the_dead_of_itself_and_of_other_engines_change_nothing() -> None:
    engine = leader(B)
    seen = seen_by(B, frozenset({B, C, D}))
    for sender, message in (
        (D, DECLARATION),
        (A, DECLARATION),
        (A, PROPOSAL),
        (B, DECLARATION),
        (C, LeaderHeartbeat(term=TERM)),
    ):
        assert engine.on_message(sender, message, seen, at(7)) == []
    assert engine.role is Role.LEADER
    assert engine.news() == []

"""The gossip engine and the master: who may lead, stepping aside, and every turn."""

from attrs import evolve

from qutrio.core.election.gossip import (
    ALONE,
    ASIDE,
    BARRED,
    CLOSED,
    HEARD,
    LOWER_LEADS,
    LOWER_PROPOSED,
    MASTER,
    NEWS_MAX,
    NOBODY_LOWER,
    TRANSITIONS,
    Gossip,
)
from qutrio.core.election.interface import News, Outgoing, Role, RoleChange
from qutrio.core.quorum.majorities import JointConfig
from qutrio.model.ids import FOREVER, Term
from qutrio.model.stable import HardState
from tests.core.gossip_bench import (
    ALIVE_S,
    DECLARATION,
    GRACE_S,
    GROUP,
    PROPOSAL,
    SAMPLE_S,
    TERM,
    candidate,
    follower,
    leader,
    reasons,
    seen_by,
)
from tests.core.samples import A, B, C, D, at

# --- the master -----------------------------------------------------------------------------


def test_a_node_that_acts_when_its_engine_begins_leads_without_a_gap() -> None:
    engine = Gossip(me=B, now=at(0))
    engine.on_acting(B, TERM, seen_by(B), at(0))
    assert engine.choice(seen_by(B), at(0)) == B
    assert engine.deadline(at(0)) == at(0), "the declaration is due"
    assert engine.advance(seen_by(B), at(0)) == [Outgoing(None, DECLARATION)]
    engine.on_acting(B, TERM, seen_by(B), at(1))
    assert reasons(engine.news()) == [MASTER]


def test_a_candidate_that_acts_leads_at_once() -> None:
    engine = candidate(B)
    engine.on_acting(B, TERM, seen_by(B), at(1.5))
    assert engine.advance(seen_by(B), at(1.5)) == [Outgoing(None, DECLARATION)]
    assert reasons(engine.news()) == [ALONE, MASTER]


def test_a_node_that_hears_a_master_follows_it_and_ends_its_grace() -> None:
    engine = Gossip(me=A, now=at(0))
    engine.on_acting(C, TERM, seen_by(A), at(0))
    assert engine.advance(seen_by(A), at(0)) == []
    assert engine.choice(seen_by(A), at(0)) == C
    assert engine.deadline(at(0)) == ALIVE_S


def test_a_candidate_that_hears_a_master_follows_it() -> None:
    engine = candidate(A)
    engine.on_acting(C, TERM, seen_by(A), at(2))
    assert engine.choice(seen_by(A), at(2)) == C
    assert reasons(engine.news()) == [ALONE, HEARD]


def test_acting_is_a_sign_of_life_of_the_known_leader_only() -> None:
    engine = follower(B, of=A)
    engine.on_acting(C, TERM, seen_by(B), at(5))
    assert engine.choice(seen_by(B), at(5)) == A
    engine.on_acting(A, TERM, seen_by(B), at(6))
    assert engine.deadline(at(6)) == 6 + ALIVE_S


def test_a_follower_that_acts_itself_keeps_its_leader() -> None:
    engine = follower(B, of=A)
    engine.on_acting(B, TERM, seen_by(B), at(5))
    assert (engine.role, engine.choice(seen_by(B), at(5))) == (Role.FOLLOWER, A)


def test_a_leader_stays_leader_whoever_is_master() -> None:
    engine = leader(B)
    engine.on_acting(A, TERM, seen_by(B), at(7))
    assert engine.role is Role.LEADER


def test_a_stranger_that_claims_to_act_is_not_followed() -> None:
    engine = Gossip(me=A, now=at(0))
    engine.on_acting(D, TERM, seen_by(A), at(0))
    assert engine.choice(seen_by(A), at(0)) is None
    engine.advance(seen_by(A), at(0))
    assert engine.deadline(at(0)) == SAMPLE_S, "the start goes on"


def test_a_master_that_may_not_lead_does_not_choose_itself() -> None:
    engine = Gossip(me=B, now=at(0))
    sick = seen_by(B, master=B, fit=False)
    engine.on_acting(B, TERM, sick, at(0))
    assert (engine.role, engine.choice(sick, at(0))) == (Role.FOLLOWER, None)


def test_without_a_leader_the_master_is_the_choice() -> None:
    engine = Gossip(me=A, now=at(0))
    assert engine.choice(seen_by(A), at(0)) is None
    assert engine.choice(seen_by(A, master=C), at(0)) == C
    assert engine.choice(seen_by(A, master=A), at(0)) == A


def test_the_successor_is_the_known_leader_if_it_is_another_and_able() -> None:
    engine = follower(B, of=A)
    assert engine.successor(seen_by(B, master=B), at(1)) == A
    assert engine.successor(seen_by(B, able=frozenset({B, C})), at(1)) is None
    assert engine.successor(seen_by(B), at(ALIVE_S)) is None
    assert leader(B).successor(seen_by(B), at(7)) is None


def test_the_heir_is_the_lowest_able_id_beside_this_node() -> None:
    assert leader(A).next_leader(seen_by(A)) == B
    assert leader(A).next_leader(seen_by(A, able=frozenset({A}))) is None


# --- who may not lead -----------------------------------------------------------------------


def test_a_node_with_a_sick_disk_neither_proposes_nor_leads() -> None:
    engine = Gossip(me=A, now=at(0))
    for second in range(60):
        assert engine.advance(seen_by(A, fit=False), at(second)) == []
        assert engine.deadline(at(second)) > second
    assert engine.deadline(at(60)) == FOREVER
    assert engine.advance(seen_by(A), at(60)) == [Outgoing(None, PROPOSAL)]


def test_a_leader_whose_disk_turns_sick_stops_leading() -> None:
    engine = leader(A)
    assert engine.advance(seen_by(A, fit=False), at(7)) == []
    assert engine.choice(seen_by(A, fit=False), at(7)) is None
    assert reasons(engine.news()) == [BARRED]


def test_a_candidate_that_is_no_longer_a_voter_is_a_follower() -> None:
    engine = candidate(A)
    assert engine.advance(seen_by(A, voters=frozenset({B, C})), at(7)) == []
    assert reasons(engine.news()) == [ALONE, BARRED]


def test_a_voter_of_the_accepted_document_only_does_not_lead_yet() -> None:
    engine = Gossip(me=A, now=at(0))
    voters = frozenset({B, C})
    seen = evolve(seen_by(A), joint_config=JointConfig(voters, GROUP))
    for second in range(30):
        assert engine.advance(seen, at(second)) == []


# --- stepping aside -------------------------------------------------------------------------


def test_a_leader_that_steps_aside_stays_out_until_another_leads() -> None:
    engine = leader(A)
    engine.step_aside(seen_by(A), at(7))
    assert (engine.role, engine.choice(seen_by(A, master=A), at(7))) == (Role.FOLLOWER, None)
    engine.on_acting(A, TERM, seen_by(A), at(7))
    assert engine.advance(seen_by(A), at(40)) == []
    engine.on_message(C, DECLARATION, seen_by(A), at(41))
    assert engine.advance(seen_by(A), at(41 + ALIVE_S)) == [Outgoing(None, PROPOSAL)]


def test_a_node_that_stepped_aside_comes_back_after_six_lifetimes() -> None:
    engine = leader(A)
    engine.step_aside(seen_by(A), at(7))
    back = at(7 + 6 * ALIVE_S)
    assert engine.deadline(at(7)) == back
    engine.step_aside(seen_by(A), at(30))
    assert engine.deadline(at(30)) == back
    assert engine.advance(seen_by(A), at(back - 0.5)) == []
    assert engine.advance(seen_by(A), back) == [Outgoing(None, PROPOSAL)]


def test_a_candidate_that_steps_aside_proposes_no_more() -> None:
    engine = candidate(A)
    engine.step_aside(seen_by(A), at(2))
    assert engine.advance(seen_by(A), at(6)) == []
    assert reasons(engine.news()) == [ALONE, ASIDE]


def test_stepping_aside_changes_nothing_for_a_follower() -> None:
    engine = follower(B, of=A)
    engine.step_aside(seen_by(B), at(1))
    assert engine.advance(seen_by(B), at(ALIVE_S)) == [Outgoing(None, PROPOSAL)]


def test_a_starter_that_steps_aside_stays_out_after_its_grace() -> None:
    engine = Gossip(me=A, now=at(0))
    engine.step_aside(seen_by(A), at(0))
    assert engine.advance(seen_by(A), at(GRACE_S)) == []
    assert engine.deadline(at(GRACE_S)) == 6 * ALIVE_S


# --- the rest of the protocol ---------------------------------------------------------------


def test_a_closed_engine_sends_and_does_nothing() -> None:
    for engine in (Gossip(me=B, now=at(0)), candidate(B), leader(B), follower(B, of=A)):
        engine.close(at(7))
        engine.close(at(7))
        assert engine.on_message(A, DECLARATION, seen_by(B), at(8)) == []
        engine.on_acting(B, TERM, seen_by(B), at(8))
        engine.step_aside(seen_by(B), at(8))
        assert engine.advance(seen_by(B), at(99)) == []
        assert engine.deadline(at(99)) == FOREVER
        assert engine.role is Role.CLOSED
        assert engine.choice(seen_by(B), at(8)) is None
        assert reasons(engine.news())[-1:] == [CLOSED]


def test_nothing_is_remembered_across_a_restart() -> None:
    engine = leader(A)
    engine.restore(HardState(Term(3), B))
    assert engine.hard_state == HardState()
    assert engine.role is Role.LEADER


def test_turns_that_nobody_drains_are_bounded() -> None:
    engine = leader(B)
    for second in range(7, 7 + NEWS_MAX):
        engine.on_message(A, DECLARATION, seen_by(B), at(30 * second))
        engine.advance(seen_by(B), at(30 * second + 10))
        engine.advance(seen_by(B), at(30 * second + 15))
    assert len(engine.news()) == NEWS_MAX
    assert engine.news() == []


def every_turn() -> list[News]:
    """Return the turns of engines that together take every row of the state table."""
    news: list[News] = []
    for why in (MASTER, HEARD, LOWER_PROPOSED, BARRED, ASIDE, NOBODY_LOWER, CLOSED):
        for engine in (Gossip(me=B, now=at(0)), candidate(B), leader(B)):
            happens(why, engine)
            news += engine.news()
    return news


def happens(why: str, engine: Gossip) -> None:
    match why:
        case "stepped aside":
            engine.step_aside(seen_by(B), at(6))
        case "closed":
            engine.close(at(6))
        case "a leader was heard":
            engine.on_message(A, DECLARATION, seen_by(B), at(6))
        case "a lower id proposed itself":
            engine.on_message(A, PROPOSAL, seen_by(B), at(6))
        case "this node is master, and no leader is known":
            engine.on_acting(B, TERM, seen_by(B), at(6))
        case _:
            pass
    engine.advance(seen_by(B, fit=why != BARRED), at(6))


def test_the_state_table_has_every_turn_and_no_other() -> None:
    """Each turn is a row, and each row is taken."""
    taken = {(t.before, t.reason, t.after) for t in every_turn() if isinstance(t, RoleChange)}
    assert taken == set(TRANSITIONS)
    assert LOWER_LEADS in {reason for _, reason, _ in taken}

"""The leadership of a voter: what it grants, which grants count, and who is its master."""

import pytest

from qutrio.core.api.effects import Send
from qutrio.core.api.messages import CanvassAnswer, CanvassRequest, Fetch, HeartbeatAck, Resign
from qutrio.core.consensus.lease import DRIFT_MARGIN
from qutrio.core.leadership.leadership import Leadership
from qutrio.model.document import Settings
from qutrio.model.ids import NodeId, Revision, Term, UnixTime
from qutrio.model.stable import Position, Promise
from tests.core.leaderships import BOND_S, bind, leadership, meet, win
from tests.core.registers import THREE
from tests.core.samples import (
    DEAD_S,
    WALL,
    A,
    B,
    C,
    ack,
    at,
    document,
    heartbeat,
    pos,
    record,
    sent,
)


def granted(
    node: Leadership, candidate: str = A, now: float = 0.0, **fields: object
) -> Term | None:
    """Return the term that a heartbeat of a candidate is granted."""
    beat = heartbeat(**{"claim": Term(1), **fields})
    answer = node.on_heartbeat(A if candidate == A else C, beat, at(now), WALL).effects[0]
    assert isinstance(answer, Send)
    assert isinstance(answer.message, HeartbeatAck)
    return answer.message.granted


def objection(node: Leadership, term: int, now: float = 0.0) -> str:
    """Return the objection that node A gets when it asks about a term."""
    (answer,) = sent(node.on_canvass(A, CanvassRequest(term=Term(term)), at(now)), A)
    assert isinstance(answer, CanvassAnswer)
    assert answer.would is (answer.reason == "")
    return answer.reason


# --- as a voter -----------------------------------------------------------------------------


def test_a_claim_of_the_engines_choice_is_granted_and_binds() -> None:
    voter = leadership(B, THREE)
    meet(voter, 0.0, A, C)
    assert granted(voter) == 1
    assert voter.lease.promise == Promise(Term(1), A)
    assert voter.lease.bound_until == DEAD_S


def test_a_heartbeat_without_a_claim_is_answered_and_grants_nothing() -> None:
    voter = leadership(B, THREE)
    answer = sent(voter.on_heartbeat(A, heartbeat(number=7), at(0), WALL).effects, A)
    assert answer == [ack(7)]
    assert voter.lease.promise == Promise()


def test_each_heartbeat_of_the_claim_renews_the_grant() -> None:
    voter = leadership(B, THREE)
    meet(voter, 0.0, A, C)
    granted(voter)
    assert granted(voter, now=2.0) == 1
    assert voter.lease.bound_until == 2.0 + DEAD_S


def test_a_claim_that_the_engine_does_not_prefer_is_refused() -> None:
    voter = leadership(B, THREE)
    meet(voter, 0.0, A, C)
    assert granted(voter, C) is None
    assert voter.lease.promise == Promise()


def test_a_voter_does_not_object_to_the_candidate_it_is_bound_to() -> None:
    voter = leadership(B, THREE, promise=Promise(Term(1), A))
    assert objection(voter, 2) == ""  # nobody is able here, so the engine chooses nobody


def test_an_unfit_node_grants_nothing_and_renews_nothing() -> None:
    voter = leadership(B, THREE, promise=Promise(Term(1), A))
    voter.fit = False
    assert objection(voter, 2) == "cannot write its disk"
    assert granted(voter, claim=Term(2)) is None


def test_a_candidate_must_be_a_voter_but_may_finish_its_own_removal() -> None:
    learner = leadership(B, document(B, C, learners=[A]))
    assert objection(learner, 1) == "does not know the candidate as a voter"
    leaving = leadership(B, THREE, accepted=record(document(B, C, revision=2), pos(1)))
    assert objection(leaving, 1) == "prefers None"


def test_a_canvass_changes_nothing_and_is_answered_with_the_reason() -> None:
    before = Promise(Term(5), C)
    voter = leadership(C, THREE, promise=before)
    meet(voter, 0.0, A, B)
    assert objection(voter, 6) == ""
    voter.on_heartbeat(B, heartbeat(claim=Term(3), acting=True), at(0), WALL)
    assert objection(voter, 6) == ""  # nobody wrote in that term, as far as is known here
    voter.register.accepted = record(THREE, pos(3))
    voter.on_heartbeat(B, heartbeat(claim=Term(3), acting=True), at(0), WALL)
    assert objection(voter, 6) == f"prefers {B}"
    assert voter.lease.promise == before


@pytest.mark.parametrize("holder", [B, C])
def test_a_voter_that_granted_the_term_to_another_asks_the_master_for_a_higher_one(
    holder: NodeId,
) -> None:
    """Otherwise it would never grant, and be missing when another voter that granted dies."""
    voter = leadership(B, THREE, promise=Promise(Term(1), holder))
    meet(voter, 0.0, A, C)
    assert granted(voter, acting=True) is None
    assert voter.lease.heard_term == 2
    assert granted(voter, claim=Term(3), heard_term=Term(3), acting=True) is None
    voter.register.accepted = record(THREE, pos(3))  # it is established in that term
    assert granted(voter, claim=Term(3), heard_term=Term(3), acting=True) == 3
    assert voter.lease.heard_term == 3


def test_a_claim_that_does_not_act_yet_is_not_asked_for_a_higher_term() -> None:
    """Two that claimed one term at once would drive one another up."""
    voter = leadership(B, THREE, promise=Promise(Term(1), B))
    meet(voter, 0.0, A, C)
    assert granted(voter) is None
    voter.lease.claim = Term(1)
    assert granted(voter, acting=True) is None
    assert voter.lease.heard_term == 1


def test_an_unknown_engine_prefers_nobody() -> None:
    node = leadership(B, document(A, B, settings=Settings(engine="from-the-future")))
    meet(node, 0.0, A)
    assert node.choice(at(0)) is None
    assert objection(node, 1) == "prefers None"
    assert node.advance(at(0), WALL) == []


def test_a_voter_is_bound_for_the_longer_timer_while_timers_change() -> None:
    slower = document(A, B, C, settings=Settings(dead_after_s=9.0), revision=2)
    voter = leadership(B, THREE, accepted=record(slower, pos(1)))
    assert voter.engine_host.bound_s == 9.0
    (answer,) = sent(voter.on_heartbeat(A, heartbeat(), at(0), WALL).effects, A)
    assert isinstance(answer, HeartbeatAck)
    assert answer.bound_s == 9.0


def test_a_heartbeat_with_a_newer_commit_makes_this_node_fetch_it_once_in_a_while() -> None:
    voter = leadership(B, THREE)
    first = voter.on_heartbeat(A, heartbeat(committed=pos(1)), at(0), WALL).effects
    assert Fetch(accepted=False) in sent(first, A)
    second = voter.on_heartbeat(A, heartbeat(committed=pos(1)), at(1), WALL).effects
    assert len(second) == 1


def test_the_skew_of_wall_clocks_is_kept_for_display() -> None:
    node = leadership(B, THREE)
    node.on_heartbeat(A, heartbeat(wall=UnixTime(WALL + 2.5)), at(0), WALL)
    assert node.clocks.skew == {A: 2.5}


# --- grants of others -----------------------------------------------------------------------


def test_a_grant_counts_from_when_the_heartbeat_was_sent_and_a_tenth_shorter() -> None:
    node = leadership(A, document(A, B))
    win(node, 0.0, B)
    number = node.next_heartbeat(at(1), WALL).number
    node.on_ack(B, ack(number, granted=Term(1)), at(3))  # two seconds under way
    assert node.acting_until(at(3)) == pytest.approx(1 + BOND_S)


def test_a_grant_for_a_shorter_time_counts_for_a_shorter_time() -> None:
    node = leadership(A, document(A, B))
    win(node, 0.0, B)
    number = node.next_heartbeat(at(5), WALL).number
    node.on_ack(B, ack(number, granted=Term(1), bound_s=2.0), at(5))
    assert node.acting_until(at(5)) == pytest.approx(5 + 2.0 * (1 - DRIFT_MARGIN))


def test_a_grant_whose_heartbeat_is_forgotten_does_not_count() -> None:
    node = leadership(A, document(A, B))
    win(node, 0.0, B)
    node.on_ack(B, ack(999, granted=Term(1)), at(5))
    assert node.acting_until(at(5)) is None


def test_a_lease_is_counted_with_the_shorter_timer_while_timers_change() -> None:
    slower = document(A, B, settings=Settings(dead_after_s=9.0), revision=2)
    node = leadership(A, document(A, B))
    win(node, 0.0, B)
    node.register.accepted = record(slower, pos(1, 2))
    number = node.next_heartbeat(at(1), WALL).number
    node.on_ack(B, ack(number, granted=Term(1), bound_s=9.0), at(1))
    assert node.acting_until(at(1)) == pytest.approx(1 + BOND_S)


def test_a_node_is_master_only_once_its_register_is_established() -> None:
    node = leadership(A, document(A, B))
    meet(node, 0.0, B)
    node.advance(at(0), WALL)
    node.lease.count_canvass_answer(B, Term(1), would=True)
    node.advance(at(0), WALL)
    bind(node, 0.0, B)
    assert node.acting_until(at(0)) is None
    assert node.master(at(0)) is None


# --- the observed master --------------------------------------------------------------------


def test_the_master_is_known_from_its_own_heartbeat_for_dead_after() -> None:
    node = leadership(C, THREE)
    node.on_heartbeat(A, heartbeat(claim=Term(1)), at(0), WALL)
    assert node.master(at(0)) is None
    node.on_heartbeat(A, heartbeat(claim=Term(1), acting=True), at(1), WALL)
    assert node.master(at(1 + DEAD_S - 0.001)) == A
    assert node.master(at(1 + DEAD_S)) is None


def test_a_master_that_no_longer_claims_is_forgotten() -> None:
    node = leadership(C, THREE)
    node.on_heartbeat(A, heartbeat(claim=Term(1), acting=True), at(0), WALL)
    node.on_heartbeat(A, heartbeat(claim=Term(1)), at(1), WALL)
    assert node.master(at(1)) == A
    node.on_heartbeat(B, heartbeat(), at(1), WALL)
    assert node.master(at(1)) == A
    node.on_heartbeat(A, heartbeat(), at(1), WALL)
    assert node.master(at(1)) is None


def test_only_a_higher_term_replaces_a_living_master() -> None:
    node = leadership(C, THREE)
    node.on_heartbeat(A, heartbeat(claim=Term(3), acting=True), at(0), WALL)
    node.on_heartbeat(B, heartbeat(claim=Term(2), acting=True), at(0), WALL)
    assert (node.master(at(0)), node.master_term(at(0))) == (A, 3)
    node.on_heartbeat(B, heartbeat(claim=Term(4), acting=True), at(0), WALL)
    assert node.master(at(0)) == B
    node.on_heartbeat(A, heartbeat(claim=Term(3), acting=True), at(DEAD_S), WALL)
    assert node.master(at(DEAD_S)) == A


def test_a_resignation_frees_the_voter_and_forgets_the_master() -> None:
    node = leadership(C, THREE, accepted=record(THREE, pos(2)))
    meet(node, 0.0, A, B)
    node.on_heartbeat(A, heartbeat(claim=Term(2), acting=True), at(0), WALL)
    node.on_resign(A, Resign(term=Term(1), successor=None), at(1))
    node.on_resign(B, Resign(term=Term(2), successor=None), at(1))
    assert node.master(at(1)) == A
    assert node.lease.bound_until == DEAD_S
    node.on_resign(A, Resign(term=Term(2), successor=B), at(1))
    assert node.master(at(1)) is None
    assert node.lease.bound_until == at(1)


def test_a_resignation_names_a_successor_even_after_the_next_heartbeat() -> None:
    """A later heartbeat, on a new link, says first that the node is no longer master."""
    node = leadership(C, THREE, accepted=record(THREE, pos(2)), restart_wait_until=at(9))
    meet(node, 0.0, A, B)
    node.on_heartbeat(A, heartbeat(claim=Term(2), acting=True), at(0), WALL)
    assert (node.master(at(0)), node.lease.promise.holder) == (A, None)
    node.on_heartbeat(A, heartbeat(claim=None, acting=False), at(1), WALL)
    assert node.master(at(1)) is None
    node.on_resign(B, Resign(term=Term(2), successor=C, by_hand=True), at(1))
    assert node.engine_host.placed_until < at(1)
    node.on_resign(A, Resign(term=Term(2), successor=C, by_hand=True), at(1))
    assert node.engine_host.placed_until > at(1)


def test_a_delayed_heartbeat_of_a_resigned_claim_is_not_granted_again() -> None:
    node = leadership(C, THREE)
    meet(node, 0.0, A, B)
    assert granted(node, claim=Term(2)) == 2
    node.on_resign(A, Resign(term=Term(2), successor=None), at(1))
    assert granted(node, now=1.5, claim=Term(2)) is None


def test_a_farewell_counts_as_death_at_once() -> None:
    node = leadership(C, THREE)
    meet(node, 0.0, A, B)
    node.on_farewell(A)
    node.on_farewell(B)
    assert not node.membership.sees_majority(at(0))
    assert node.electorate(at(0)).able == frozenset()


# --- membership and time --------------------------------------------------------------------


def test_a_master_that_is_no_member_is_forgotten_and_its_grant_expires() -> None:
    node = leadership(C, THREE, accepted=record(THREE, pos(2)))
    meet(node, 0.0, A, B)
    granted(node, claim=Term(2), acting=True)
    node.forget_strangers(frozenset({A, B, C}))
    assert node.master(at(1)) == A
    node.forget_strangers(frozenset({B, C}))
    assert node.master(at(1)) is None
    assert node.lease.bound_until == at(DEAD_S)
    assert node.membership.contacts(at(1)) == {B, C}
    assert node.clocks.skew.keys() == {B}
    assert node.electorate(at(1)).able == {B, C}


def test_the_deadline_is_the_next_time_at_which_something_may_change() -> None:
    node = leadership(A, document(A, B), promise=Promise(Term(1), B), restart_wait_until=at(3))
    node.heartbeats.next_beat = at(5)
    assert node.deadline(at(0)) == at(3)
    assert node.deadline(at(4)) == at(5)
    assert node.deadline(at(6)) == at(5)  # overdue: a tick is due now
    acting = leadership(A, document(A, B))
    win(acting, 0.0, B)
    acting.heartbeats.next_beat = at(50)
    assert acting.deadline(at(0)) == pytest.approx(BOND_S)


def test_a_heartbeat_carries_the_state_of_the_node() -> None:
    node = leadership(A, document(A, B))
    win(node, 0.0, B)
    beat = node.next_heartbeat(at(1), WALL)
    assert (beat.claim, beat.acting, beat.able, beat.committed) == (1, True, True, pos(1))
    assert node.membership.peers() == (B,)
    assert node.master_term(at(1)) == Term(1)
    (answer,) = sent(node.on_heartbeat(B, heartbeat(), at(1), WALL).effects, B)
    assert isinstance(answer, HeartbeatAck)
    assert (answer.accepted, answer.stamp) == (pos(1), (Term(0), Revision(1)))
    assert answer.committed > Position()

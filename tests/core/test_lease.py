"""The lease: grants of voters, and how long a candidate may count on them."""

import pytest

from qutrio.core.consensus.lease import CANVASSES_PER_HEARTBEAT, Lease
from qutrio.core.quorum.bounds import TERM_JUMP_MAX
from qutrio.core.quorum.majorities import JointConfig
from qutrio.model.ids import NEVER, Instant, NodeId, Term
from qutrio.model.stable import Position, Promise
from tests.core.samples import DEAD_S, NO_PROMISE, A, B, C, D, E, at, pos


def lease(promise: Promise = NO_PROMISE, restart_wait_until: Instant = NEVER) -> Lease:
    return Lease(
        me=A, promise=promise, restart_wait_until=restart_wait_until, heard_term=promise.term
    )


def candidate(term: int = 1) -> Lease:
    held = lease()
    held.begin_claim(Term(term), at(0))
    return held


def joint_config(*nodes: NodeId) -> JointConfig:
    return JointConfig(frozenset(nodes), frozenset(nodes))


# --- as a voter -----------------------------------------------------------------------------


def test_a_free_voter_has_no_objection_and_a_canvass_binds_nobody() -> None:
    voter = lease()
    assert voter.objection(B, Term(1), at(0)) is None
    assert voter.objection(C, Term(1), at(0)) is None


@pytest.mark.parametrize("term", [4, 5])
def test_an_equal_or_lower_term_is_refused_even_to_the_candidate_it_was_granted_to(
    term: int,
) -> None:
    voter = lease(Promise(Term(5), B))
    assert voter.objection(B, Term(term), at(0)) == "granted term 5 already"


def test_a_candidate_grants_nobody_else() -> None:
    assert candidate().objection(B, Term(9), at(0)) == "claims the role itself"


def test_a_bound_voter_refuses_others_until_its_grant_ends() -> None:
    voter = lease()
    voter.grant(B, Term(1), DEAD_S, at(10))
    assert voter.objection(C, Term(2), at(10 + DEAD_S - 0.001)) == f"bound to {B}"
    assert voter.objection(C, Term(2), at(10 + DEAD_S)) is None


def test_a_bound_voter_grants_its_candidate_a_higher_term() -> None:
    voter = lease(restart_wait_until=at(100))
    voter.grant(B, Term(1), DEAD_S, at(10))
    assert voter.objection(B, Term(2), at(11)) is None


def test_a_restarted_voter_grants_nobody_new_until_its_wait_is_over() -> None:
    voter = lease(Promise(Term(3), B), restart_wait_until=at(4))
    assert voter.objection(C, Term(4), at(3.999)) == "restarted recently"
    assert voter.objection(B, Term(4), at(0)) is None
    assert voter.objection(C, Term(4), at(4)) is None


def test_a_voter_renews_exactly_the_claim_it_granted_last() -> None:
    voter = lease()
    voter.grant(B, Term(2), DEAD_S, at(0))
    assert voter.renews(B, Term(2))
    assert not voter.renews(B, Term(1))
    assert not voter.renews(C, Term(2))


def test_a_resignation_frees_exactly_its_claim() -> None:
    voter = lease()
    voter.grant(B, Term(2), DEAD_S, at(0))
    voter.release(B, Term(1), at(1))
    voter.release(C, Term(2), at(1))
    assert voter.objection(C, Term(3), at(1)) == f"bound to {B}"
    voter.release(B, Term(2), at(1))
    assert voter.objection(C, Term(3), at(1)) is None


def test_a_claim_that_was_given_up_is_not_renewed_by_a_late_heartbeat() -> None:
    voter = lease()
    voter.grant(B, Term(2), DEAD_S, at(0))
    voter.release(B, Term(2), at(1))
    assert not voter.renews(B, Term(2))
    voter.grant(B, Term(3), DEAD_S, at(2))
    assert voter.renews(B, Term(3))


def test_the_highest_term_heard_is_kept() -> None:
    voter = lease()
    voter.record_term(Term(7))
    voter.record_term(Term(3))
    assert voter.heard_term == 7
    voter.grant(B, Term(9), DEAD_S, at(0))
    assert voter.heard_term == 9


def test_one_message_raises_the_highest_term_by_the_bound_at_most() -> None:
    voter = lease(Promise(Term(5), B))
    voter.record_term(Term(5 + TERM_JUMP_MAX))
    assert voter.heard_term == 5 + TERM_JUMP_MAX
    voter.record_term(Term(2**62))
    assert voter.heard_term == 5 + 2 * TERM_JUMP_MAX


# --- as a candidate -------------------------------------------------------------------------


def test_a_canvass_names_a_term_above_all_heard_and_promised_ones() -> None:
    candidate = lease(Promise(Term(3), B))
    assert candidate.open_canvass(1.0, at(0)) == 4
    candidate.record_term(Term(8))
    assert candidate.open_canvass(1.0, at(0)) == 9
    assert candidate.canvass_again_at == 1.0 / CANVASSES_PER_HEARTBEAT


def test_a_canvass_changes_no_term() -> None:
    candidate = lease()
    candidate.record_term(Term(8))
    candidate.open_canvass(1.0, at(0))
    assert (candidate.heard_term, candidate.promise, candidate.claim) == (8, Promise(), None)


def test_only_answers_to_the_open_canvass_count_and_each_voter_once() -> None:
    candidate = lease()
    candidate.count_canvass_answer(B, Term(1), would=True)  # nothing was asked
    term = candidate.open_canvass(1.0, at(0))
    candidate.count_canvass_answer(B, term, would=True)
    candidate.count_canvass_answer(B, term, would=True)
    candidate.count_canvass_answer(C, Term(term - 1), would=True)
    candidate.count_canvass_answer(D, term, would=False)
    assert candidate.canvass is not None
    assert candidate.canvass.would == {A, B}


def test_which_voters_may_canvass() -> None:
    """Not a candidate, not one bound to another, and not one that has just restarted."""
    assert lease().may_canvass(at(0))
    assert not candidate().may_canvass(at(0))
    assert not lease(Promise(Term(1), B), restart_wait_until=at(4)).may_canvass(at(3))
    bound = lease()
    bound.grant(B, Term(1), DEAD_S, at(0))
    assert not bound.may_canvass(at(DEAD_S - 0.001))
    assert bound.may_canvass(at(DEAD_S))
    own = lease()
    own.grant(A, Term(1), DEAD_S, at(0))
    assert own.may_canvass(at(1))


def test_a_claim_must_be_above_the_promise() -> None:
    with pytest.raises(AssertionError):
        lease(Promise(Term(3), B)).begin_claim(Term(3), at(0))


def test_a_claim_is_granted_by_its_own_node_and_closes_the_canvass() -> None:
    candidate = lease()
    term = candidate.open_canvass(1.0, at(0))
    candidate.begin_claim(term, at(0))
    assert candidate.promise == Promise(term, A)
    assert candidate.canvass is None
    assert candidate.granters() == {A}
    assert candidate.heard_term == term


def test_giving_up_returns_the_term_once_and_frees_this_node() -> None:
    held = candidate(3)
    assert held.end_claim(at(5)) == 3
    assert held.end_claim(at(6)) is None
    assert not held.renews(A, Term(3))
    assert held.objection(B, Term(4), at(5)) is None


def test_giving_up_without_a_claim_keeps_a_grant_to_another() -> None:
    voter = lease()
    voter.grant(B, Term(1), DEAD_S, at(0))
    assert voter.end_claim(at(1)) is None
    assert voter.renews(B, Term(1))
    assert voter.bound_until == DEAD_S


# --- after a claim --------------------------------------------------------------------------


def test_without_a_claim_there_is_no_lease() -> None:
    assert lease().lease_until(joint_config(A), at(0), 3.6) == NEVER


def test_a_cluster_of_one_has_a_lease_until_the_horizon() -> None:
    assert candidate().lease_until(joint_config(A), at(10), 3.6) == pytest.approx(13.6)


def test_a_lease_ends_with_the_grant_that_a_majority_needs() -> None:
    held = candidate()
    for node, until in ((B, 12.0), (C, 11.0), (D, 10.5)):
        held.add_grant(node, Term(1), Position(), at(until))
    assert held.lease_until(joint_config(A, B, C, D, E), at(10), 9.0) == 11.0


def test_without_a_majority_of_grants_there_is_no_lease() -> None:
    held = candidate()
    held.add_grant(B, Term(1), Position(), at(12))
    assert held.lease_until(joint_config(A, B, C, D, E), at(10), 9.0) == NEVER


def test_while_voters_change_both_majorities_must_grant() -> None:
    held = candidate()
    held.add_grant(B, Term(1), Position(), at(12))
    joint = JointConfig(frozenset({A, B, C}), frozenset({A, B, C, D}))
    assert held.lease_until(joint, at(10), 9.0) == NEVER
    held.add_grant(D, Term(1), Position(), at(11))
    assert held.lease_until(joint, at(10), 9.0) == 11.0


def test_both_majorities_are_needed_to_agree_while_voters_change() -> None:
    joint = JointConfig(frozenset({A, B, C}), frozenset({A, B, C, D}))
    assert joint.all == {A, B, C, D}
    assert not joint.majority({A, B})
    assert not joint.majority({A, D})
    assert joint.majority({A, B, D})


def test_a_late_answer_never_shortens_a_grant() -> None:
    held = candidate()
    held.add_grant(B, Term(1), Position(), at(12))
    held.add_grant(B, Term(1), Position(), at(11))
    assert held.lease_until(joint_config(A, B, C), at(10), 9.0) == 12.0


def test_a_grant_without_a_claim_does_not_count() -> None:
    held = lease()
    held.add_grant(B, Term(1), Position(), at(12))
    held.begin_claim(Term(2), at(0))
    assert held.lease_until(joint_config(A, B), at(10), 9.0) == NEVER


def test_a_grant_to_a_claim_that_was_given_up_does_not_count() -> None:
    held = candidate(1)
    held.end_claim(at(5))
    held.begin_claim(Term(3), at(0))
    held.add_grant(B, Term(1), Position(), at(12))
    assert held.lease_until(joint_config(A, B), at(10), 9.0) == NEVER
    assert held.granters() == {A}


def test_a_grant_to_a_claim_that_was_never_made_does_not_count() -> None:
    held = candidate(1)
    held.add_grant(B, Term(2), Position(), at(12))
    assert held.lease_until(joint_config(A, B), at(10), 9.0) == NEVER


def test_the_grants_of_an_older_claim_last_through_a_claim_above_it() -> None:
    held = candidate(1)
    held.add_grant(B, Term(1), Position(), at(12))
    held.begin_claim(Term(5), at(0))
    assert held.lease_until(joint_config(A, B, C), at(10), 9.0) == 12.0
    held.add_grant(C, Term(1), Position(), at(13))  # it has not heard of the newer claim yet
    assert held.lease_until(joint_config(A, B, C), at(10), 9.0) == 13.0


def test_an_older_grant_is_no_grant_of_the_newer_claim() -> None:
    held = candidate(1)
    held.add_grant(B, Term(1), pos(1), at(12))
    held.begin_claim(Term(5), at(0))
    held.add_grant(C, Term(1), pos(9), at(12))
    assert held.granters() == {A}
    assert held.accepted_by() == {}
    held.add_grant(C, Term(5), pos(1), at(12))
    assert held.granters() == {A, C}


def test_the_newest_records_of_the_voters_that_granted_are_known() -> None:
    held = candidate(5)
    assert held.accepted_by() == {}
    held.add_grant(B, Term(5), pos(3, 7), at(12))
    held.add_grant(C, Term(5), pos(4, 1), at(12))
    assert held.accepted_by() == {B: pos(3, 7), C: pos(4, 1)}

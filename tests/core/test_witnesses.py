"""Witnesses: one member alone cannot pass off a record or remove a member."""

import pytest
from attrs import evolve

from qutrio.core.api.effects import Send
from qutrio.core.api.messages import Fetch, Fetched
from qutrio.core.consensus.acceptor import RETRY_AFTER_S
from qutrio.core.consensus.register import Register
from qutrio.core.consensus.witnesses import fits, losing_members
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Fingerprint, NodeId, Revision, Term
from qutrio.model.stable import Position, Promise, Record
from tests.core.registers import write
from tests.core.samples import A, B, C, D, E, at, bound_to, check, document, pos, record, register

FIVE, THREE, TWO = document(A, B, C, D, E), document(A, B, C), document(A, B)
LATER = document(A, B, C, D, E, checks=[check()], revision=2, term=1)
ALONE = document(A, revision=1010, term=1)
WITHOUT_E = document(A, B, C, D, revision=2, term=1)
NOBODY = bound_to(None, 0)


def show(voter: Register, peer: NodeId, shown: Record, *, accepted: bool = False) -> None:
    """Let a member answer the fetch of its record."""
    voter._asked[peer, accepted] = at(0)
    voter.on_fetched(peer, Fetched(accepted=accepted, record=shown), NOBODY)


def holding(removal: ClusterDocument, held: ClusterDocument = FIVE) -> Register:
    """B, which accepted a removal from A, to which it granted term 1."""
    voter = register(B, held)
    voter.on_write(write(pos(1), removal), granted=True)
    return voter


# --- what was learned by asking ---------------------------------------------------------------


def test_what_one_member_calls_committed_is_not_learned_from_it_alone() -> None:
    voter, forged = register(B, FIVE), record(LATER, pos(3))
    assert voter.on_commit(C, pos(3), NOBODY, at(0)) == [Send(C, Fetch(accepted=False))]
    voter.on_fetched(C, Fetched(accepted=False, record=forged), NOBODY)
    assert (voter.committed, voter.accepted) == (record(FIVE), record(FIVE))
    show(voter, D, record(LATER, pos(3, 2)))  # the same document, but another record
    assert voter.committed == record(FIVE)


@pytest.mark.parametrize("told", [LATER, WITHOUT_E, ALONE])
def test_what_two_members_show_alike_is_learned(told: ClusterDocument) -> None:
    voter, shown = register(B, FIVE), record(told, pos(3))
    show(voter, C, shown)
    show(voter, D, shown)
    assert voter.committed == voter.accepted == shown
    assert voter.witnesses.shown == {}


def test_a_member_that_says_it_twice_is_one_member() -> None:
    voter, shown = register(B, FIVE), record(LATER, pos(3))
    show(voter, C, shown)
    show(voter, C, shown)
    assert voter.committed == record(FIVE)


def test_a_record_that_was_accepted_is_called_committed_when_two_members_name_its_place() -> None:
    voter = holding(LATER)
    voter.on_commit(C, pos(1), NOBODY, at(0))
    assert voter.committed == record(FIVE)
    voter.on_commit(D, pos(1), NOBODY, at(0))
    assert voter.committed is voter.accepted


def test_a_member_that_shows_another_record_for_a_position_is_no_witness() -> None:
    voter = holding(LATER)
    voter.on_commit(C, pos(1), NOBODY, at(0))
    show(voter, D, record(document(A, B, C, D, E, revision=2, term=1), pos(1)))
    voter.on_commit(D, pos(1), NOBODY, at(0))
    assert voter.committed == record(FIVE)


def test_the_only_voter_is_believed_by_a_learner() -> None:
    learner = register(B, document(A, learners=[B]))
    later = document(A, learners=[B], checks=[check()], revision=2, term=1)
    show(learner, A, record(later, pos(1)))
    assert learner.committed.document == later


def test_the_other_of_two_voters_is_believed_only_if_it_was_granted() -> None:
    voter = register(B, TWO)
    removed = record(document(B, revision=2, term=1), pos(1))
    show(voter, A, removed)
    assert voter.committed == record(TWO)
    voter._asked[A, False] = at(0)
    voter.on_fetched(A, Fetched(accepted=False, record=removed), bound_to(A, 1, A))
    assert voter.committed == removed


def test_the_master_is_not_believed_about_terms_after_the_one_it_was_granted() -> None:
    voter = register(B, FIVE)
    voter._asked[A, False] = at(0)
    said = Fetched(accepted=False, record=record(LATER, pos(7)))
    voter.on_fetched(A, said, bound_to(A, 6))
    assert voter.committed == record(FIVE)


@pytest.mark.parametrize("told", [LATER, WITHOUT_E])
def test_what_a_member_showed_before_it_was_granted_does_not_count_as_the_masters_word(
    told: ClusterDocument,
) -> None:
    """A forgery that nobody believed became true when its author was elected."""
    voter, trust_basis = register(B, FIVE), bound_to(A, 2, A, C)
    show(voter, A, record(told, pos(1, 900)))
    voter.on_commit(A, pos(2), trust_basis, at(0))
    assert voter.committed == record(FIVE)
    assert A not in voter.witnesses.shown


def test_a_member_that_was_granted_again_is_believed_when_it_says_so_again() -> None:
    voter = holding(LATER)
    voter.on_commit(A, pos(1), NOBODY, at(0))
    voter.on_commit(C, pos(2), bound_to(A, 2, A, C), at(1))
    assert voter.committed == record(FIVE)
    voter.on_commit(A, pos(1), bound_to(A, 2, A, C), at(2))
    assert voter.committed is voter.accepted


# --- removals by the master -----------------------------------------------------------------


def test_a_removal_by_the_master_waits_until_another_living_voter_shows_it() -> None:
    voter, trust_basis = holding(WITHOUT_E), bound_to(A, 1, A, C, E)
    ask = [Send(n, Fetch(accepted=True)) for n in (C, E)]
    assert voter.ask_to_confirm(trust_basis, at(0)) == ask
    assert voter.on_commit(A, pos(1), trust_basis, at(0.1)) == []
    assert voter.committed == record(FIVE)
    voter.on_fetched(C, Fetched(accepted=True, record=record(WITHOUT_E, pos(1, 2))), trust_basis)
    assert voter.committed is voter.accepted
    assert voter.ask_to_confirm(trust_basis, at(9)) == []


def test_a_voter_that_denies_a_removal_is_asked_again_and_does_not_confirm_it() -> None:
    voter, trust_basis = holding(WITHOUT_E), bound_to(A, 1, A, C)
    voter.ask_to_confirm(trust_basis, at(0))
    voter.on_fetched(C, Fetched(accepted=True, record=record(FIVE)), trust_basis)
    assert voter.on_commit(A, pos(1), trust_basis, at(0.1)) == [Send(C, Fetch(accepted=True))]
    voter.on_fetched(C, Fetched(accepted=True, record=record(LATER, pos(1))), trust_basis)
    assert voter.on_commit(A, pos(1), trust_basis, at(RETRY_AFTER_S + 1)) != []
    assert voter.committed == record(FIVE)


def test_a_voter_that_confirmed_a_removal_is_not_asked_again() -> None:
    voter, trust_basis = holding(WITHOUT_E), bound_to(A, 1, A, C, D)
    ask = [Send(n, Fetch(accepted=True)) for n in (C, D)]
    assert voter.ask_to_confirm(trust_basis, at(0)) == ask
    voter.on_fetched(C, Fetched(accepted=True, record=record(WITHOUT_E, pos(1, 2))), trust_basis)
    assert voter.committed == record(FIVE)
    assert voter.ask_to_confirm(trust_basis, at(9)) == [Send(D, Fetch(accepted=True))]


@pytest.mark.parametrize(("removal", "live"), [(WITHOUT_E, (A, B, E)), (ALONE, (A, B))])
def test_a_removal_by_the_master_stands_if_no_other_voter_can_confirm_it(
    removal: ClusterDocument, live: tuple[NodeId, ...]
) -> None:
    voter, trust_basis = holding(removal), bound_to(A, 1, *live)
    assert voter.on_commit(A, pos(1), trust_basis, at(0)) == []
    assert voter.committed is voter.accepted


def test_a_voter_that_is_removed_with_others_is_asked_too() -> None:
    trust_basis = bound_to(A, 1, A, B, C, D, E)
    asked = holding(ALONE).ask_to_confirm(trust_basis, at(0))
    assert asked == [Send(n, Fetch(accepted=True)) for n in (C, D, E)]


def test_the_next_write_does_not_commit_an_unconfirmed_removal() -> None:
    voter = holding(WITHOUT_E)
    voter.on_write(write(pos(1, 2), WITHOUT_E, whole=False), granted=True)
    assert voter.accepted.position == pos(1, 2)
    assert voter.committed == record(FIVE)
    two = register(B, TWO)
    for number in (1, 2):
        two.on_write(write(pos(1, number), document(B, revision=2, term=1)), granted=True)
    assert two.committed.position == pos(1)


# --- taking over ------------------------------------------------------------------------------


SECOND = pos(2)


def adopting(position: Position = SECOND) -> Register:
    """B, which claims term 5 and asked C for its accepted record."""
    candidate = register(B, FIVE)
    candidate.establish(Term(5), (position, C), at(0))
    return candidate


def adopt(candidate: Register, peer: NodeId, shown: Record) -> None:
    """Let a voter that granted send the record that it accepted."""
    candidate.on_fetched(peer, Fetched(accepted=True, record=shown), bound_to(B, 5))


@pytest.mark.parametrize(
    "shown",
    [
        record(LATER, pos(2, 2)),
        record(LATER, pos(1)),
        record(evolve(LATER, term=Term(9)), pos(2)),
        record(evolve(LATER, cluster_id="another"), pos(2)),
    ],
)
def test_another_record_than_the_one_that_was_named_is_not_adopted(shown: Record) -> None:
    candidate = adopting()
    adopt(candidate, C, shown)
    assert candidate.accepted == record(FIVE)
    assert candidate.passed_over == {C}


def test_a_record_of_the_term_that_is_claimed_or_a_later_one_is_not_adopted() -> None:
    candidate = adopting(pos(5))
    adopt(candidate, C, record(LATER, pos(5)))
    assert candidate.accepted == record(FIVE)


def test_a_removal_is_adopted_when_two_voters_show_it() -> None:
    candidate, removal = adopting(), record(ALONE, pos(3))
    candidate = adopting(pos(3))
    adopt(candidate, C, removal)
    assert candidate.accepted == record(FIVE)
    assert candidate.passed_over == {C}
    candidate.establish(Term(5), (pos(3), D), at(0))
    adopt(candidate, D, removal)
    assert candidate.accepted == removal


def test_one_of_two_voters_is_enough_to_adopt_a_removal() -> None:
    candidate, removal = register(B, TWO), record(document(B, revision=2, term=1), pos(2))
    candidate.establish(Term(5), (pos(2), A), at(0))
    adopt(candidate, A, removal)
    assert candidate.accepted == removal


# --- details --------------------------------------------------------------------------------


def test_a_member_without_its_entry_its_key_or_its_vote_counts_as_removed() -> None:
    assert losing_members(THREE, TWO) == {C}
    assert losing_members(THREE, document(A, B, learners=[C])) == {C}
    assert losing_members(document(A, learners=[B]), TWO) == frozenset()
    (first, *others) = THREE.members
    stolen = evolve(first, fingerprint=Fingerprint("another key"))
    assert losing_members(THREE, evolve(THREE, members=(stolen, *others))) == {A}


def test_a_later_record_keeps_the_cluster_and_counts_on() -> None:
    held = record(LATER, pos(1))
    assert fits(record(LATER, pos(1, 2)), held)
    assert fits(record(evolve(LATER, revision=Revision(3)), pos(1, 2)), held)
    assert not fits(record(evolve(LATER, checks=()), pos(1, 2)), held)
    assert not fits(record(evolve(LATER, revision=Revision(3), term=Term(0)), pos(1, 2)), held)
    assert not fits(record(evolve(LATER, term=Term(2)), pos(2, 2)), held)
    assert not fits(record(FIVE, pos(1, 2)), held)


def test_a_write_that_does_not_follow_from_what_is_committed_is_not_accepted() -> None:
    voter = register(B, LATER, pos(1))
    assert voter.on_write(write(pos(2), FIVE), granted=True) is None
    assert voter.accepted.position == pos(1)


def test_a_node_that_is_no_longer_a_member_is_no_witness() -> None:
    voter = register(B, FIVE)
    voter.on_commit(C, pos(3), NOBODY, at(0))
    voter._asked[D, True] = at(0)
    show(voter, C, record(LATER, pos(3)))
    show(voter, D, record(LATER, pos(4)), accepted=True)
    voter._asked[D, True] = at(0)
    voter.forget_strangers(frozenset({A, B}))
    held = voter.witnesses
    assert (held.named, held.shown, held.accepted, voter._asked) == ({}, {}, {}, {})


def test_a_promise_to_itself_makes_no_node_a_witness() -> None:
    voter = holding(LATER)
    voter.on_commit(C, pos(1), bound_to(B, 5, B, C), at(0))
    assert voter.committed == record(FIVE)
    assert Promise(Term(5), B) == bound_to(B, 5).promise

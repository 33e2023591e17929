"""The register: what a voter accepts, and how a candidate is established."""

from qutrio.core.api.effects import Send
from qutrio.core.api.messages import Fetch, Fetched, ProposeReply, Ruling
from qutrio.core.consensus.acceptor import RETRY_AFTER_S
from qutrio.model.ids import Term
from qutrio.model.stable import Position
from tests.core.registers import (
    LEDGER,
    NEWER,
    THREE,
    accept,
    established,
    proposal,
    pump,
    put,
    write,
    wrote,
)
from tests.core.samples import A, B, C, at, bound_to, document, pos, record, register, sent

BOUND = bound_to(A)
NEWEST = document(A, B, C, revision=3, term=2)

# --- as a voter -----------------------------------------------------------------------------


def test_a_write_is_accepted_only_from_the_node_that_was_promised_the_term() -> None:
    voter = register(B, THREE)
    assert voter.on_write(write(pos(1)), granted=False) is None
    assert voter.accepted == record(THREE)
    assert voter.on_write(write(pos(1)), granted=True) == wrote(pos(1))
    assert voter.accepted == record(NEWER, pos(1), LEDGER)
    assert voter.committed == record(THREE)


def test_an_older_write_never_overwrites_and_gets_no_answer() -> None:
    voter = register(B, THREE)
    voter.on_write(write(pos(1, 2)), granted=True)
    held = voter.accepted
    assert voter.on_write(write(pos(1, 1), THREE), granted=True) is None
    assert voter.accepted is held


def test_a_repeated_write_is_answered_again_and_changes_nothing() -> None:
    voter = register(B, THREE)
    voter.on_write(write(pos(1)), granted=True)
    held = voter.accepted
    assert voter.on_write(write(pos(1), THREE), granted=True) == wrote(pos(1))
    assert voter.accepted is held


def test_a_write_may_name_a_document_that_the_voter_holds() -> None:
    voter = register(B, THREE)
    voter.on_write(write(pos(1)), granted=True)
    assert voter.on_write(write(pos(1, 3), whole=False), granted=True) == wrote(pos(1, 3))
    assert voter.accepted.document == NEWER
    answer = voter.on_write(write(pos(2, 1), THREE, whole=False), granted=True)
    assert answer == wrote(pos(2, 1))
    assert voter.accepted.document == THREE  # the committed one is held too


def test_a_voter_that_lacks_the_document_says_so_and_accepts_nothing() -> None:
    voter = register(B, THREE)
    answer = voter.on_write(write(pos(1), whole=False), granted=True)
    assert answer == wrote(pos(1), accepted=False, lacks=True)
    assert voter.accepted == record(THREE)


def test_the_next_write_of_a_term_says_that_the_one_before_is_committed() -> None:
    voter = register(B, THREE)
    voter.on_write(write(pos(1, 1)), granted=True)
    first = voter.accepted
    voter.on_write(write(pos(1, 2), whole=False), granted=True)
    assert voter.committed is first


def test_a_write_after_a_gap_or_of_a_new_term_commits_nothing() -> None:
    voter = register(B, THREE)
    voter.on_write(write(pos(1, 1)), granted=True)
    voter.on_write(write(pos(1, 3)), granted=True)
    voter.on_write(write(pos(2, 1)), granted=True)
    assert voter.committed == record(THREE)


def test_a_write_that_follows_a_committed_one_commits_nothing_older() -> None:
    voter = register(B, THREE)
    voter.on_write(write(pos(1, 1)), granted=True)
    voter.on_commit(A, pos(1, 1), BOUND, at(0))
    held = voter.committed
    voter.on_write(write(pos(1, 2)), granted=True)
    assert voter.committed is held


def test_a_commit_counts_only_for_the_record_that_is_held() -> None:
    voter = register(B, THREE)
    voter.on_write(write(pos(1)), granted=True)
    voter.on_commit(A, pos(1, 2), BOUND, at(0))
    assert voter.committed == record(THREE)
    voter.on_commit(A, pos(1), BOUND, at(0))
    assert voter.committed is voter.accepted


def test_a_commit_that_is_not_held_is_fetched_at_most_once_in_a_while() -> None:
    voter = register(B, THREE)
    ask = [Send(A, Fetch(accepted=False))]
    assert voter.on_commit(A, pos(1), BOUND, at(0)) == ask
    assert voter.on_commit(A, pos(1), BOUND, at(RETRY_AFTER_S - 0.001)) == []
    assert voter.on_commit(A, pos(1), BOUND, at(RETRY_AFTER_S)) == ask
    assert voter.on_commit(A, Position(), BOUND, at(9)) == []


def test_others_are_asked_for_a_record_only_while_the_granted_master_is_not_heard() -> None:
    voter = register(B, THREE)
    assert voter.on_commit(C, pos(1), bound_to(A, 1, A, C), at(0)) == []
    ask = [Send(C, Fetch(accepted=False))]
    assert voter.on_commit(C, pos(1), bound_to(A, 1, C), at(0)) == ask
    assert register(B, THREE).on_commit(C, pos(2), bound_to(A, 1, A, C), at(0)) == ask
    assert register(B, THREE).on_commit(C, pos(1), bound_to(B, 1, A, B, C), at(0)) == ask


def test_a_commit_of_the_record_that_is_held_needs_no_fetching() -> None:
    voter = register(B, THREE)
    voter.on_write(write(pos(1)), granted=True)
    assert voter.on_commit(A, pos(1), BOUND, at(0)) == []
    assert voter.committed is voter.accepted


def test_a_fetched_committed_record_of_the_granted_master_is_learned() -> None:
    voter = register(B, THREE)
    voter.on_commit(A, pos(1), BOUND, at(0))
    learned = record(NEWER, pos(1))
    voter.on_fetched(A, Fetched(accepted=False, record=learned), BOUND)
    assert voter.committed is learned
    assert voter.accepted is learned


def test_a_fetched_committed_record_that_is_older_changes_nothing() -> None:
    voter = register(B, NEWER, pos(3))
    held = voter.committed
    voter.on_commit(A, pos(4), BOUND, at(0))
    voter.on_fetched(A, Fetched(accepted=False, record=record(THREE, pos(2))), BOUND)
    assert voter.committed is held
    assert voter.accepted is held


def test_a_fetched_committed_record_leaves_a_newer_accepted_one_alone() -> None:
    voter = register(B, THREE, accepted=record(NEWER, pos(2)))
    held = voter.accepted
    voter.on_commit(A, pos(1), BOUND, at(0))
    voter.on_fetched(A, Fetched(accepted=False, record=record(NEWER, pos(1))), BOUND)
    assert voter.committed.position == pos(1)
    assert voter.accepted is held


def test_a_record_is_believed_only_from_the_node_that_was_asked_for_it() -> None:
    voter = register(B, THREE)
    answer = Fetched(accepted=False, record=record(NEWER, pos(1)))
    voter.on_fetched(A, answer, BOUND)  # nobody was asked
    assert voter.committed == record(THREE)
    voter.on_commit(A, pos(1), BOUND, at(0))
    voter.on_fetched(C, answer, BOUND)
    assert voter.committed == record(THREE)
    other = Fetched(accepted=True, record=record(NEWER, pos(9)))
    voter.on_fetched(A, other, BOUND)  # not this one
    assert voter.accepted == record(THREE)
    voter.on_fetched(A, answer, BOUND)  # the answers of others did not close the fetch
    assert voter.committed.position == pos(1)


def test_only_one_answer_to_a_fetch_counts() -> None:
    voter = register(B, THREE)
    voter.on_commit(A, pos(1), BOUND, at(0))
    voter.on_fetched(A, Fetched(accepted=False, record=record(NEWER, pos(1))), BOUND)
    voter.on_fetched(A, Fetched(accepted=False, record=record(NEWEST, pos(9))), BOUND)
    assert voter.committed == record(NEWER, pos(1))


def test_a_fetched_accepted_record_is_adopted_and_not_called_committed() -> None:
    candidate = register(B, THREE)
    candidate.establish(Term(2), (pos(1), C), at(0))
    adopted = record(NEWER, pos(1))
    candidate.on_fetched(C, Fetched(accepted=True, record=adopted), bound_to(B, 2))
    assert candidate.accepted is adopted
    assert candidate.committed == record(THREE)


def test_a_fetched_record_allows_the_next_fetch() -> None:
    voter = register(B, THREE)
    voter.on_commit(A, pos(1), BOUND, at(0))
    voter.on_fetched(A, Fetched(accepted=False, record=record(THREE)), BOUND)
    again = voter.on_commit(A, pos(1), BOUND, at(0.1))
    assert again == [Send(A, Fetch(accepted=False))]


# --- establishing ---------------------------------------------------------------------------


def test_establishing_writes_the_accepted_record_again_under_the_new_term() -> None:
    held = record(NEWER, pos(1, 4), LEDGER)
    master = register(A, THREE, accepted=held)
    effects = master.establish(Term(3), (pos(1, 4), B), at(0))
    assert master.accepted == record(NEWER, pos(3, 1), LEDGER)
    assert sent(effects, B) == [write(pos(3, 1), whole=False)]
    assert Term(3) not in master.terms_written
    accept(master, B)
    master.mark_committed()
    assert (master.established, [*master.terms_written]) == (3, [3])
    assert master.committed.document == NEWER


def test_establishing_first_fetches_the_newest_accepted_record_of_a_majority() -> None:
    master = register(A, THREE)
    assert master.establish(Term(3), (pos(2, 9), C), at(0)) == [Send(C, Fetch(accepted=True))]
    assert master.establish(Term(3), (pos(2, 9), C), at(1)) == []
    assert master.accepted == record(THREE)
    master.on_fetched(C, Fetched(accepted=True, record=record(NEWER, pos(2, 9))), bound_to(A, 3))
    master.establish(Term(3), (pos(2, 9), C), at(1))
    assert master.flight is not None
    assert master.flight.record == record(NEWER, pos(3, 1))


def test_a_voter_that_does_not_send_its_newer_record_in_time_is_barren() -> None:
    master = register(A, THREE)
    master.establish(Term(3), (pos(2, 9), C), at(0))
    assert master.establish(Term(3), (pos(2, 9), C), at(RETRY_AFTER_S - 0.001)) == []
    assert master.passed_over == set()
    assert master.establish(Term(3), (pos(2, 9), C), at(RETRY_AFTER_S)) == []
    assert master.passed_over == {C}
    assert master.flight is None
    late = Fetched(accepted=True, record=record(NEWER, pos(2, 9)))
    master.on_fetched(C, late, bound_to(A, 3))
    assert master.accepted == record(THREE)


def test_after_a_barren_voter_the_next_newest_is_asked_at_once() -> None:
    master = register(A, THREE)
    master.establish(Term(3), (pos(2, 9), C), at(0))
    master.establish(Term(3), (pos(2, 9), C), at(RETRY_AFTER_S))
    asked = master.establish(Term(3), (pos(2, 8), B), at(RETRY_AFTER_S))
    assert asked == [Send(B, Fetch(accepted=True))]


def test_a_voter_is_not_barren_because_another_was_asked_before() -> None:
    master = register(A, THREE)
    master.establish(Term(3), (pos(2, 9), C), at(0))
    asked = master.establish(Term(3), (pos(2, 8), B), at(1))
    assert asked == [Send(B, Fetch(accepted=True))]
    assert master.establish(Term(3), (pos(2, 8), B), at(RETRY_AFTER_S)) == []
    assert master.passed_over == set()


def test_a_given_up_claim_forgets_who_was_barren() -> None:
    master = register(A, THREE)
    master.establish(Term(3), (pos(2, 9), C), at(0))
    master.establish(Term(3), (pos(2, 9), C), at(RETRY_AFTER_S))
    master.abandon()
    assert master.passed_over == set()


def test_establishing_twice_writes_once() -> None:
    master = register(A, THREE)
    assert master.establish(Term(1), None, at(0)) != []
    assert master.establish(Term(1), None, at(0)) == []
    accept(master, B)
    master.mark_committed()
    assert master.establish(Term(1), None, at(0)) == []


def test_proposals_of_an_older_claim_are_answered_when_the_newer_claim_commits_them() -> None:
    master = established()
    master.propose(proposal(put("db"), node=B))
    pump(master)
    master.establish(Term(5), None, at(1))
    assert master.flight is not None
    assert master.flight.record.position == pos(5, 1)
    accept(master, B)
    (ruled,) = sent(master.mark_committed(), B)
    assert isinstance(ruled, ProposeReply)
    assert (ruled.ruling, ruled.revision, ruled.position) == (Ruling.COMMITTED, 2, pos(5, 1))

"""The observed master: known from its own heartbeats, for a limited time."""

from qutrio.core.leadership.observed_master import TERMS_REMEMBERED_MAX, ObservedMaster
from qutrio.model.ids import Term
from tests.core.samples import DEAD_S, A, B, at


def acting() -> ObservedMaster:
    observed_master = ObservedMaster()
    assert observed_master.record(A, Term(3), DEAD_S, at(0)), "nobody was known"
    return observed_master


def test_a_repeated_heartbeat_extends_the_time_and_is_no_change() -> None:
    observed_master = acting()
    assert not observed_master.record(A, Term(3), DEAD_S, at(2))
    assert observed_master.node(at(2 + DEAD_S - 0.001)) == A
    assert observed_master.node(at(2 + DEAD_S)) is None
    assert observed_master.record(A, Term(3), DEAD_S, at(2 + DEAD_S)), "it was forgotten"


def test_a_living_master_is_replaced_by_a_higher_term_only() -> None:
    observed_master = acting()
    assert not observed_master.record(B, Term(3), DEAD_S, at(1))
    assert observed_master.node(at(1)) == A
    assert observed_master.record(B, Term(4), DEAD_S, at(1))
    assert (observed_master.node(at(1)), observed_master.term) == (B, Term(4))


def test_a_resignation_of_the_master_itself_ends_it_up_to_the_term_it_names() -> None:
    observed_master = acting()
    assert not observed_master.record_end(B, at(1))
    assert not observed_master.record_end(A, at(1), gave_up=Term(2))
    assert observed_master.record_end(A, at(1), gave_up=Term(3))
    assert observed_master.node(at(1)) is None
    assert not observed_master.record_end(A, at(1)), "it had ended"


def test_a_master_that_is_no_longer_a_member_is_forgotten() -> None:
    observed_master = acting()
    observed_master.forget_strangers(frozenset({A}))
    assert observed_master.node(at(1)) == A
    observed_master.forget_strangers(frozenset({B}))
    assert observed_master.node(at(1)) is None


def test_a_late_heartbeat_from_before_the_resignation_changes_nothing() -> None:
    seen = ObservedMaster()
    assert seen.record(A, Term(3), 4.0, at(0))
    assert seen.record_end(A, at(1), gave_up=Term(3))
    assert not seen.record(A, Term(3), 4.0, at(1))
    assert seen.node(at(1)) is None
    assert seen.record(B, Term(4), 4.0, at(1))
    assert seen.record(A, Term(5), 4.0, at(2))


def test_nobody_else_is_believed_in_a_term_in_which_one_acted() -> None:
    """A member that lies may name the term of a master that has just died."""
    seen = ObservedMaster()
    assert seen.record(A, Term(3), 4.0, at(0))
    assert not seen.record(B, Term(3), 4.0, at(9))
    assert seen.record(A, Term(3), 4.0, at(9))
    assert seen.node(at(9)) == A


def test_who_acted_is_remembered_for_the_last_terms_only() -> None:
    seen = ObservedMaster()
    for term in range(TERMS_REMEMBERED_MAX + 1):
        assert seen.record(A, Term(term), 4.0, at(9 * term))
    assert not seen.record(B, Term(1), 4.0, at(1000))
    assert seen.record(B, Term(0), 4.0, at(1000))


def test_the_resigned_term_of_a_stranger_is_forgotten() -> None:
    seen = ObservedMaster()
    seen.record_end(A, at(0), gave_up=Term(3))
    seen.forget_strangers(frozenset({B}))
    assert seen.record(A, Term(2), 4.0, at(0))

"""Incumbency: who acts is known from its own mouth, and for so long."""

from qutrio.core.leadership.observed_master import TERMS_REMEMBERED_MAX, ObservedMaster
from qutrio.model.ids import Term
from tests.core.samples import DEAD_S, A, B, at


def acting() -> ObservedMaster:
    observed_master = ObservedMaster()
    assert observed_master.record(A, Term(3), DEAD_S, at(0)), "nobody was known"
    return observed_master


def test_what_is_said_again_is_no_news_and_lasts_longer() -> None:
    observed_master = acting()
    assert not observed_master.record(A, Term(3), DEAD_S, at(2))
    assert observed_master.node(at(2 + DEAD_S - 0.001)) == A
    assert observed_master.node(at(2 + DEAD_S)) is None
    assert observed_master.record(A, Term(3), DEAD_S, at(2 + DEAD_S)), "it was forgotten"


def test_a_living_incumbent_gives_way_to_a_higher_term_only() -> None:
    observed_master = acting()
    assert not observed_master.record(B, Term(3), DEAD_S, at(1))
    assert observed_master.node(at(1)) == A
    assert observed_master.record(B, Term(4), DEAD_S, at(1))
    assert (observed_master.node(at(1)), observed_master.term) == (B, Term(4))


def test_it_ends_by_the_word_of_the_one_who_acts_and_up_to_the_term_it_names() -> None:
    observed_master = acting()
    assert not observed_master.record_end(B, at(1))
    assert not observed_master.record_end(A, at(1), gave_up=Term(2))
    assert observed_master.record_end(A, at(1), gave_up=Term(3))
    assert observed_master.node(at(1)) is None
    assert not observed_master.record_end(A, at(1)), "it had ended"


def test_one_that_is_no_member_any_more_is_forgotten() -> None:
    observed_master = acting()
    observed_master.keep(frozenset({A}))
    assert observed_master.node(at(1)) == A
    observed_master.keep(frozenset({B}))
    assert observed_master.node(at(1)) is None


def test_a_word_from_before_the_resignation_that_comes_late_revives_nobody() -> None:
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


def test_what_a_stranger_gave_up_is_forgotten() -> None:
    seen = ObservedMaster()
    seen.record_end(A, at(0), gave_up=Term(3))
    seen.keep(frozenset({B}))
    assert seen.record(A, Term(2), 4.0, at(0))

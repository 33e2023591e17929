"""Incumbency: who acts is known from its own mouth, and for so long."""

from qutrio.core.incumbency import Incumbency
from qutrio.model.ids import Term
from tests.core.samples import DEAD_S, A, B, at


def acting() -> Incumbency:
    incumbency = Incumbency()
    assert incumbency.acts(A, Term(3), DEAD_S, at(0)), "nobody was known"
    return incumbency


def test_what_is_said_again_is_no_news_and_lasts_longer() -> None:
    incumbency = acting()
    assert not incumbency.acts(A, Term(3), DEAD_S, at(2))
    assert incumbency.node(at(2 + DEAD_S - 0.001)) == A
    assert incumbency.node(at(2 + DEAD_S)) is None
    assert incumbency.acts(A, Term(3), DEAD_S, at(2 + DEAD_S)), "it was forgotten"


def test_a_living_incumbent_gives_way_to_a_higher_term_only() -> None:
    incumbency = acting()
    assert not incumbency.acts(B, Term(3), DEAD_S, at(1))
    assert incumbency.node(at(1)) == A
    assert incumbency.acts(B, Term(4), DEAD_S, at(1))
    assert (incumbency.node(at(1)), incumbency.term) == (B, Term(4))


def test_it_ends_by_the_word_of_the_one_who_acts_and_up_to_the_term_it_names() -> None:
    incumbency = acting()
    assert not incumbency.ended(B, at(1))
    assert not incumbency.ended(A, at(1), up_to=Term(2))
    assert incumbency.ended(A, at(1), up_to=Term(3))
    assert incumbency.node(at(1)) is None
    assert not incumbency.ended(A, at(1)), "it had ended"


def test_one_that_is_no_member_any_more_is_forgotten() -> None:
    incumbency = acting()
    incumbency.keep(frozenset({A}))
    assert incumbency.node(at(1)) == A
    incumbency.keep(frozenset({B}))
    assert incumbency.node(at(1)) is None


def test_a_word_from_before_the_resignation_that_comes_late_revives_nobody() -> None:
    seen = Incumbency()
    assert seen.acts(A, Term(3), 4.0, at(0))
    assert seen.ended(A, at(1), up_to=Term(3))
    assert not seen.acts(A, Term(3), 4.0, at(1))
    assert seen.node(at(1)) is None
    assert seen.acts(B, Term(3), 4.0, at(1))
    assert seen.acts(A, Term(4), 4.0, at(2))


def test_what_a_stranger_gave_up_is_forgotten() -> None:
    seen = Incumbency()
    seen.ended(A, at(0), up_to=Term(3))
    seen.keep(frozenset({B}))
    assert seen.acts(A, Term(2), 4.0, at(0))

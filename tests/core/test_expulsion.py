"""Expulsion: the master's word, or that of a majority of the others, about the newest revision."""

from qutrio.core.expulsion import Expulsion
from qutrio.model.ids import NodeId, Revision
from tests.core.samples import A, B, C, D, E, document

HELD = document(A, B, C, D, revision=5)


def believed(expulsion: Expulsion, teller: NodeId, revision: int, master: NodeId = E) -> bool:
    return expulsion.believed(teller, Revision(revision), HELD, {None, master})


def test_one_member_is_not_believed_and_two_of_the_three_others_are() -> None:
    expulsion = Expulsion(D)
    assert not believed(expulsion, A, 6)
    assert not believed(expulsion, A, 6)
    assert believed(expulsion, B, 6)


def test_the_master_is_believed_at_once() -> None:
    assert believed(Expulsion(D), A, 5, master=A)


def test_old_news_and_strangers_are_not_believed() -> None:
    expulsion = Expulsion(D)
    assert not believed(expulsion, A, 4, master=A)
    assert not believed(expulsion, E, 6, master=E)


def test_words_about_an_older_revision_do_not_add_up_with_newer_ones() -> None:
    expulsion = Expulsion(D)
    assert not believed(expulsion, A, 6)
    assert not believed(expulsion, B, 7)
    assert not believed(expulsion, C, 6)
    assert believed(expulsion, C, 7)

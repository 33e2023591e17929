"""A removal is believed from the granted master, or from a majority of the others."""

from qutrio.core.leadership.membership import RemovalConfirmation, says_removed
from qutrio.model.ids import NodeId, Revision
from tests.core.samples import A, B, C, D, E, document

HELD = document(A, B, C, D, revision=5)


def believed(
    removal: RemovalConfirmation, teller: NodeId, revision: int, master: NodeId = E
) -> bool:
    return removal.believed(teller, Revision(revision), HELD, master)


def test_one_member_is_not_believed_and_two_of_the_three_others_are() -> None:
    removal = RemovalConfirmation(D)
    assert not believed(removal, A, 6)
    assert not believed(removal, A, 6)
    assert believed(removal, B, 6)


def test_the_granted_master_is_believed_at_once() -> None:
    assert believed(RemovalConfirmation(D), A, 5, master=A)


def test_old_news_and_strangers_are_not_believed() -> None:
    removal = RemovalConfirmation(D)
    assert not believed(removal, A, 4, master=A)
    assert not believed(removal, E, 6, master=E)


def test_reports_about_an_older_revision_do_not_add_up_with_newer_ones() -> None:
    removal = RemovalConfirmation(D)
    assert not believed(removal, A, 6)
    assert not believed(removal, B, 7)
    assert not believed(removal, C, 6)
    assert believed(removal, C, 7)


def test_the_other_of_two_voters_is_believed_only_as_the_granted_master() -> None:
    two = document(A, B, revision=5)
    assert not RemovalConfirmation(B).believed(A, Revision(6), two, B)
    assert not RemovalConfirmation(B).believed(A, Revision(6), two, None)
    assert RemovalConfirmation(B).believed(A, Revision(6), two, A)


def test_the_only_voter_is_a_majority_for_a_learner() -> None:
    one = document(A, learners=[B], revision=5)
    assert RemovalConfirmation(B).believed(A, Revision(6), one, None)


def test_an_answer_says_that_a_node_was_removed_if_it_knows_the_revision_of_that_node() -> None:
    """A node that knows less may not have heard yet that the node joined."""
    assert says_removed(HELD, belongs=False, revision=Revision(5))
    assert not says_removed(HELD, belongs=False, revision=Revision(4))
    assert not says_removed(HELD, belongs=True, revision=Revision(6))

"""The document is sorted, without duplicates, and its timers tolerate a lost heartbeat."""

import pytest
from attrs import evolve

from qutrio.errors import InvalidValueError
from qutrio.model.document import MEMBERS_MAX, ClusterDocument, Settings
from qutrio.model.ids import Fingerprint, NodeId
from qutrio.model.members import Member
from tests.core.samples import A, B, C, check, document, hook, member

HELD = document(A, B, learners=[C], checks=[check()], channels=[hook()])


def test_only_members_with_a_vote_are_voters() -> None:
    assert HELD.voters == {A, B}


def test_members_are_found_by_id_and_by_key() -> None:
    assert HELD.member(B) == member(B)
    assert HELD.member(NodeId("n9")) is None
    assert HELD.member_by_key(Fingerprint("key-n2")) == member(B)
    assert HELD.member_by_key(Fingerprint("forged")) is None


def test_equal_documents_are_equal_values() -> None:
    again = document(A, B, learners=[C], checks=[check()], channels=[hook()])
    assert (again, hash(again)) == (HELD, hash(HELD))


@pytest.mark.parametrize(
    "members",
    [(member(B), member(A)), (member(A), member(A, name="again"))],
    ids=["out of order", "twice"],
)
def test_members_are_sorted_and_unique(members: tuple[Member, ...]) -> None:
    with pytest.raises(InvalidValueError, match="sorted by id, each id once"):
        evolve(HELD, members=members)


def test_two_items_of_a_kind_never_have_one_name() -> None:
    with pytest.raises(InvalidValueError, match="different names"):
        evolve(HELD, members=(member(A), member(B, name="node-n1")))


def test_the_number_of_members_is_bounded() -> None:
    crowd = [NodeId(f"n{i:04}") for i in range(MEMBERS_MAX + 1)]
    with pytest.raises(InvalidValueError, match="at most 128"):
        document(*crowd)


def test_one_lost_heartbeat_makes_no_node_dead() -> None:
    assert Settings(heartbeat_s=2.0, dead_after_s=6.0).dead_after_s == 6.0
    with pytest.raises(InvalidValueError, match="at least 3 heartbeats"):
        Settings(heartbeat_s=2.0, dead_after_s=5.9)


def test_a_new_document_has_no_term_yet() -> None:
    fresh = ClusterDocument(cluster_id="c", revision=HELD.revision, members=(member(A),))
    assert (fresh.term, fresh.checks, fresh.settings) == (0, (), Settings())

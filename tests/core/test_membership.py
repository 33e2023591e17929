"""Membership: the members, which of them live, and whether those that answer are a majority."""

from qutrio.core.leadership.heartbeats import HeartbeatSchedule, Liveness
from qutrio.core.leadership.membership import Membership
from tests.core.samples import DEAD_S, A, B, C, D, at, document, record, register


def membership() -> Membership:
    return Membership(
        A, register(A, document(A, B, learners=[C])), Liveness(), HeartbeatSchedule(at(0))
    )


def test_members_that_were_heard_and_this_node_are_alive() -> None:
    members = membership()
    assert members.peers() == (B, C)
    assert members.live(at(0)) == {A}
    for node in (C, D):
        members.liveness.record(node, at(0), DEAD_S)
    assert members.live(at(1)) == {A, C}
    assert members.live_peers(at(1)) == (C,)
    assert members.live_peers(at(DEAD_S)) == ()


def test_another_document_is_another_membership() -> None:
    members = membership()
    members.liveness.record(C, at(0), DEAD_S)
    assert members.live(at(0)) == {A, C}
    members.register.committed = record(document(B, C))
    assert members.peers() == (B, C)
    assert members.live(at(0)) == {C}


def test_a_majority_of_the_voters_must_answer() -> None:
    members = membership()
    number = members.heartbeats.begin_heartbeat(at(0), DEAD_S)
    members.heartbeats.record_answer(C, number)
    assert not members.sees_majority(at(0))
    assert members.shortage(at(0)) == "1 of 2 voting members answer, 2 are needed"
    members.heartbeats.record_answer(B, number)
    assert members.contacts(at(0)) == {A, B, C}
    assert members.sees_majority(at(0))
    assert members.shortage(at(0)) is None

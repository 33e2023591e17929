"""Heartbeats: an answer counts from when its heartbeat was sent, and only for `dead_after`."""

from qutrio.core.leadership.heartbeats import HEARTBEATS_REMEMBERED_MAX, HeartbeatSchedule
from tests.core.samples import DEAD_S, A, B, at


def heartbeats() -> HeartbeatSchedule:
    return HeartbeatSchedule(next_beat=at(0))


def test_contact_counts_from_when_the_heartbeat_was_sent() -> None:
    beats = heartbeats()
    number = beats.begin_heartbeat(at(0), DEAD_S)
    assert beats.record_answer(A, number) == at(0)  # it may have arrived much later
    assert beats.contacts(at(DEAD_S - 0.001), DEAD_S) == {A}
    assert beats.contacts(at(DEAD_S), DEAD_S) == frozenset()


def test_an_answer_to_an_unknown_heartbeat_is_no_contact() -> None:
    beats = heartbeats()
    assert beats.record_answer(A, 7) is None
    assert beats.contacts(at(0), DEAD_S) == frozenset()


def test_an_answer_that_comes_too_late_no_longer_counts() -> None:
    beats = heartbeats()
    first = beats.begin_heartbeat(at(0), DEAD_S)
    beats.begin_heartbeat(at(DEAD_S), DEAD_S)
    assert beats.record_answer(A, first) is None


def test_a_late_answer_does_not_shorten_the_contact_of_a_newer_one() -> None:
    beats = heartbeats()
    first, second = beats.begin_heartbeat(at(0), DEAD_S), beats.begin_heartbeat(at(3), DEAD_S)
    beats.record_answer(A, second)
    beats.record_answer(A, first)
    assert beats.contacts(at(3 + DEAD_S - 0.001), DEAD_S) == {A}


def test_the_memory_of_heartbeats_is_bounded() -> None:
    beats = heartbeats()
    first = beats.begin_heartbeat(at(0), DEAD_S)
    second = beats.begin_heartbeat(at(0), DEAD_S)
    for _ in range(HEARTBEATS_REMEMBERED_MAX - 1):
        beats.begin_heartbeat(at(0), DEAD_S)
    assert beats.record_answer(A, first) is None
    assert beats.record_answer(A, second) == at(0)


def test_a_heartbeat_is_not_remembered_when_dead_after_is_zero() -> None:
    beats = heartbeats()
    assert beats.record_answer(A, beats.begin_heartbeat(at(0), 0.0)) is None


def test_a_peer_that_left_or_is_a_stranger_is_no_contact() -> None:
    beats = heartbeats()
    number = beats.begin_heartbeat(at(0), DEAD_S)
    beats.record_answer(A, number)
    beats.record_answer(B, number)
    beats.forget_strangers({B})
    assert beats.contacts(at(1), DEAD_S) == {B}
    beats.forget(B)
    assert beats.contacts(at(1), DEAD_S) == frozenset()

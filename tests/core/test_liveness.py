"""Liveness: a node is alive for `dead_after` after a message; a longer gap restarts its streak."""

from qutrio.core.leadership.heartbeats import Liveness
from tests.core.samples import DEAD_S, A, B, C, at


def test_a_node_is_alive_until_its_last_message_is_dead_after_old() -> None:
    liveness = Liveness()
    assert not liveness.alive(A, at(0), DEAD_S)
    liveness.record(A, at(10), DEAD_S)
    assert liveness.alive(A, at(10 + DEAD_S - 0.001), DEAD_S)
    assert not liveness.alive(A, at(10 + DEAD_S), DEAD_S)


def test_a_streak_goes_on_while_the_gaps_are_short() -> None:
    liveness = Liveness()
    for now in (0, 3, 6, 9):
        liveness.record(A, at(now), DEAD_S)
    assert liveness.streak(A, at(10), DEAD_S) == 10


def test_a_gap_of_dead_after_restarts_the_streak() -> None:
    liveness = Liveness()
    liveness.record(A, at(0), DEAD_S)
    liveness.record(A, at(DEAD_S), DEAD_S)
    assert liveness.streak(A, at(DEAD_S + 1), DEAD_S) == 1


def test_a_dead_node_has_no_streak() -> None:
    liveness = Liveness()
    liveness.record(A, at(0), DEAD_S)
    assert liveness.streak(A, at(DEAD_S), DEAD_S) == 0
    assert liveness.streak(B, at(0), DEAD_S) == 0


def test_after_a_farewell_a_node_is_dead_at_once_and_its_streak_ends() -> None:
    liveness = Liveness()
    liveness.record(A, at(0), DEAD_S)
    liveness.forget(A)
    assert not liveness.alive(A, at(0), DEAD_S)
    assert liveness.last_heard(A) is not None
    liveness.record(A, at(1), DEAD_S)
    assert liveness.streak(A, at(2), DEAD_S) == 1


def test_only_members_are_remembered() -> None:
    liveness = Liveness()
    for node in (A, B, C):
        liveness.record(node, at(1), DEAD_S)
    liveness.forget_strangers({A, C})
    assert liveness.living(at(2), DEAD_S) == {A, C}
    assert liveness.last_heard(A) == at(1)
    assert liveness.last_heard(B) is None

"""The cache of recently seen nodes always answers as a full computation would."""

from hypothesis import given
from hypothesis import strategies as st

from qutrio.core.leadership.heartbeats import SeenWithin
from qutrio.model.ids import FOREVER, Instant, NodeId
from tests.core.samples import A, B, C, at

MOVES = st.lists(
    st.tuples(
        st.sampled_from(["note", "forget", "ask"]),
        st.sampled_from([A, B, C]),
        st.floats(0, 5),
        st.sampled_from([2.0, 4.0]),
    ),
    max_size=40,
)


@given(MOVES)
def test_a_node_is_recent_until_the_limit_after_it_was_seen(
    moves: list[tuple[str, NodeId, float, float]],
) -> None:
    recency, moments, now = SeenWithin(), dict[NodeId, Instant](), at(0)
    for move, node, seconds, limit in moves:
        now = at(now + seconds / 2)
        if move == "note":
            met = at(now - seconds)
            recency.record(node, met)
            moments[node] = max(met, moments.get(node, met))
        elif move == "forget":
            recency.forget(node)
            moments.pop(node, None)
        assert recency.within(limit, now) == {n for n, m in moments.items() if now - m < limit}
        assert set(recency.known()) == moments.keys()


def test_the_same_answer_is_the_same_object() -> None:
    recency = SeenWithin()
    recency.record(A, at(0))
    first = recency.within(4.0, at(0))
    recency.record(A, at(3))
    assert recency.within(4.0, at(5)) is first
    recency.record(B, at(5))
    assert recency.within(4.0, at(5)) == {A, B}


def test_an_answer_lasts_until_the_first_in_it_is_too_old() -> None:
    recency = SeenWithin()
    assert recency.unchanged_until(4.0, at(0)) == FOREVER
    recency.record(A, at(1))
    recency.record(B, at(2))
    assert recency.unchanged_until(4.0, at(2)) == at(5)
    recency.record(A, at(3))
    assert recency.unchanged_until(4.0, at(3)) == at(6)

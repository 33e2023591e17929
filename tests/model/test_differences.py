"""What differs between two tuples, against the definition."""

from random import Random

import pytest

from qutrio.model.differences import PART, differing


@pytest.mark.parametrize("size", [0, 1, 5, PART - 1, PART, PART + 1, 3 * PART + 7])
def test_the_common_beginning_and_end_are_left_out(size: int) -> None:
    rng = Random(size)
    before = tuple(range(size))
    for _ in range(60):
        changed = list(before)
        for _ in range(rng.randrange(3)):
            at = rng.randrange(len(changed) + 1)
            if rng.random() < 0.5 or at == len(changed):
                changed.insert(at, -rng.randrange(1, 9))
            else:
                del changed[at]
        after = tuple(changed)
        was, now = differing(before, after)
        begin = before.index(was[0]) if was else None
        shared = len(before) - len(was)
        assert len(after) - len(now) == shared
        if begin is not None:
            assert before[:begin] == after[:begin]
        assert not (was and now and (was[0] == now[0] or was[-1] == now[-1]))
        assert set(before) - set(after) == set(was) - set(now)
        assert set(after) - set(before) == set(now) - set(was)


def test_the_same_tuple_does_not_differ_from_itself() -> None:
    items = tuple(range(10))
    assert differing(items, items) == ((), ())
    assert differing(items, (*items,)) == ((), ())
    assert differing((), items) == ((), items)
    assert differing((1, 1), (1,)) == ((1,), ())


def test_equal_items_that_are_not_the_same_are_left_to_the_caller() -> None:
    one, other = [1], [1]
    assert differing((one,), (other,)) == ((one,), (other,))

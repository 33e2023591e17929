"""The queue of times answers as a dictionary of times would."""

from random import Random

from qutrio.core.checks.time_queue import UNUSED_MAX, TimeQueue
from qutrio.model.ids import FOREVER, Instant


def test_the_earliest_time_is_that_of_a_dictionary() -> None:
    """Thousands of random operations on both; ties, postponements and drops included."""
    for seed in range(40):
        rng, queue, model = Random(seed), TimeQueue[str](), dict[str, Instant]()
        for _ in range(400):
            key, at = f"k{rng.randrange(12)}", Instant(float(rng.randrange(50)))
            match rng.randrange(6):
                case 0:
                    queue.drop(key)
                    model.pop(key, None)
                case 1:
                    due = queue.take_due(at)
                    assert sorted(due) == sorted(k for k, v in model.items() if v <= at)
                    assert [model[k] for k in due] == sorted(model[k] for k in due)
                    model = {k: v for k, v in model.items() if v > at}
                case _:
                    queue.put(key, at)
                    model[key] = at
            assert queue.first() == min(model.values(), default=FOREVER)
            assert (len(queue), queue.get(key)) == (len(model), model.get(key))
        queue.clear()
        assert (queue.first(), len(queue)) == (FOREVER, 0)


def test_a_time_that_is_moved_often_does_not_fill_memory() -> None:
    queue = TimeQueue[str]()
    for at in range(10_000, 0, -1):
        queue.put("a", Instant(float(at)))
        queue.put("b", Instant(float(20_000 - at)))
    assert queue.first() == 1.0
    assert len(queue._heap) <= UNUSED_MAX + 5


def test_the_heap_may_be_made_anew_while_the_earliest_time_is_looked_for() -> None:
    """Many keys are dropped behind one that was postponed: its new entry finds the heap too long.

    The heap that `first` goes on with must be the new one.
    """
    queue, many = TimeQueue[int](), 3 * UNUSED_MAX
    queue.put(-1, Instant(0.0))
    for key in range(many):
        queue.put(key, Instant(10.0 + key))
    queue.put(-1, Instant(500.0))
    for key in range(1, many):
        queue.drop(key)
    assert queue.first() == 10.0
    queue.put(0, Instant(1_000.0))
    assert queue.take_due(Instant(999.0)) == [-1]
    assert queue.take_due(Instant(1_000.0)) == [0]
    assert (queue.first(), len(queue)) == (FOREVER, 0)

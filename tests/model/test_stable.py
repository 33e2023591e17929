"""The stable state after a node learned of a newer record while it was down."""

import pytest

from qutrio.model.ids import Term
from qutrio.model.stable import Promise, Record, Stable
from tests.core.samples import A, document, pos, record

PROMISE = Promise(Term(7), A)


def held(term: int) -> Record:
    return record(document(A), pos(term))


@pytest.mark.parametrize(
    ("accepted", "committed", "learned", "after"),
    [(2, 1, 3, (3, 3)), (3, 1, 2, (3, 2)), (3, 2, 1, (3, 2)), (2, 2, 2, (2, 2))],
)
def test_the_newer_record_is_kept_and_promises_stay(
    accepted: int, committed: int, learned: int, after: tuple[int, int]
) -> None:
    stable = Stable(PROMISE, held(accepted), held(committed)).caught_up(held(learned))
    assert stable == Stable(PROMISE, held(after[0]), held(after[1]))

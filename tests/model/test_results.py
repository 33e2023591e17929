"""Results: a detail is one printable line of bounded length, whatever the target sent."""

import pytest

from qutrio.model.results import DETAIL_CHARS_MAX, Outcome, clip
from qutrio.model.stable import Position, Promise
from tests.core.samples import pos, result


@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        ("status 503", "status 503"),
        ("two\nlines\tand  gaps", "two lines and gaps"),
        ("\x1b[31mred\x07", "[31mred"),
        ("", ""),
        ("é" * DETAIL_CHARS_MAX, "é" * DETAIL_CHARS_MAX),
        ("x" * 10_000, "x" * (DETAIL_CHARS_MAX - 1) + "…"),
    ],
)
def test_a_detail_is_one_printable_line(seen: str, shown: str) -> None:
    assert clip(seen) == shown
    assert result(Outcome.FAIL, detail=seen).detail == shown


def test_positions_are_ordered_by_term_and_then_by_number() -> None:
    assert Position() < pos(1, 1) < pos(1, 2) < pos(2, 1)


def test_a_fresh_node_has_promised_nothing() -> None:
    assert (Promise().term, Promise().holder) == (0, None)

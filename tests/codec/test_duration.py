"""Durations as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qutrio.codec.duration import parse_duration
from qutrio.errors import InvalidValueError
from qutrio.model.durations import format_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90.0),
        ("1m30s", 90.0),
        ("2h", 7200.0),
        ("500ms", 0.5),
        ("1d2h", 93_600.0),
        ("1.5s", 1.5),
        ("30", 30.0),
        (" 5m ", 300.0),
        (30, 30.0),
        (0.25, 0.25),
    ],
)
def test_a_duration_with_units_is_read(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "s", "-1s", "1s1m", "1m 30s", "1 parsec", "9" * 500, "٣s", True, None, -1, float("nan"),
     float("inf"), 10**400, [], "1e3s"],
)  # fmt: skip
def test_anything_else_is_refused_with_examples(text: object) -> None:
    with pytest.raises(InvalidValueError, match="such as 30s") as caught:
        parse_duration(text, "interval")
    assert caught.value.field == "interval"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(90.0, "1m30s"), (0.0, "0s"), (0.5, "500ms"), (86_400.0, "1d"), (1.5, "1.5s"), (30, "30s")],
)
def test_a_duration_is_written_with_the_largest_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.floats(0, 1e9) | st.integers(0, 10**9))
def test_a_written_duration_reads_as_exactly_the_same(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds

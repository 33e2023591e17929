"""Numbers with units as people read them."""

import pytest

from qutrio.model.durations import format_duration
from qutrio.model.rules import quantity, shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.5, "500ms"), (1.5, "1.5s"), (90, "1m30s"), (86_313_600, "999d"), (7200, "2h")],
)
def test_a_duration_is_written_with_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (86_313_600, "s", "999d"),
        (-1, "s", "-1s"),
        (float("inf"), "s", "infs"),
        (16 * 1024 * 1024, "B", "16MiB"),
        (2048, "B", "2KiB"),
        (0, "B", "0B"),
        (1001, "B", "1001B"),
        (70_000, "", "70000"),
        (12_345_678, "", "12345678"),
    ],
)
def test_a_quantity_has_no_exponent(value: float, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


def test_a_shown_value_is_quoted_and_not_too_long() -> None:
    assert shown("a\n\u202e") == r"'a\n\u202e'"
    assert len(shown("x" * 1000)) == 60

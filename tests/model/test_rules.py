"""The rules of single fields: which values are accepted, and the sentence for the others."""

import pytest

from qutrio.errors import InvalidValueError
from qutrio.model.channels import UnknownChannel
from qutrio.model.check_base import INTERVAL_S_MAX, INTERVAL_S_MIN
from qutrio.model.checks import TcpCheck, UnknownCheck
from qutrio.model.document import Settings
from qutrio.model.ids import ChannelId, CheckId
from qutrio.model.rules import NAME_CHARS_MAX, SHOWN_CHARS_MAX, TEXT_CHARS_MAX, shown


def tcp(name: str = "web", *, interval_s: float = 30.0, alerts: tuple[str, ...] = ()) -> TcpCheck:
    return TcpCheck(
        id=CheckId("c1"), name=name, address="h:1", interval_s=interval_s, alerts=alerts
    )


@pytest.mark.parametrize("name", ["web", "Web-2.example_org", "7", "x" * NAME_CHARS_MAX])
def test_a_name_needs_no_quotes_in_a_shell(name: str) -> None:
    assert tcp(name).name == name


@pytest.mark.parametrize(
    "name", ["", "-web", ".web", "we b", "we/b", "wéb", "web\n", "x" * (NAME_CHARS_MAX + 1)]
)
def test_a_name_that_needs_quotes_is_refused_with_the_rule(name: str) -> None:
    with pytest.raises(InvalidValueError, match="use letters, digits") as caught:
        tcp(name)
    assert caught.value.field == "name"


@pytest.mark.parametrize("text", ["", "x" * TEXT_CHARS_MAX, "ünï code"])
def test_a_line_of_text_is_accepted(text: str) -> None:
    assert UnknownCheck(id=CheckId("c"), name="c", kind_name=text).kind_name == text


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\0b", "x" * (TEXT_CHARS_MAX + 1)])
def test_text_of_several_lines_or_without_end_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="must be one line"):
        UnknownChannel(id=ChannelId("c"), name="c", kind_name=text)


@pytest.mark.parametrize("seconds", [INTERVAL_S_MIN, INTERVAL_S_MAX])
def test_both_ends_of_a_range_are_included(seconds: float) -> None:
    assert tcp(interval_s=seconds).interval_s == seconds


@pytest.mark.parametrize("seconds", [0.999, 86_400.1, float("nan"), float("inf"), -1])
def test_a_number_out_of_its_range_is_refused_with_the_range(seconds: float) -> None:
    with pytest.raises(InvalidValueError, match="out of range: 1s to 1d"):
        tcp(interval_s=seconds)


def test_a_collection_is_bounded() -> None:
    assert len(tcp(alerts=("a",) * 32).alerts) == 32
    with pytest.raises(InvalidValueError, match="holds 33 of them; at most 32"):
        tcp(alerts=("a",) * 33)


def test_a_word_that_is_not_one_of_the_known_is_refused_with_them() -> None:
    assert Settings(acting="partition").acting == "partition"
    with pytest.raises(InvalidValueError, match="'x' is not one of: majority, partition"):
        Settings(acting="x")


def test_a_truncated_quotation_has_both_its_quotes() -> None:
    assert shown("a") == "'a'"
    assert shown("x" * 100) == f"'{'x' * (SHOWN_CHARS_MAX - 5)}...'"
    assert shown("it's " * 50).startswith('"it')
    assert shown("it's " * 50).endswith('..."')
    assert len(shown("x" * 100)) == len(shown(["x"] * 100)) == SHOWN_CHARS_MAX

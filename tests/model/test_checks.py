"""Checks: what cannot be probed is refused when it is made, not when it is due."""

from typing import Any

import pytest

from qutrio.errors import InvalidValueError
from qutrio.model.check_base import CheckBase
from qutrio.model.checks import (
    HttpCheck,
    StatusRange,
    TcpCheck,
    UnknownCheck,
    slow_words,
)
from qutrio.model.ids import CheckId


def http(**fields: Any) -> HttpCheck:
    return HttpCheck(id=CheckId("c1"), name="web", **{"url": "https://example.org/x", **fields})


def problem(**fields: Any) -> str:
    with pytest.raises(InvalidValueError) as caught:
        http(**fields)
    return caught.value.field


def test_by_default_any_success_code_is_expected_and_secrets_stay_out_of_the_log() -> None:
    check = http(basic_user="ann", basic_password="hush")
    assert check.expect_status == (StatusRange(200, 299),)
    assert "hush" not in repr(check)
    assert "hush" not in repr(http(bearer_token="hush"))


@pytest.mark.parametrize(
    "url",
    ["http://example.org", "https://user.example.org:8443/a/b", "http://[::1]:81/"],
)
def test_an_http_check_shows_its_url(url: str) -> None:
    assert http(url=url).target == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "ftp://example.org/",
        "https://",
        "https://exa\u0308\u200dmple.org/",
        "http://\u3000.example/",
        "http://a\u3002\u3002b.example/",
        "http://%/",
        "http://" + "ä" * 60 + ".example/",
        "http://ä.example/" + "a" * 2048,
        "https://example.org/a b",
        "https://example.org/\n",
        "https://example.org:0/",
        "https://example.org:99999/",
        "https://[::1/",
        "https://ann@example.org/",
        "https://:hush@example.org/",
    ],
)
def test_a_url_that_could_not_be_asked_for_is_refused(url: str) -> None:
    assert problem(url=url) == "url"


@pytest.mark.parametrize("method", ["", "G\u00df", "GET ", "G" * 17])
def test_a_method_is_one_word(method: str) -> None:
    assert problem(method=method) == "method"


def test_a_method_is_kept_in_capitals_however_it_is_given() -> None:
    assert [http(method=m).method for m in ("PROPFIND", "get")] == ["PROPFIND", "GET"]


def test_some_status_must_be_expected() -> None:
    assert problem(expect_status=()) == "expect_status"


@pytest.mark.parametrize(("low", "high"), [(300, 299), (99, 200), (200, 600)])
def test_a_range_of_codes_is_not_empty_and_holds_codes(low: int, high: int) -> None:
    with pytest.raises(InvalidValueError):
        StatusRange(low, high)
    assert StatusRange(404, 404).low == 404


def test_a_range_of_codes_that_runs_backwards_is_told_with_the_right_one() -> None:
    with pytest.raises(InvalidValueError, match="300-200 is the wrong way round; write 200-300"):
        StatusRange(300, 200)


@pytest.mark.parametrize(
    "header", [("", "v"), ("a b", "v"), ("näme", "v"), ("X", "v\r\nY: w"), ("X", "v\0")]
)
def test_a_header_that_cannot_be_sent_is_refused(header: tuple[str, str]) -> None:
    assert problem(headers=(("Accept", "*/*"), header)) == "headers"
    assert http(headers=(("Accept", "*/*"),)).headers == (("Accept", "*/*"),)


def test_one_kind_of_credentials_is_enough() -> None:
    assert problem(basic_user="ann", bearer_token="t") == "bearer_token"


@pytest.mark.parametrize("pattern", ["(", "a{99999999999999999999}", "[z-a]"])
def test_a_regular_expression_must_be_one(pattern: str) -> None:
    assert problem(body_regex=pattern) == "body_regex"
    assert http(body_regex="^ok$").body_regex == "^ok$"


def test_a_tcp_check_shows_its_address_and_needs_one_to_dial() -> None:
    check = TcpCheck(id=CheckId("c1"), name="db", address="[::1]:5432")
    assert check.target == "[::1]:5432"
    with pytest.raises(InvalidValueError, match=r"host:port"):
        TcpCheck(id=CheckId("c1"), name="db", address="db.example.org")


def test_a_check_of_an_unknown_kind_shows_its_kind() -> None:
    assert UnknownCheck(id=CheckId("c1"), name="x", kind_name="smoke").target == "(smoke)"


def test_every_kind_of_check_must_say_what_it_probes() -> None:
    with pytest.raises(NotImplementedError):
        _ = CheckBase(id=CheckId("c1"), name="x").target


@pytest.mark.parametrize(
    ("timeout_s", "retries", "words"),
    [
        (30.0, 0, ""),
        (10.0, 2, ""),
        (60.0, 0, "the timeout (1m) is above the interval (30s)"),
        (20.0, 1, "the timeout of 2 attempts (40s) is above the interval (30s)"),
    ],
)
def test_attempts_that_may_outlast_the_interval_are_warned_of(
    timeout_s: float, retries: int, words: str
) -> None:
    told = slow_words(http(timeout_s=timeout_s, retries=retries))
    assert told.startswith(words)
    assert bool(told) == bool(words)


def test_a_kind_that_is_not_known_has_no_address_to_judge() -> None:
    UnknownCheck(id=CheckId("c1"), name="x", kind_name="new").require_dialable(None)


def test_text_that_is_too_long_is_told_in_characters() -> None:
    with pytest.raises(InvalidValueError, match="is 1025 characters long; at most 1024"):
        http(body_contains="x" * 1025)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://\u0308a.example/?s3cret", "its host is no name that browsers accept"),
        ("http://a\u200db\u00e4.example/?s3cret", "an invisible joiner"),
        ("http://h:s3cret@h:x/", "its port is not a number"),
        ("http://[::1/?s3cret", "its host cannot be read"),
        ("http://h:99999/?s3cret", "its port is not a number from 1 to 65535"),
        ("http://h:0/?s3cret", "its port is not a number from 1 to 65535"),
        ("ftp://h/?s3cret", "'ftp://h/' is not a URL such as .*neither http:// nor https://"),
        ("http:///?s3cret", "it names no host"),
        ("http://h/ ?s3cret", "it holds a blank"),
    ],
)
def test_what_is_wrong_with_a_url_is_said_without_its_secrets(url: str, words: str) -> None:
    with pytest.raises(InvalidValueError, match=words) as caught:
        http(url=url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(s3cret", "missing \\), unterminated subpattern at character 1$"),
        ("(?P<s3cret>a)(?P<s3cret>b)", "something is wrong at character"),
        ("a{99999999999999999999}s3cret", "too large"),
    ],
)
def test_what_is_wrong_with_a_pattern_is_said_without_it(pattern: str, words: str) -> None:
    with pytest.raises(InvalidValueError, match=words) as caught:
        http(body_regex=pattern)
    assert "s3cret" not in str(caught.value)

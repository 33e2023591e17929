"""The text of a notice."""

import pytest
from attrs import evolve

from qutrio.alerts.text import (
    EVIDENCE_LINES_MAX,
    SUBJECT_CHARS_MAX,
    body,
    in_utc,
    subject,
    votes,
)
from qutrio.model.ids import UnixTime
from qutrio.model.incidents import Ending, Notice, NoticeKind, Stopping
from qutrio.model.results import State
from tests.alerts.samples import DOWN, FAIL, LETTER, NOON, OK, QUIET, RECOVERED


def test_subject_names_state_target_and_beginning() -> None:
    assert subject(DOWN) == "[DOWN] web: https://example.org/ since 2026-01-01 12:00:00 UTC"


def test_subject_of_a_recovery_says_how_long_it_lasted() -> None:
    assert subject(RECOVERED) == "[RECOVERED] web: https://example.org/ after 5m12s"


def test_subject_of_a_test_is_marked_as_a_test() -> None:
    line = subject(evolve(DOWN, kind=NoticeKind.TEST))
    assert line.startswith("[TEST] ")
    assert "DOWN" not in line


@pytest.mark.parametrize(
    ("notice", "line"),
    [
        (
            DOWN,
            "[DOWN] (from a minority: 1 of 3 members hear each other) web: https://example.org/",
        ),
        (RECOVERED, "[RECOVERED] (from a minority: 1 of 3 members hear each other) web: "),
    ],
)
def test_a_minority_says_that_it_is_one(notice: Notice, line: str) -> None:
    few = evolve(notice, minority="1 of 3")
    assert subject(few).startswith(line)
    text = body(evolve(LETTER, notice=few))
    assert "This comes from a minority: 1 of 3 members hear each other.\n" in text
    assert "No majority confirmed it." in text


def test_a_minority_does_not_send_people_to_a_journal_that_knows_nothing_of_it() -> None:
    assert "qutrio explain" in body(LETTER)
    assert "qutrio explain" not in body(evolve(LETTER, notice=evolve(DOWN, minority="1 of 3")))


def test_a_notice_of_a_majority_does_not_mention_minorities() -> None:
    assert "minority" not in subject(DOWN) + body(LETTER)


def test_body_lists_votes_with_latencies() -> None:
    lines = body(LETTER).splitlines()
    [alpha] = [line for line in lines if line.startswith("  alpha ")]
    [beta] = [line for line in lines if line.startswith("  beta ")]
    assert alpha.split() == ["alpha", "FAIL", "-", "1s", "ago", "connection", "refused"]
    assert beta.split() == ["beta", "OK", "12", "ms", "4s", "ago", "HTTP", "200"]
    assert alpha.index("connection") == beta.index("HTTP"), "the columns are aligned"


def test_body_lists_abstentions_with_reasons() -> None:
    quiet = body(LETTER).partition("Abstained")[2]
    assert "gamma: no resolver answers here" in quiet
    assert "alpha" not in quiet.partition("--")[0]


def test_body_of_a_recovery_has_beginning_and_end() -> None:
    text = body(evolve(LETTER, notice=RECOVERED))
    assert "web has RECOVERED after 5m12s." in text
    assert "2026-01-01 12:00:00 UTC" in text
    assert "2026-01-01 12:05:12 UTC" in text


def test_votes_that_did_not_count_are_listed_separately() -> None:
    assert votes((FAIL, FAIL, OK, QUIET)) == "2 fail, 1 ok, 1 abstained"
    assert votes((FAIL, evolve(OK, counted=False))) == "1 fail, 1 not counted"


def test_control_characters_never_reach_a_line() -> None:
    """A name, target or detail from another node cannot fake lines."""
    nasty = "x\r\nBcc: evil@example.org\n\x1b[31m\u2028y"
    bad = evolve(FAIL, name=nasty, detail=nasty)
    notice = evolve(DOWN, check_name=nasty, target=nasty, evidence=(bad,))
    assert subject(notice).isprintable()
    text = body(evolve(LETTER, notice=notice, node_name=nasty))
    assert all(line.isprintable() for line in text.split("\n"))
    assert not any(line.startswith("Bcc:") for line in text.splitlines())


def test_subject_and_evidence_have_limits() -> None:
    notice = evolve(DOWN, target="https://example.org/" + "a" * 2000, evidence=(FAIL,) * 1000)
    assert len(subject(notice)) == SUBJECT_CHARS_MAX
    text = body(evolve(LETTER, notice=notice))
    assert text.count("connection refused") == EVIDENCE_LINES_MAX
    assert "... and 800 more" in text


def test_a_number_that_is_no_valid_time_is_shown_and_does_not_raise() -> None:
    assert in_utc(NOON) == "2026-01-01 12:00:00 UTC"
    assert in_utc(UnixTime(1e30)) == "1e+30 s after 1970"
    assert "nan" in in_utc(UnixTime(float("nan")))


def test_a_recovery_before_the_outage_has_length_zero() -> None:
    """The wall clock jumped back in between."""
    assert subject(evolve(RECOVERED, at_unix=UnixTime(NOON - 60))).endswith(" after 0s")


def test_the_text_names_the_command_that_explains_the_incident() -> None:
    for notice in (DOWN, RECOVERED):
        text = body(evolve(LETTER, notice=notice))
        assert f"Why, on any node: qutrio explain {notice.incident}\n" in text
    assert "explain" not in body(evolve(LETTER, notice=evolve(DOWN, kind=NoticeKind.TEST)))


def test_a_measured_duration_does_not_follow_the_clock_and_the_notice_says_so() -> None:
    back = evolve(
        RECOVERED, lasted_s=15.0, at_unix=UnixTime(RECOVERED.since_unix - 3585), evidence=()
    )
    assert "after 15s" in subject(back)
    said = body(evolve(LETTER, notice=back))
    assert "has RECOVERED after 15s." in said
    assert "Clock:     off by 1h: a wall clock was set, or differs between nodes" in said
    assert "Clock:" not in body(evolve(LETTER, notice=evolve(RECOVERED, lasted_s=312.0)))


def test_closed_says_how_and_by_whom_monitoring_ended_and_the_last_state() -> None:
    ending = Ending(how=Stopping.DISABLED, by="alice on alpha", last_state=State.DOWN)
    closed = evolve(RECOVERED, kind=NoticeKind.CLOSED, ending=ending, evidence=(), lasted_s=90.0)
    assert subject(closed) == (
        "[CLOSED] web: https://example.org/ is no longer watched, was DOWN for 1m30s"
    )
    said = body(evolve(LETTER, notice=closed))
    assert "no longer watched: its check was disabled by alice on alpha.  It was DOWN for" in said
    blind = evolve(closed, ending=evolve(ending, by="", last_state=State.UNKNOWN))
    assert "It was DOWN, and then unknown, for 1m30s." in body(evolve(LETTER, notice=blind))
    assert "was disabled or removed." in body(evolve(LETTER, notice=evolve(closed, ending=None)))

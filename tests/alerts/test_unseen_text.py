"""The text of UNSEEN and SEEN."""

import json

import pytest
from attrs import evolve

from qutrio.alerts import discord, webhook
from qutrio.alerts.text import body, subject
from qutrio.model.ids import CheckId, IncidentId, NoticeId, UnixTime
from qutrio.model.incidents import Notice, NoticeKind
from qutrio.model.results import State
from qutrio.model.unseen import ListedCheck, UnseenChecks
from tests.alerts.samples import DOWN, LETTER, NOON, QUIET

CAUSE = "alpha: this node's resolver gives no answers; bravo: not heard"


def listed(name: str, state: State | None = State.UNKNOWN) -> ListedCheck:
    """One check in the notice."""
    return ListedCheck(id=CheckId(name), name=name, target=f"https://{name}.example/", state=state)


def notice(kind: NoticeKind, *checks: ListedCheck, count: int | None = None) -> Notice:
    """A notice of these checks."""
    one = checks[0] if len(checks) == 1 else None
    count = len(checks) if count is None else count
    return evolve(
        DOWN,
        id=NoticeId(f"unseen-7.{kind.value}"),
        incident=IncidentId("unseen-7"),
        kind=kind,
        check=CheckId(""),
        check_name=f"{count} checks" if one is None else one.name,
        target="" if one is None else one.target,
        at_unix=UnixTime(NOON + 300),
        lasted_s=300.0,
        evidence=(QUIET,),
        unseen=UnseenChecks(cause=CAUSE, count=count, checks=checks),
    )


def text(one: Notice) -> str:
    """Return the whole message."""
    return body(evolve(LETTER, notice=one))


def test_the_subject_names_the_checks_the_duration_and_the_cause() -> None:
    three = notice(NoticeKind.UNSEEN, *map(listed, ("a", "b", "c")))
    assert subject(three) == f"[UNSEEN] 3 checks: no verdict for 5m: {CAUSE}"
    assert subject(notice(NoticeKind.UNSEEN, listed("a"))).startswith("[UNSEEN] a: no verdict")


def test_the_body_explains_unseen_and_lists_the_checks() -> None:
    words = text(notice(NoticeKind.UNSEEN, listed("a"), listed("b"), count=900))
    assert "900 checks have had no verdict for 5m" in words
    assert "whether they are up or down, so no outage would be reported" in words
    assert f"Why: {CAUSE}." in words
    assert "  a, UNKNOWN: https://a.example/\n" in words
    assert "  ... and 898 more" in words
    assert "get no further notice" in words
    assert "qutrio explain unseen-7" in words


def test_a_single_check_is_named_with_its_target() -> None:
    words = text(notice(NoticeKind.UNSEEN, listed("a")))
    assert "a has had no verdict for 5m: too few nodes can tell whether it is up" in words
    assert "Target:    https://a.example/" in words


@pytest.mark.parametrize(
    ("checks", "line"),
    [
        ((listed("a", State.UP),), "[SEEN] a: judged again, UP after 5m"),
        ((listed("a", State.DOWN),), "[SEEN] a: judged again, DOWN after 5m"),
        ((listed("a", None),), "[SEEN] a: no longer watched after 5m"),
        ((listed("a", State.UP), listed("b", None)), "[SEEN] 2 checks: judged again after 5m"),
        ((), "[SEEN] 0 checks: judged again after 5m"),
    ],
)
def test_the_subject_of_seen_says_how_it_ended(checks: tuple[ListedCheck, ...], line: str) -> None:
    assert subject(notice(NoticeKind.SEEN, *checks)) == line


def test_the_body_of_seen_has_beginning_end_and_the_last_checks() -> None:
    words = text(notice(NoticeKind.SEEN, listed("a", None), listed("b", State.UP)))
    assert "Every check that notice unseen-7.unseen covered has a verdict again" in words
    assert "2026-01-01 12:00:00 UTC" in words
    assert "2026-01-01 12:05:00 UTC" in words
    assert "The last of them (2):\n  a, no longer watched: https://a.example/\n  b, UP: " in words


def test_a_notice_without_its_checks_can_be_sent() -> None:
    """A hostile member may make one."""
    bare = evolve(notice(NoticeKind.UNSEEN, listed("a")), unseen=None)
    assert "the notice does not say why" in text(bare)
    assert subject(evolve(bare, kind=NoticeKind.SEEN)) == "[SEEN] a: judged again after 5m"


def test_control_characters_never_reach_a_line() -> None:
    nasty = "x\r\nBcc: evil@example.org\n\x1b[31m\u2028y"
    bad = notice(NoticeKind.UNSEEN, evolve(listed("a"), name=nasty, target=nasty))
    assert bad.unseen is not None
    bad = evolve(bad, unseen=evolve(bad.unseen, cause=nasty))
    assert subject(bad).isprintable()
    assert all(line.isprintable() for line in text(bad).split("\n"))


def test_the_document_of_a_webhook_lists_the_checks() -> None:
    told = json.loads(
        webhook.payload(evolve(LETTER, notice=notice(NoticeKind.UNSEEN, listed("a"))))
    )
    assert (told["event"], told["notice_id"]) == ("unseen", "unseen-7.unseen")
    assert told["check"] == {"id": None, "name": "a", "target": "https://a.example/"}
    assert (told["cause"], told["checks_count"], told["duration_s"]) == (CAUSE, 1, 300.0)
    assert told["checks"] == [
        {"id": "a", "name": "a", "target": "https://a.example/", "state": "unknown"}
    ]
    gone = json.loads(
        webhook.payload(evolve(LETTER, notice=notice(NoticeKind.SEEN, listed("a", None))))
    )
    assert (gone["event"], gone["checks"][0]["state"]) == ("seen", None)
    assert "checks" not in json.loads(webhook.payload(LETTER))


def test_discord_has_a_colour_for_each() -> None:
    for kind in (NoticeKind.UNSEEN, NoticeKind.SEEN):
        told = json.loads(discord.payload(evolve(LETTER, notice=notice(kind, listed("a")))))
        assert told["embeds"][0]["color"] == discord.COLOURS[kind]

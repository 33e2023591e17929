"""Expectations against a story that is written by hand: when each is decided, and how."""

import pytest

from qutrio.model.incidents import NoticeKind
from qutrio.model.results import State
from qutrio.sim.scenario.expectations import (
    FORMS,
    WINDOWS,
    read_predicate,
    read_window,
)
from qutrio.sim.scenario.predicates import Expectation, Verdict, judge
from qutrio.sim.scenario.story import (
    Answer,
    Machine,
    Page,
    Standing,
    Story,
    Track,
    clock_text,
    time_text,
)
from qutrio.sim.scenario.tokens import Scope, Tokens
from tests.sim.scenario.stories import scenario

SCOPE: Scope = scenario(head="channels: [mail, pager]").scope
WISH = "add check shop"


@pytest.fixture
def story() -> Story:
    """Give a minute: alpha acts from 1s, bravo from 20s; web is down from 10s to 30s."""
    told = Story(end_s=60.0)
    alpha, bravo = frozenset({"alpha"}), frozenset({"bravo"})
    for at, acting in ((1.0, alpha), (18.0, frozenset[str]()), (20.0, bravo)):
        told.acting.put(at, acting)
    told.term.put(1.0, 1)
    told.term.put(20.0, 2)
    told.quorum.put(2.0, alpha | bravo)
    told.outbox.put(11.0, 2)
    told.outbox.put(22.0, 0)
    told.agree.put(30.0, False)
    told.verdicts["web"] = Track(State.UNKNOWN)
    for at, state in ((5.0, State.UP), (10.0, State.DOWN), (30.0, State.UP)):
        told.verdicts["web"].put(at, state)
    told.known["web"] = Track((alpha, alpha | bravo))
    told.known["web"].put(9.0, (alpha | bravo, alpha | bravo))
    told.machines["alpha"], told.standing["alpha"] = Track(Machine.RUNNING), Track(Standing.VOTER)
    told.machines["alpha"].put(18.0, Machine.DOWN)
    told.answers[WISH] = Track(Answer.NOT_ASKED)
    told.answers[WISH].put(40.0, Answer.ACKNOWLEDGED)
    for at, node, channel, again in (
        (12.0, "alpha", "mail", False),
        (13.0, "alpha", "pager", False),
        (21.0, "bravo", "mail", True),
    ):
        page = Page(
            at_s=at,
            node=node,
            channel=channel,
            check="web",
            kind=NoticeKind.DOWN,
            again=again,
        )
        told.pages.append(page)
    return told


def judged(sentence: str, story: Story) -> Verdict:
    before, behind = sentence.split(": ")
    expectation = Expectation(
        window=read_window(Tokens(SCOPE, before)),
        predicate=read_predicate(Tokens(SCOPE, behind), {WISH}),
        text=sentence,
        line=1,
    )
    return judge(expectation, story)


@pytest.mark.parametrize(
    ("sentence", "at"),
    [
        ("at 10s: master is alpha", 10),
        ("at 19s: master is nobody", 19),
        ("at 19s: no master", 19),
        ("at 20s: master is bravo", 20),
        ("by 25s: master is bravo", 20),
        ("by 25s: master is alpha", 1),
        ("within 5s of 18s: master is bravo", 20),
        ("always from 1s to 17s: one master", 17),
        ("always from 20s: master is bravo", 60),
        ("never: two masters", 60),
        ("never from 1s to 17s: no master", 17),
        ("at 10s: term is 1", 10),
        ("by 30s: term is 2", 20),
        ("at 10s: quorum held by alpha, bravo", 10),
        ("at 1s: quorum held by nobody", 1),
        ("at 10s: web is down", 10),
        ("always from 10s to 29s: check web is down", 29),
        ("by 5s: web is up", 5),
        ("at 5s: check web known to alpha", 5),
        ("at 9s: check web known to all", 9),
        ("by 20s: paged web down once", 20),
        ("at 20s: paged web down once", 20),
        ("at 30s: paged web down twice on mail", 30),
        ("at 30s: paged web down 1 times on pager", 30),
        ("by 30s: paged web down once by bravo on mail", 30),
        ("by 30s: paged", 30),
        ("within 5s of 12s: paged web down", 17),
        ("within 5s of 14s: paged never", 19),
        ("never from 22s: paged", 60),
        ("never: paged web recovered", 60),
        ("at 11s: nobody is paged", 11),
        ("at 11s: nobody is paged about web", 11),
        ("always to 11s: paged never", 11),
        ("never: paged web down 3 times", 60),
        ("at 10s: documents agree", 10),
        ("by 25s: outbox is empty", 0),
        ("within 20s of 11s: outbox is empty", 22),
        ("at 17s: node alpha is running", 17),
        ("at 18s: node alpha is down", 18),
        ("at 18s: node alpha is voter", 18),
        ("by 50s: add check shop is acknowledged", 40),
    ],
)
def test_what_was_so_is_found_at_its_moment(sentence: str, at: float, story: Story) -> None:
    verdict = judged(sentence, story)
    assert verdict.held, verdict.reason
    assert verdict.at_s == at


@pytest.mark.parametrize(
    ("sentence", "at", "reason"),
    [
        ("at 10s: master is bravo", 10, "at 10s: alpha acts since 1s"),
        ("by 19s: master is bravo", 19, "at 19s: nobody acts since 18s"),
        ("within 1s of 18s: one master", 19, "nobody acts"),
        ("always: one master", 0, "at 0s: nobody acts all along"),
        ("always from 1s: one master", 18, "at 18s: nobody acts since 18s"),
        ("never from 2s: no master", 18, "nobody acts since 18s"),
        ("at 30s: term is 1", 30, "the term is 2 since 20s"),
        ("at 10s: quorum held by alpha", 10, "the quorum is held by alpha, bravo since 2s"),
        ("never: web is down", 10, "web is down since 10s"),
        ("at 5s: check web known to all", 5, "check web is known to alpha all along"),
        ("by 25s: paged web down once", 25, "bravo told mail of web down again at 21s"),
        ("at 9s: paged", 9, "no such page was sent"),
        ("never: paged web down twice on mail", 21, "alpha told mail of web down at 12s; bravo"),
        ("at 40s: documents agree", 40, "the documents differ since 30s"),
        ("always from 11s: outbox is empty", 11, "2 waits for delivery"),
        ("at 20s: node alpha is running", 20, "alpha is down since 18s"),
        ("at 20s: node alpha is removed", 20, "alpha is a voter all along"),
        ("by 30s: add check shop is acknowledged", 30, "it is not asked yet"),
        ("at 50s: add check shop is refused", 50, "it is acknowledged since 40s"),
    ],
)
def test_what_was_not_so_is_told_with_its_moment_and_reason(
    sentence: str, at: float, reason: str, story: Story
) -> None:
    verdict = judged(sentence, story)
    assert not verdict.held
    assert verdict.at_s == at
    assert reason in verdict.reason


def test_two_masters_would_be_seen(story: Story) -> None:
    story.acting.put(50.0, frozenset({"alpha", "bravo"}))
    verdict = judged("never: two masters", story)
    assert not verdict.held
    assert verdict.reason == "at 50s: alpha, bravo act since 50s"


def test_many_pages_are_cut_short(story: Story) -> None:
    story.pages.extend([story.pages[0]] * 9)
    assert judged("at 60s: paged web down twice", story).reason.endswith("; 8 more")


def test_every_usage_of_a_claim_and_a_time_can_be_read() -> None:
    words = {"NODES": "alpha, bravo", "NODE": "alpha", "CHECK": "web", "CHANNEL": "mail"}
    words |= {"COUNT": "3 times", "NUMBER": "3", "TIME": "5s"}

    def filled(usage: str) -> str:
        for word, example in words.items():
            usage = usage.replace(word, example)
        return usage

    for form in FORMS.values():
        for usage in form.usage:
            read_predicate(Tokens(SCOPE, filled(usage)), {WISH})
    for usage in WINDOWS:
        read_window(Tokens(SCOPE, filled(usage)))


@pytest.mark.parametrize(
    ("seconds", "short", "column"),
    [
        (0, "0s", "0.00s"),
        (0.456, "0.46s", "0.46s"),
        (41.2, "41.2s", "41.20s"),
        (59.999, "1m", "1m00.00s"),
        (62.5, "1m2.5s", "1m02.50s"),
        (3600, "1h", "1h00m00.00s"),
        (3605.25, "1h5.25s", "1h00m05.25s"),
        (86_399, "23h59m59s", "23h59m59.00s"),
    ],
)
def test_moments_read_as_they_are_written_in_a_scenario(
    seconds: float, short: str, column: str
) -> None:
    assert time_text(seconds) == short
    assert clock_text(seconds) == column


def test_whoever_comes_or_goes_does_not_change_since_when_others_know(story: Story) -> None:
    """A node that starts without the check is no news of those who have it."""
    everybody = frozenset({"alpha", "bravo", "charlie"})
    story.known["web"].put(40.0, (everybody - {"charlie"}, everybody))
    verdict = judged("at 50s: check web known to alpha, bravo", story)
    assert verdict.held
    assert verdict.reason == "at 50s: check web is known to alpha, bravo since 9s"

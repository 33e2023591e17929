"""`qutrio explain`: the report of a page, in words that need no manual at three in the morning."""

import json
from typing import Any

import orjson
import pytest

from qutrio.cli.exits import ExitCode
from qutrio.cli.printing import lapse
from qutrio.cli.vote_text import arithmetic, cast_lines, evidence_lines
from qutrio.codec.converter import CONVERTER
from qutrio.core.journal.writer import ATTEMPTS_WRITTEN_MAX
from qutrio.model.ids import NodeId
from qutrio.model.incidents import NoticeKind
from qutrio.model.journal import Basis, Closing, Entry, Leaving, Named
from tests.cli.in_process import CommandRunner
from tests.control.scripted_node import ME
from tests.core.journal_facts import (
    ALPHA,
    BRAVO,
    INCIDENT,
    began,
    came_up,
    closed,
    crossed,
    doubted,
    ended,
    led,
    noticed,
    opened,
    started,
    stopped,
    vote_count,
    went_down,
)

HERE = Named(NodeId(ME), "a")

OUTAGE = [
    went_down(), opened(), noticed(0), began(0.1), ended(0.3), crossed(0.4),
    led(30, None), led(34, BRAVO), came_up(60), closed(60),
]  # fmt: skip

STORY = """\
incident  web-1
check     web: 127.0.0.1:80
since     2023-11-14 22:13:20 UTC
until     2023-11-14 22:14:20 UTC
state     recovered after 1m
pages     DOWN to pager delivered by alpha
source    the journal of a

-- 2023-11-14, UTC --
22:13:18.9      +0.0s  first round: web may be DOWN
                       3 of 3 voters answered, 2 failed: more than half, so DOWN
                         alpha    fail         0.2s old  counts  connection refused
                         bravo    fail         0.2s old  counts  connection refused
                         charlie  ok    12 ms  0.2s old  counts  HTTP 200
22:13:20.0      +1.1s  second round, 1.1s after the first (at least 1s): web was UP, is DOWN
                       3 of 3 voters answered, 3 failed: all, so DOWN
                         alpha    fail    0.2s old  counts  connection refused
                         bravo    fail    0.2s old  counts  connection refused
                         charlie  fail    0.2s old  counts  connection refused
22:13:20.0      +1.1s  incident web-1 opened by alpha, the master of term 1: \
a majority holds it (write 1.7, document revision 3)
22:13:20.0      +1.1s  DOWN is to be sent to: pager
22:13:20.1      +1.2s  alpha tries to deliver DOWN to pager
22:13:20.3      +1.4s  DOWN to pager delivered by alpha: 250 queued
22:13:20.4      +1.5s  DOWN to pager is marked delivered: no other node will repeat it
22:13:50.0     +31.1s  no master is heard any more: no notice is sent until there is one
22:13:54.0     +35.1s  bravo is master now, in term 2
"""


def remember(qutrio: CommandRunner, *entries: Entry) -> None:
    """Let the node have written these lines."""
    qutrio.scripted.journal.entries.extend(entries)


async def test_a_page_is_told_from_the_first_bad_round_to_the_end(qutrio: CommandRunner) -> None:
    remember(qutrio, *OUTAGE)
    shown = await qutrio("explain", "web")
    assert (shown.code, shown.err) == (0, "")
    wanted, lines = STORY.splitlines(), shown.out.splitlines()
    assert lines[: len(wanted)] == wanted
    assert "22:14:18.9        +1m  first round: web may be UP" in lines
    assert "What this node did not see" not in shown.out


async def test_without_an_argument_the_incidents_are_listed(qutrio: CommandRunner) -> None:
    empty = await qutrio("explain")
    assert empty.out == "no incident is recorded on this node (a)\n"
    remember(qutrio, *OUTAGE, doubted(80, untold=3), opened(90, number=2))
    lines = (await qutrio("explain")).out.splitlines()
    assert lines[:3] == [
        "INCIDENT  CHECK  SINCE                    LASTED  STATE      PAGES",
        "web-2     web    2023-11-14 22:13:20 UTC  0s      DOWN       none",
        "web-1     web    2023-11-14 22:13:20 UTC  1m      recovered  1 of 1 delivered",
    ]
    assert lines[4] == "Bad rounds that the next round did not confirm:"
    assert lines[5] == (
        "  2023-11-14 22:14:39 UTC  web: one bad round, no notice: 3 of 3 voters answered,"
        " 2 failed: more than half, so DOWN; then, 1.0s later, 3 of 3 voters answered, 1 failed:"
        " a minority, so UP; 3 such rounds before it are not recorded"
    )


async def test_scripts_get_every_line_as_json(qutrio: CommandRunner) -> None:
    remember(qutrio, *OUTAGE)
    listed = json.loads((await qutrio("explain", "--json")).out)
    assert [i["id"] for i in listed["incidents"]] == ["web-1"]
    told = json.loads((await qutrio("explain", "web-1", "--json")).out)
    assert told["entries"][0]["last"]["fail"] == 3
    assert "ok" not in told


async def test_an_unknown_incident_is_one_sentence_and_exit_code_2(qutrio: CommandRunner) -> None:
    shown = await qutrio("explain", "nope")
    assert (shown.code, shown.out) == (ExitCode.BAD_INPUT, "")
    assert shown.err == (
        "qutrio: this node has no record of an incident 'nope'; see 'qutrio explain'\n"
    )


async def test_what_a_target_said_cannot_move_the_cursor(qutrio: CommandRunner) -> None:
    rude = Named(NodeId("n9"), "\x1b[2Jalpha")
    remember(qutrio, opened(), noticed(0), began(1, by=rude), ended(2, by=rude))
    assert "\x1b" not in (await qutrio("explain", "web")).out


async def test_a_damaged_moment_is_one_sentence_and_no_traceback(qutrio: CommandRunner) -> None:
    remember(qutrio, opened(), led(1e15, BRAVO))
    shown = await qutrio("explain", "web")
    assert shown.code == ExitCode.ERROR
    assert "holds a time that is not a date; look with --json" in shown.err
    assert (await qutrio("explain", "web", "--json")).code == ExitCode.OK


async def test_what_lasted_is_rounded_as_in_a_mail(qutrio: CommandRunner) -> None:
    text = await told(qutrio, opened(), came_up(59.9997), closed(59.9997))
    assert "recovered after 1m" in text


# --- what happened --------------------------------------------------------------------------


async def told(qutrio: CommandRunner, *entries: Entry) -> str:
    remember(qutrio, *entries)
    shown = await qutrio("explain", "web")
    assert shown.code == 0, shown.err
    return shown.out


async def test_a_round_that_came_to_nothing_is_told_before_the_page(qutrio: CommandRunner) -> None:
    text = await told(qutrio, doubted(-60), went_down(), opened())
    assert "-59.9s  one bad round, no notice: 3 of 3 voters answered, 2 failed" in text


async def test_a_node_that_took_the_masters_word_shows_its_own_votes(qutrio: CommandRunner) -> None:
    text = await told(qutrio, went_down(basis=Basis.LEDGER), opened())
    assert "web is DOWN by the master's count; this node had counted one round" in text
    assert "its own votes at that time:" in text


async def test_a_check_without_a_channel_tells_nobody_and_says_so(qutrio: CommandRunner) -> None:
    text = await told(qutrio, went_down(), opened())
    assert "no notice: no enabled alert channel is attached" in text
    assert "pages     none" in text


async def test_an_errand_says_who_was_asked_and_why(qutrio: CommandRunner) -> None:
    text = await told(
        qutrio, went_down(), opened(), noticed(0), began(1), ended(2, delivered=False),
        began(7, by=BRAVO, errand=True), ended(8, by=BRAVO), crossed(8),
    )  # fmt: skip
    assert "DOWN to pager NOT delivered by alpha: connection refused" in text
    assert "bravo is asked to deliver DOWN to pager, in case only the master cannot" in text
    assert "DOWN to pager delivered by bravo" in text
    own = await told(qutrio, began(9, by=HERE, errand=True))
    assert "a tries to deliver DOWN to pager, for the master" in own


@pytest.mark.parametrize(
    ("cause", "words", "brief"),
    [
        (
            Leaving.CHANNEL_GONE,
            "is dropped: the channel was removed or disabled",
            "dropped with its channel",
        ),
        (
            Leaving.FORGOTTEN,
            "is dropped: the check was removed or disabled",
            "dropped with its check",
        ),
        (Leaving.GIVEN_UP, "is given up: too many notices waited", "given up"),
    ],
)
async def test_a_notice_that_was_not_delivered_says_why(
    qutrio: CommandRunner, cause: Leaving, words: str, brief: str
) -> None:
    text = await told(qutrio, opened(), noticed(0), crossed(9, cause))
    assert f"DOWN to pager {words}" in text
    assert f"DOWN to pager {brief}" in text


async def test_an_incident_whose_check_is_gone_says_so(qutrio: CommandRunner) -> None:
    text = await told(qutrio, opened(), closed(9, Closing.FORGOTTEN))
    assert "state     check removed or disabled after 9s" in text
    assert "term 1, without a notice because its check was removed or disabled: a majority" in text


async def test_a_day_that_begins_meanwhile_is_marked(qutrio: CommandRunner) -> None:
    text = await told(qutrio, went_down(), opened(), came_up(86_400), closed(86_400))
    assert text.count(", UTC --") == 2


async def test_lines_of_a_newer_version_are_passed_over(qutrio: CommandRunner) -> None:
    """A client that is older than its daemon shows what it knows."""
    from qutrio.cli.incident_text import timeline  # noqa: PLC0415 - one test's own subject

    assert timeline({"entries": [{"kind": "of_the_future", "at_unix": 1.0}]}) == []


# --- what was not seen ----------------------------------------------------------------------


async def test_a_node_that_was_down_says_what_it_did_not_see(qutrio: CommandRunner) -> None:
    late = started(100)
    text = await told(qutrio, late, opened(101), noticed(101), crossed(102))
    assert "this node started; it did not see what happened while it was down" in text
    assert "this node heard of it 1m 41s late" in text
    assert "the votes as the master counted them:" in text
    assert "bravo  fail    0.3s old  does not count  connection refused" in text
    missed = text.partition("What this node did not see:\n")[2]
    assert "how the votes were counted; the journal of the master at that time has it" in missed
    assert (
        "who delivered DOWN for pager: run the same command on alpha, the master at that time"
        in missed
    )


async def test_a_node_that_was_away_at_the_end_does_not_guess(qutrio: CommandRunner) -> None:
    text = await told(
        qutrio, went_down(), opened(), noticed(0), began(1, by=HERE), stopped(2), started(50)
    )
    assert "this node was asked to stop" in text
    assert "state     over, this node was away\n" in text
    missed = text.partition("What this node did not see:\n")[2]
    assert "what became of DOWN for pager: this node was away when that was recorded" in missed
    assert "when the incident ended: this node was away" in missed
    assert "how its own attempt to deliver DOWN to pager ended: it stopped before the end" in missed


async def test_an_attempt_that_another_node_made_is_not_this_nodes_to_know(
    qutrio: CommandRunner,
) -> None:
    text = await told(
        qutrio, went_down(), opened(), noticed(0), began(1), began(2, by=HERE),
        ended(3, by=HERE), started(50, INCIDENT.id), noticed(50),
    )  # fmt: skip
    assert "how its own attempt" not in text


async def test_attempts_that_are_not_written_are_not_passed_over_in_silence(
    qutrio: CommandRunner,
) -> None:
    attempts = [began(n) for n in range(ATTEMPTS_WRITTEN_MAX)]
    text = await told(qutrio, went_down(), opened(), noticed(0), *attempts)
    assert (
        f"every attempt to deliver DOWN for pager: only the first {ATTEMPTS_WRITTEN_MAX} and the"
        " one that succeeds are recorded" in text
    )


async def test_an_open_incident_says_for_how_long(qutrio: CommandRunner) -> None:
    remember(qutrio, went_down(-125), opened(-125))
    assert "state     DOWN for 0s" in (await qutrio("explain", "web")).out
    acts = await told(qutrio, noticed(-125, NoticeKind.DOWN), led(-100, HERE, 3))
    assert "a (this node) is master now, in term 3" in acts
    assert ALPHA.name in acts


# --- arithmetic -----------------------------------------------------------------------------


def plain_ballot(*, ok: int, fail: int, abstain: int) -> dict[str, Any]:
    """A vote_count as the daemon sends it."""
    sent = orjson.dumps(CONVERTER.unstructure(vote_count(0, ok=ok, fail=fail, abstain=abstain)))
    plain: dict[str, Any] = json.loads(sent)
    return plain


@pytest.mark.parametrize(
    ("ok", "fail", "abstain", "words"),
    [
        (0, 3, 0, "3 of 3 voters answered, 3 failed: all, so DOWN"),
        (1, 2, 0, "3 of 3 voters answered, 2 failed: more than half, so DOWN"),
        (2, 1, 0, "3 of 3 voters answered, 1 failed: a minority, so UP"),
        (3, 0, 0, "3 of 3 voters answered, 0 failed: none, so UP"),
        (1, 1, 1, "2 of 3 voters answered, 1 abstained, 1 failed: just half, and a tie is UP"),
        (0, 1, 2, "1 of 3 voters answered, 2 abstained: a majority of 2 is needed for a verdict"),
    ],
)
def test_a_count_names_its_rule(ok: int, fail: int, abstain: int, words: str) -> None:
    assert arithmetic(plain_ballot(ok=ok, fail=fail, abstain=abstain)) == words


def test_every_vote_says_whether_it_counts() -> None:
    plain = plain_ballot(ok=1, fail=0, abstain=1)
    assert list(cast_lines(plain)) == [
        "alpha    ok       12 ms  0.2s old  counts                              HTTP 200",
        "bravo    abstain         0.2s old  abstained: neither for nor against  connection refused",
        "charlie  -                         no vote is known",
    ]
    assert list(evidence_lines([])) == []


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.0, "+0.0s"), (3.14, "+3.1s"), (-4.0, "-4.0s"), (-250.0, "-4m 10s")]
)
def test_a_lapse_is_short_and_signed(seconds: float, words: str) -> None:
    assert lapse(seconds) == words

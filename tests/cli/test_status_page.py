"""`qutrio status` at three in the morning: what is wrong first, alike things once, never long."""

import fcntl
import os
import pty
import struct
import sys
import termios
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve

from qutrio.cli import status
from qutrio.cli.check_lines import GROUPS_MAX, ROWS_MAX, counted_states
from qutrio.cli.colour import Style, columns, paint
from qutrio.cli.printing import print_table
from qutrio.cli.staleness import decides, stale_note, warn_if_stale
from qutrio.model.checks import HttpCheck
from qutrio.model.ids import CheckId
from tests.control.scripted_node import new_scripted_node, served, two_nodes

Row = dict[str, Any]
COLUMNS = 60
NOW = 1_700_000_000.0


def vote(name: str, outcome: str, detail: str, *, counted: bool = True, age_s: float = 2.0) -> Row:
    return {
        "name": name,
        "outcome": outcome,
        "detail": detail,
        "counted": counted,
        "age_s": age_s,
        "latency_ms": None,
    }


def check(name: str, state: str = "up", **fields: Any) -> Row:
    refused = [vote(n, "fail", "connection refused by 192.0.2.1 port 80") for n in "abc"]
    return {
        "id": name,
        "name": name,
        "state": state,
        "since": NOW - 60,
        "enabled": True,
        "votes": {"ok": 0, "fail": 3, "abstain": 0} if state == "down" else {"ok": 3},
        "target": f"{name}.example:80",
        "evidence": refused if state == "down" else [],
        "incident": {"id": f"{name}-1", "since": NOW - 300} if state == "down" else None,
        **fields,
    }


def answer(checks: list[Row], **fields: Any) -> Row:
    return {
        "name": "a",
        "node_id": "n1",
        "version": "1",
        "now_unix": NOW,
        "engine": "raft",
        "role": "leader",
        "term": 3,
        "master": {"id": "n1", "name": "a"},
        "acting": True,
        "quorum": {"holds": True, "have": 3, "need": 2},
        "revision": 9,
        "digest": "d" * 64,
        "stale": False,
        "removed": False,
        "reason": "",
        "disk": "",
        "outbox": 0,
        "members": [],
        "checks": checks,
        **fields,
    }


def page(capsys: pytest.CaptureFixture[str], shown: Row) -> list[str]:
    status.show(shown)
    return capsys.readouterr().out.splitlines()


def test_the_first_line_says_how_things_are(capsys: pytest.CaptureFixture[str]) -> None:
    checks = [check("web"), check("db", "down"), check("api", "unknown"), check("x", enabled=False)]
    assert page(capsys, answer(checks))[0] == "checks    1 DOWN, 1 unknown, 1 up, 1 disabled"
    assert counted_states([]) == "none; add one with 'qutrio check add http NAME URL'"


def test_what_is_wrong_stands_before_what_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    lines = page(capsys, answer([check("api"), check("db", "down"), check("web", "unknown")]))
    table = next(n for n, line in enumerate(lines) if line.startswith("CHECK"))
    assert [line.split()[0] for line in lines[table + 1 : table + 4]] == ["db", "web", "api"]


def test_five_hundred_alike_outages_are_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Also when addresses and ports differ, and beside thousands that are up."""
    down = [
        check(f"web{n}", "down", evidence=[vote(v, "fail", f"refused by :{n}") for v in "abc"])
        for n in range(500)
    ]
    lines = page(capsys, answer([*down, *(check(f"up{n}") for n in range(2000))]))
    assert len(lines) < 16
    assert not any(line.startswith("web1 ") for line in lines)
    assert "500 checks are DOWN alike, for 5m:" in lines
    assert "  a, b, c  fail: refused by :0  (2s ago)" in lines
    assert any("web0, web1" in line and "and 492 more" in line for line in lines)
    assert lines[-1] == "'qutrio check list' shows all"


def test_an_outage_among_many_alike_ones_has_a_line_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    odd = check("db", "down", evidence=[vote("a", "fail", "no answer")])
    lines = page(capsys, answer([odd, *(check(f"web{n}", "down") for n in range(90))]))
    assert any(line.startswith("db ") for line in lines)
    assert "db is DOWN, incident db-1:" in lines
    assert "90 checks are DOWN alike, for 5m:" in lines
    assert lines[-1] == "'qutrio check list' shows the others"


def test_five_hundred_different_outages_stay_short(capsys: pytest.CaptureFixture[str]) -> None:
    letters = [chr(97 + n // 26) + chr(97 + n % 26) for n in range(500)]
    down = [check(f"w{x}", "down", evidence=[vote("a", "fail", x)]) for x in letters]
    lines = page(capsys, answer(down))
    assert len(lines) < 70
    assert f"... and {500 - ROWS_MAX} more that are not up" in lines
    left = 500 - GROUPS_MAX
    assert f"... and {left} more with other causes: see 'qutrio check show NAME'" in lines


def test_many_that_are_well_are_counted_and_not_listed(capsys: pytest.CaptureFixture[str]) -> None:
    lines = page(capsys, answer([check(f"up{n}") for n in range(500)]))
    assert len(lines) < 12
    assert lines[0] == "checks    500 up"
    assert lines[-1] == "'qutrio check list' shows all"


def test_a_single_outage_names_its_incident_and_who_saw_what(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen = [vote("a", "fail", "no answer"), vote("b", "fail", "no answer", age_s=9.0)]
    seen.append(vote("c", "ok", "HTTP 200", counted=False))
    lines = page(capsys, answer([check("web", "down", evidence=seen)]))
    where = lines.index("web is DOWN, incident web-1:")
    assert lines[where + 1] == "  a, b  fail: no answer  (2s to 9s ago)"
    assert lines[where + 2] == "  c  ok: HTTP 200  (2s ago, not counted)"


@pytest.mark.parametrize(
    ("fields", "lasted"),
    [
        ({}, "5m"),
        ({"since": NOW - 1}, "5m"),
        ({"incident": {"id": "i", "since": NOW - 300, "lasted_s": 3700.0}}, "1h 1m"),
    ],
)
def test_an_outage_counts_from_its_beginning(
    capsys: pytest.CaptureFixture[str], fields: Row, lasted: str
) -> None:
    """An edit makes the verdict begin anew, not the outage; a clock that was set is passed by."""
    lines = page(capsys, answer([check("web", "down", **fields)]))
    assert f"DOWN   {lasted}" in next(line for line in lines if line.startswith("web "))


def test_an_outage_that_nobody_can_see_any_more_says_what_it_was(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = page(capsys, answer([check("web", "unknown", incident={"id": "i", "since": NOW - 9})]))
    assert any("UNKNOWN, was DOWN  9s" in line for line in lines)


def test_a_disabled_check_lasts_for_no_time(capsys: pytest.CaptureFixture[str]) -> None:
    lines = page(capsys, answer([check("web", enabled=False)]))
    assert any("disabled  -" in line for line in lines)


def test_without_a_master_each_fact_stands_once(capsys: pytest.CaptureFixture[str]) -> None:
    lost = {"holds": False, "have": 1, "need": 2}
    shown = answer(
        [check("web")], master=None, acting=False, stale=True, quorum=lost, reason="no quorum: 1"
    )
    lines = page(capsys, shown)
    assert sum("no quorum" in line or "LOST" in line for line in lines) == 1
    assert sum("may be old" in line for line in lines) == 1
    assert any("UP (stale)" in line for line in lines)
    assert lines[0] == "checks    1 up (stale)"


def test_enough_nodes_that_have_not_answered_yet_are_no_loss(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = page(capsys, answer([], quorum={"holds": False, "have": 2, "need": 2}))
    assert "quorum    not yet: 2 heard, 2 needed" in lines


def test_why_no_master_is_heard_is_told_where_the_quorum_holds() -> None:
    shown = answer([], master=None, stale=True, reason="an election is under way")
    assert stale_note(shown).endswith("may be old (an election is under way)")
    assert not decides(shown)


def test_a_daemon_that_does_not_say_its_standing_is_believed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert decides({"checks": []})
    warn_if_stale({"checks": []})
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ({"stage": "changing"}, "cluster.yaml has been changing for 7s"),
        ({"stage": "reading"}, "(49 KiB) has been read for 7s"),
        ({"stage": "proposed"}, "has been waiting for 7s for the cluster"),
        ({"stage": "blocked", "reason": "no"}, "cluster.yaml cannot be read or replaced: no"),
        (
            {"stage": "refused", "reason": "no", "kept": "/x"},
            "refused 7s ago: no; it is kept in /x",
        ),
    ],
)
def test_a_hand_edit_is_told(capsys: pytest.CaptureFixture[str], edit: Row, words: str) -> None:
    lines = page(capsys, answer([], edit={"bytes": 50_000, "for_s": 7.0, **edit}))
    assert any(words in line for line in lines if line.startswith("! "))


def test_notices_that_wait_are_counted_as_a_person_counts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert any("1 alert waits" in line for line in page(capsys, answer([], outbox=1)))
    assert any("2 alerts wait" in line for line in page(capsys, answer([], outbox=2)))


def test_a_pipe_gets_no_colour_and_whole_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert paint("x", Style.BAD) == "x"
    assert columns() is None
    print_table(("A", "B"), [("x", "y" * 500)])
    assert "y" * 500 in capsys.readouterr().out


SHOW = "import sys; from qutrio.cli.app import main; sys.exit(main(['status']))"


async def _on_a_terminal(folder: Path, **environ: str) -> bytes:
    """Run `qutrio status` on a terminal 60 columns wide, and return what it shows."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    long = HttpCheck(id=CheckId("c1"), name="web", url="https://example.org/" + "x" * 200)
    scripted = new_scripted_node(evolve(two_nodes(), checks=(long,)))
    async with served(folder / "q.sock", scripted):
        await trio.run_process(
            [sys.executable, "-c", SHOW],
            env={**os.environ, "TERM": "xterm", "QUTRIO_SOCKET": str(folder / "q.sock"), **environ},
            stdout=theirs,
        )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:  # of a terminal that nobody has open any more
        pass
    os.close(ours)
    return shown


@pytest.mark.parametrize(
    ("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
async def test_a_terminal_gets_colour_unless_somebody_asked_for_none(
    folder: Path, environ: dict[str, str], coloured: bool
) -> None:
    shown = await _on_a_terminal(folder, **{"NO_COLOR": "", **environ})
    assert b"checks" in shown
    assert (b"\x1b[" in shown) is coloured


async def test_a_line_that_is_too_long_for_the_terminal_is_cut(folder: Path) -> None:
    shown = await _on_a_terminal(folder, NO_COLOR="1")
    row = next(line for line in shown.split(b"\r\n") if line.startswith(b"web "))
    assert row.endswith("…".encode())
    assert len(row.decode()) <= COLUMNS

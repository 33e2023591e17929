"""Log lines are whole, one per event, whatever text a peer or a target sent."""

import io
import json
import os

import pytest

from qutrio.daemon.logging import make_logger
from qutrio.errors import InvalidValueError
from qutrio.model.ids import Instant, UnixTime


class _NoonClock:
    def now(self) -> Instant:
        return Instant(0.0)

    def wall(self) -> UnixTime:
        return UnixTime(43_200.25)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class _BrokenPipe(io.StringIO):
    def write(self, text: str, /) -> int:
        raise BrokenPipeError


def test_json_lines_hold_the_time_the_message_and_the_details() -> None:
    stream = io.StringIO()
    make_logger("json", _NoonClock(), stream)("link up", peer="n1", rtt_ms=3, why=None)
    expected = {"time": "1970-01-01T12:00:00.250Z", "what": "link up", "peer": "n1", "rtt_ms": "3"}
    assert json.loads(stream.getvalue()) == expected


def test_key_value_lines_quote_what_would_break_them() -> None:
    stream = io.StringIO()
    make_logger("logfmt", _NoonClock(), stream)(
        "link down", peer="n1", reason='he said "a=b"\n\x1b[1m'
    )
    line = stream.getvalue()
    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert line.startswith('time=1970-01-01T12:00:00.250Z what="link down" peer=n1 reason="he said')


def test_a_terminal_gets_pretty_lines_and_a_pipe_key_value_unless_told_otherwise() -> None:
    terminal, pipe = _Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        make_logger("auto", _NoonClock(), stream)("link up", peer="n1")
    assert "what=" not in terminal.getvalue()
    assert "link up" in terminal.getvalue()
    assert terminal.getvalue().endswith("peer=n1\n")
    assert 'what="link up"' in pipe.getvalue()


def test_an_unknown_form_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidValueError, match="pretty, json, logfmt"):
        make_logger("xml", _NoonClock(), io.StringIO())


def test_a_closed_log_does_not_end_the_daemon() -> None:
    make_logger("json", _NoonClock(), _BrokenPipe())("link up")


def test_a_pipe_that_nobody_reads_blocks_nothing_and_lost_lines_are_counted() -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as out, os.fdopen(writer, "w") as pipe:
        logger = make_logger("logfmt", _NoonClock(), pipe)
        for _ in range(2000):
            logger("something happens again and again", why="x" * 100)
        written = len(os.read(out.fileno(), 1_000_000).splitlines())
        assert 0 < written < 2000
        logger("later")
        assert f"lost_lines={2000 - written}" in os.read(out.fileno(), 10_000).decode()


def test_a_huge_detail_is_cut() -> None:
    stream = io.StringIO()
    make_logger("json", _NoonClock(), stream)("odd answer", body="x" * 1_000_000)
    assert len(stream.getvalue()) < 5000


def test_the_form_can_change_while_the_daemon_runs() -> None:
    stream = io.StringIO()
    logger = make_logger("logfmt", _NoonClock(), stream)
    logger.set_form("json")
    logger("link up")
    assert json.loads(stream.getvalue())["what"] == "link up"

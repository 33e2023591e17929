"""The daemon's log: one line per event, pretty on a terminal, JSON or key=value otherwise."""

import json
import select
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TextIO

from attrs import define, field

from qutrio.errors import InvalidValueError
from qutrio.plumbing.clock import Clock

DETAIL_CHARS_MAX = 3000
"""Longer details lose their beginning: the end of a traceback says most."""
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/@%+,-[]()")

Render = Callable[[datetime, str, Mapping[str, str]], str]


@define
class Logger:
    """Writes to one stream; a line that cannot be written at once is dropped.

    A terminal that was paused, or a pipe that is not read, must not stop the heartbeats.  The
    first line that can be written again says how many were dropped.
    """

    _stream: TextIO
    _render: Render
    _clock: Clock
    _lost: int = field(init=False, default=0)

    def __call__(self, what: str, /, **details: object) -> None:
        """Log that `what` happened; details that are None are left out."""
        if not _takes_a_line(self._stream):
            self._lost += 1
            return
        if self._lost:
            details["lost_lines"], self._lost = self._lost, 0
        time = datetime.fromtimestamp(self._clock.wall(), UTC)
        shown = {k: str(v)[-DETAIL_CHARS_MAX:] for k, v in details.items() if v is not None}
        try:
            self._stream.write(self._render(time, what, shown) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            self._lost += 1

    def set_form(self, form: str) -> None:
        """Write later lines in this form; raises `InvalidValueError`."""
        self._render = _renderer(form, self._stream)


def make_logger(form: str, clock: Clock, stream: TextIO) -> Logger:
    """Return a logger that writes lines in a form: auto, pretty, json or logfmt.

    Raises `InvalidValueError` for another form.
    """
    return Logger(stream, _renderer(form, stream), clock)


def _renderer(form: str, stream: TextIO) -> Render:
    forms: dict[str, Render] = {
        "auto": _pretty if stream.isatty() else _logfmt,
        "pretty": _pretty,
        "json": _json,
        "logfmt": _logfmt,
    }
    if form not in forms:
        raise InvalidValueError("log", f"{form[:40]!r} is not one of {', '.join(forms)}")
    return forms[form]


def _takes_a_line(stream: TextIO) -> bool:
    """Return whether the stream has room; one without a descriptor always has."""
    try:
        poll = select.poll()
        poll.register(stream.fileno(), select.POLLOUT)
    except (OSError, ValueError):
        return True
    return bool(poll.poll(0))


def _pretty(time: datetime, what: str, details: Mapping[str, str]) -> str:
    local = time.astimezone()
    pairs = "  ".join(f"{key}={_quoted(value)}" for key, value in details.items())
    return f"{local:%H:%M:%S} {what:<40} {pairs}".rstrip()


def _json(time: datetime, what: str, details: Mapping[str, str]) -> str:
    return json.dumps({"time": _stamp(time), "what": what, **details}, ensure_ascii=True)


def _logfmt(time: datetime, what: str, details: Mapping[str, str]) -> str:
    pairs = {"time": _stamp(time), "what": what, **details}
    return " ".join(f"{key}={_quoted(value)}" for key, value in pairs.items())


def _stamp(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _quoted(value: str) -> str:
    """Quote values that would break the line: peers and targets choose some of them."""
    if value and _PLAIN.issuperset(value):
        return value
    return json.dumps(value, ensure_ascii=True)

"""The loop of `qutrio lead`: runs a command while this node acts, and at no other time.

It follows the role over the control socket.  When this node acts it asks to be counted as a
tenant: from then on the role does not pass on before the mandate that it was last told of has
ended.  Then it starts the command, and has it stopped before that moment.
"""

import os
import random
import select
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from attrs import define, field, frozen

from qutrio.cli.exits import ExitCode
from qutrio.cli.lead_command import SIGNAL_CODES, Command, Limits, boot_now
from qutrio.control.client import Follower
from qutrio.control.protocol import ControlFailure
from qutrio.plumbing.backoff import Backoff

START_SHARE = 0.5
"""A command is not started when less than this part of the mandate is left."""

TERM_SHARE = 1 / 3
"""SIGTERM when only this part of the mandate is left, because nobody renewed it."""

KILL_SHARE = 0.1
KILL_S_MIN = 0.1
"""SIGKILL when only this part, or this time, is left: to be gone takes a moment."""

CONNECT_WAIT_S = 5.0
RECONNECT_PAUSE_S = 1.0
SILENCE_S_MAX = 5.0
"""A daemon that says nothing for so long is taken for gone."""

AGAIN_S_MIN = 1.0
AGAIN_S_MAX = 60.0
"""How long to wait before a command that ended by itself is started again: ever longer."""

STEADY_S = 60.0
"""A command that ran for so long starts again after the shortest pause."""


@frozen(kw_only=True)
class Plan:
    """What to run, where to follow the role, and how to end.

    Two plans with the same `key` exclude one another on one node.
    """

    words: tuple[str, ...]
    key: str
    name: str
    socket: Path
    environ: Mapping[str, str]
    grace_s: float
    once: bool


@define
class Leader:
    """Follows the role, and keeps at most one command running."""

    plan: Plan
    _follower: Follower | None = None
    _line: dict[str, Any] | None = None
    """The newest line of this conversation."""
    _heard_at: float = 0.0
    _connect_at: float = 0.0
    _ever_heard: bool = False
    _wish: int = 0
    """The number of the last wish to be a tenant, and whether it stands."""
    _wishes: bool = False
    _command: Command | None = None
    _started_at: float = 0.0
    _start_at: float = 0.0
    _stopping: str | None = None
    """Why the command is being stopped, if it is."""
    _signal: int | None = None
    _told: str | None = None
    """Why the command is not started, once that was said."""
    _result: int | None = None
    _backoff: Backoff = field(
        init=False,
        factory=lambda: Backoff(random.Random(), AGAIN_S_MIN, AGAIN_S_MAX),  # noqa: S311
    )

    def run(self) -> int:
        """Lead until told to end, or with `once` until the command ended; return the exit code.

        Raises `ControlFailure` if the first conversation cannot be had.
        """
        waker, alarm = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(alarm)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            return self._lead(waker)
        finally:
            if self._follower is not None:
                self._follower.close()

    def _lead(self, waker: int) -> int:
        while True:
            self._converse()
            self._command_goes_on()
            if self._command is None and self._signal is not None:
                self._express()
                return _code_of(self._signal)
            if self._result is not None:
                self._express()
                return self._result
            self._start_if_right()
            self._express()
            self._wait(waker)

    # --- the daemon -------------------------------------------------------------------------

    def _converse(self) -> None:
        now = boot_now()
        try:
            if self._follower is None:
                if now < self._connect_at:
                    return
                self._follower = Follower(self.plan.socket, self.plan.key, CONNECT_WAIT_S)
                self._heard_at = now
            for line in self._follower.lines():
                self._line, self._heard_at, self._ever_heard = line, now, True
                self._follower.hold(self._wish if self._wishes else 0)
            if now - self._heard_at > SILENCE_S_MAX:
                self._lose("the daemon says nothing")
        except ControlFailure as failure:
            if not self._ever_heard:
                raise
            self._lose(str(failure))

    def _lose(self, why: str) -> None:
        if self._line is not None or self._follower is not None:
            _tell(f"{why}; trying again")
        if self._follower is not None:
            self._follower.close()
        self._follower = self._line = self._told = None
        self._wishes = False
        self._connect_at = boot_now() + RECONNECT_PAUSE_S

    def _express(self) -> None:
        """Say at once when this program begins or ceases to rely on the mandate."""
        over = self._signal is not None or self._result is not None
        wishes = self._command is not None or (self._due() and not over)
        if self._follower is None or wishes == self._wishes:
            return
        self._wishes = wishes
        self._wish += wishes
        try:
            self._follower.hold(self._wish if wishes else 0)
        except ControlFailure as failure:
            self._lose(str(failure))

    def _due(self) -> bool:
        """Tell whether the command should run, but for what is left of the mandate."""
        return self._leads() and boot_now() >= self._start_at

    def _leads(self) -> bool:
        line = self._line
        return line is not None and bool(line["acting"]) and not line["vacating"]

    # --- the command ------------------------------------------------------------------------

    def _start_if_right(self) -> None:
        line = self._line
        if line is None or self._command is not None:
            return
        if not line["acting"]:
            self._tell_once("waits: this node does not act")
        if not self._due() or not self._wishes:
            return
        if line["held"] != self._wish:
            if line["taken"]:
                self._tell_once("waits: the same is being led on this node already")
            return
        if not self._enough(line):
            return
        self._told = None
        self._stopping = None
        self._started_at = boot_now()
        environ = {
            **self.plan.environ,
            "QUTRIO_TERM": str(line["term"]),
            "QUTRIO_NODE": str(line["name"]),
            "QUTRIO_CLUSTER": str(line["cluster"]),
            "QUTRIO_NAME": self.plan.name,
        }
        _tell(f"this node leads in term {line['term']}: starting {self.plan.words[0]}")
        self._command = Command(self.plan.words, environ, _limits(line), self.plan.grace_s)

    def _enough(self, line: dict[str, Any]) -> bool:
        """Tell whether enough of the mandate is left to start."""
        lease_s = float(line["lease_s"])
        _, term_s = _margins(lease_s)
        if term_s >= lease_s:
            self._tell_once(f"cannot lead: a mandate lasts {lease_s:g}s, which is too short")
            return False
        left_s = float(line["until"]) - boot_now()
        return left_s >= max(START_SHARE * lease_s, term_s)

    def _tell_once(self, what: str) -> None:
        if self._told != what:
            self._told = what
            _tell(what)

    def _command_goes_on(self) -> None:
        command = self._command
        if command is None:
            return
        if (why := self._why_stop()) is not None and self._stopping is None:
            self._stopping = why
            _tell(f"stopping the command: {why}")
            command.stop()
        line = self._line
        if line is not None and line["acting"]:
            limits = _limits(line)
            if limits != command.limits:
                command.renew(limits)
        if command.overdue():
            _tell("the watcher of the command did not stop it; it was killed")
            self._command = None

    def _why_stop(self) -> str | None:
        if self._signal is not None:
            return f"{signal.Signals(self._signal).name} received"
        line = self._line
        if line is None:
            return "the daemon is gone"
        if not line["acting"]:
            return "this node leads no more"
        return "the role is to move" if line["vacating"] else None

    def _hear_of_command(self, command: Command) -> None:
        word = command.news()
        if "why" in word:
            how = f", {word['signal']}" if "signal" in word else ""
            self._stopping = self._stopping or str(word["why"])
            _tell(f"{word['why']}{how}")
        if "ended" not in word:
            return
        self._command = None
        ended = word["ended"]
        if not word.get("by_itself") and self._stopping is not None and ended is not None:
            _tell(f"the command has stopped (exit {ended})")
            return
        self._ended_by_itself(ExitCode.ERROR if ended is None else int(ended))

    def _ended_by_itself(self, code: int) -> None:
        if self.plan.once:
            _tell(f"the command has ended (exit {code})")
            self._result = code
            return
        if boot_now() - self._started_at >= STEADY_S:
            self._backoff.reset()
        pause_s = self._backoff.next()
        self._start_at = boot_now() + pause_s
        _tell(f"the command has ended (exit {code}); it starts again in {pause_s:.1f}s")

    # --- waiting ----------------------------------------------------------------------------

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._signal = number

    def _wait(self, waker: int) -> None:
        poller = select.poll()
        poller.register(waker, select.POLLIN)
        follower, command = self._follower, self._command
        if follower is not None:
            poller.register(follower, select.POLLIN)
        if command is not None:
            poller.register(command, select.POLLIN)
        ready = {descriptor for descriptor, _ in poller.poll(1000 * self._pause_s())}
        if waker in ready:
            os.read(waker, 1024)
        if command is not None and command.fileno() in ready:
            self._hear_of_command(command)

    def _pause_s(self) -> float:
        now = boot_now()
        moments = [now + 1.0, self._start_at, self._connect_at]
        if self._command is not None:
            moments.append(self._command.limits.kill_at)
        return max(0.01, min((at - now for at in moments if at > now), default=1.0))


def _margins(lease_s: float) -> tuple[float, float]:
    """Return how much of a mandate must be left at SIGKILL, and at SIGTERM."""
    kill_s = max(KILL_SHARE * lease_s, KILL_S_MIN)
    return kill_s, max(TERM_SHARE * lease_s, 2 * kill_s)


def _limits(line: dict[str, Any]) -> Limits:
    kill_s, term_s = _margins(float(line["lease_s"]))
    until = float(line["until"])
    return Limits(until - term_s, until - kill_s)


def _code_of(number: int) -> int:
    if number == signal.SIGTERM:
        return ExitCode.OK
    return ExitCode.INTERRUPTED if number == signal.SIGINT else SIGNAL_CODES + number


def _tell(what: str) -> None:
    print(f"qutrio lead: {what}", file=sys.stderr, flush=True)

"""The loop of `qutrio lead`: runs a command while this node is master, and at no other time.

It follows the role over the control socket.  When this node is master, it asks to be counted as a
tenant: from then on no other node becomes master before the lease that it was last sent has
ended.  Then it starts the command, and has it stopped before that time.
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
"""A command is not started when less than this part of the lease is left."""

TERM_SHARE = 1 / 3
"""SIGTERM is sent when only this part of the lease is left, because it was not renewed."""

KILL_SHARE = 0.1
KILL_S_MIN = 0.1
"""SIGKILL is sent when only this part, or this time, is left: processes take time to end."""

CONNECT_WAIT_S = 5.0
RECONNECT_PAUSE_S = 1.0
SILENCE_S_MAX = 5.0
"""A daemon that is silent for this long counts as gone."""

AGAIN_S_MIN = 1.0
AGAIN_S_MAX = 60.0
"""The shortest and longest pause before a command that ended by itself is started again."""

STEADY_S = 60.0
"""A command that ran for this long starts again after the shortest pause."""


@frozen(kw_only=True)
class Plan:
    """What to run, where to follow the role, and how to end.

    Only one of several plans with the same `key` runs on a node.
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
    """Follows the role and runs at most one command."""

    plan: Plan
    _follower: Follower | None = None
    _line: dict[str, Any] | None = None
    """The newest line from the daemon."""
    _heard_at: float = 0.0
    _connect_at: float = 0.0
    _was_connected: bool = False
    _hold_number: int = 0
    """The number of the last request to be a tenant, and whether it still stands."""
    _wants_lease: bool = False
    _command: Command | None = None
    _started_at: float = 0.0
    _start_at: float = 0.0
    _stopping: str | None = None
    """Why the command is being stopped, if so."""
    _signal: int | None = None
    _logged: str | None = None
    """The reason that was last logged for not starting the command."""
    _result: int | None = None
    _backoff: Backoff = field(
        init=False,
        factory=lambda: Backoff(random.Random(), AGAIN_S_MIN, AGAIN_S_MAX),  # noqa: S311
    )

    def run(self) -> int:
        """Run until a signal, or with `once` until the command ends; return the exit code.

        Raises `ControlFailure` if the first connection to the daemon fails.
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
            self._poll_daemon()
            self._update_command()
            if self._command is None and self._signal is not None:
                self._send_hold()
                return _code_of(self._signal)
            if self._result is not None:
                self._send_hold()
                return self._result
            self._start_if_due()
            self._send_hold()
            self._wait(waker)

    # --- the daemon -------------------------------------------------------------------------

    def _poll_daemon(self) -> None:
        now = boot_now()
        try:
            if self._follower is None:
                if now < self._connect_at:
                    return
                self._follower = Follower(self.plan.socket, self.plan.key, CONNECT_WAIT_S)
                self._heard_at = now
            for line in self._follower.lines():
                self._line, self._heard_at, self._was_connected = line, now, True
                self._follower.hold(self._hold_number if self._wants_lease else 0)
            if now - self._heard_at > SILENCE_S_MAX:
                self._disconnect("the daemon is silent")
        except ControlFailure as failure:
            if not self._was_connected:
                raise
            self._disconnect(str(failure))

    def _disconnect(self, why: str) -> None:
        if self._line is not None or self._follower is not None:
            _log(f"{why}; trying again")
        if self._follower is not None:
            self._follower.close()
        self._follower = self._line = self._logged = None
        self._wants_lease = False
        self._connect_at = boot_now() + RECONNECT_PAUSE_S

    def _send_hold(self) -> None:
        """Tell the daemon when this program begins or ceases to rely on the lease."""
        over = self._signal is not None or self._result is not None
        wanted = self._command is not None or (self._due() and not over)
        if self._follower is None or wanted == self._wants_lease:
            return
        self._wants_lease = wanted
        self._hold_number += wanted
        try:
            self._follower.hold(self._hold_number if wanted else 0)
        except ControlFailure as failure:
            self._disconnect(str(failure))

    def _due(self) -> bool:
        """Return whether the command should run, if enough of the lease is left."""
        return self._is_master() and boot_now() >= self._start_at

    def _is_master(self) -> bool:
        line = self._line
        return line is not None and bool(line["acting"]) and not line["vacating"]

    # --- the command ------------------------------------------------------------------------

    def _start_if_due(self) -> None:
        line = self._line
        if line is None or self._command is not None:
            return
        if not line["acting"]:
            self._log_once("waiting: this node is not master")
        if not self._due() or not self._wants_lease:
            return
        if line["held"] != self._hold_number:
            if line["taken"]:
                self._log_once("waiting: 'qutrio lead' already runs the same name or command here")
            return
        if not self._enough_left(line):
            return
        self._logged = None
        self._stopping = None
        self._started_at = boot_now()
        environ = {
            **self.plan.environ,
            "QUTRIO_TERM": str(line["term"]),
            "QUTRIO_NODE": str(line["name"]),
            "QUTRIO_CLUSTER": str(line["cluster"]),
            "QUTRIO_NAME": self.plan.name,
        }
        _log(f"this node is master in term {line['term']}: starting {self.plan.words[0]}")
        self._command = Command(self.plan.words, environ, _limits(line), self.plan.grace_s)

    def _enough_left(self, line: dict[str, Any]) -> bool:
        """Return whether enough of the lease is left to start."""
        lease_s = float(line["lease_s"])
        _, term_s = _margins(lease_s)
        if term_s >= lease_s:
            self._log_once(f"cannot start: a lease lasts {lease_s:g}s, which is too short")
            return False
        left_s = float(line["until"]) - boot_now()
        return left_s >= max(START_SHARE * lease_s, term_s)

    def _log_once(self, what: str) -> None:
        if self._logged != what:
            self._logged = what
            _log(what)

    def _update_command(self) -> None:
        command = self._command
        if command is None:
            return
        if (why := self._why_stop()) is not None and self._stopping is None:
            self._stopping = why
            _log(f"stopping the command: {why}")
            command.stop()
        line = self._line
        if line is not None and line["acting"]:
            limits = _limits(line)
            if limits != command.limits:
                command.renew(limits)
        if command.kill_if_overdue():
            _log("the watcher of the command did not stop it; it was killed")
            self._command = None

    def _why_stop(self) -> str | None:
        if self._signal is not None:
            return f"{signal.Signals(self._signal).name} received"
        line = self._line
        if line is None:
            return "the daemon is gone"
        if not line["acting"]:
            return "this node is no longer master"
        return "the role is to move to another node" if line["vacating"] else None

    def _on_report(self, command: Command) -> None:
        report = command.read_report()
        if "why" in report:
            how = f", {report['signal']}" if "signal" in report else ""
            self._stopping = self._stopping or str(report["why"])
            _log(f"{report['why']}{how}")
        if "ended" not in report:
            return
        self._command = None
        ended = report["ended"]
        if not report.get("by_itself") and self._stopping is not None and ended is not None:
            _log(f"the command has stopped (exit {ended})")
            return
        self._ended_by_itself(ExitCode.ERROR if ended is None else int(ended))

    def _ended_by_itself(self, code: int) -> None:
        if self.plan.once:
            _log(f"the command has ended (exit {code})")
            self._result = code
            return
        if boot_now() - self._started_at >= STEADY_S:
            self._backoff.reset()
        pause_s = self._backoff.next()
        self._start_at = boot_now() + pause_s
        _log(f"the command has ended (exit {code}); it starts again in {pause_s:.1f}s")

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
            self._on_report(command)

    def _pause_s(self) -> float:
        now = boot_now()
        times = [now + 1.0, self._start_at, self._connect_at]
        if self._command is not None:
            times.append(self._command.limits.kill_at)
        return max(0.01, min((at - now for at in times if at > now), default=1.0))


def _margins(lease_s: float) -> tuple[float, float]:
    """Return how much of a lease must be left at SIGKILL, and at SIGTERM."""
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


def _log(what: str) -> None:
    print(f"qutrio lead: {what}", file=sys.stderr, flush=True)

"""Runs one command under a watcher: a small process that stops it in time, whatever happens.

Theory of operation.  `qutrio lead` forks a watcher, and the watcher runs the command in a
session of its own.  With each renewal of the lease, the watcher is sent the time until which the
command may run.  When no renewal comes, it stops the command by itself, so a `qutrio lead` that
was killed or hangs does no harm.  When the watcher dies, the kernel kills the command.  Processes
that the command started are killed with it, including those that left its group: they become
children of the watcher, or of `qutrio lead` when the watcher is gone.
"""

import json
import math
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from attrs import define, field, frozen

from qutrio.errors import plain_reason

POLL_EVERY_S = 0.2
"""The longest wait.  A poll does not count the time for which the machine is suspended."""

LINGER_EVERY_S = 0.05
"""How often to check whether the processes that a stopped command left are gone."""

WATCHER_S_MAX = 2.0
"""How much longer than the grace period a watcher may take to stop a command."""

ORDER_BYTES_MAX = 4096
STDERR = 2
SIGNAL_CODES = 128
"""A process that a signal ended has this plus the signal's number as its exit code."""

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def boot_now() -> float:
    """Return the seconds since boot, by the clock that the daemon uses too."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@frozen
class Limits:
    """Until when a command may run: the times of SIGTERM and of SIGKILL."""

    term_at: float
    kill_at: float


class Command:
    """A running command, as `qutrio lead` sees it."""

    def __init__(
        self, words: Sequence[str], environ: Mapping[str, str], limits: Limits, grace_s: float
    ) -> None:
        """Start the command.  After SIGTERM it has `grace_s` seconds, if the limits allow."""
        self.limits = limits
        self._grace_s = grace_s
        self._stop_by = math.inf
        self._group: int | None = None
        _adopt_orphans()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sys.stdout.flush()
        sys.stderr.flush()
        self._watcher = os.fork()
        if self._watcher == 0:
            _be_watcher(theirs, words, environ, limits, grace_s)
        theirs.close()

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when there is a report."""
        return self._channel.fileno()

    def renew(self, limits: Limits) -> None:
        """Let the command run longer."""
        self.limits = limits
        self._order(term_at=limits.term_at, kill_at=limits.kill_at)

    def stop(self) -> None:
        """Stop the command: SIGTERM now, SIGKILL after the grace period."""
        self._stop_by = boot_now() + self._grace_s
        self._order(stop=True)

    def read_report(self) -> dict[str, Any]:
        """Return the watcher's report: `pid`, `why` it stops the command, or how it `ended`."""
        data = _receive(self._channel)
        lost = {"ended": None, "why": "the watcher of the command is gone"}
        report: dict[str, Any] = json.loads(data) if data else lost
        self._group = report.get("pid", self._group)
        if "ended" in report:
            self._reap(gone=not data)
        return report

    def kill_if_overdue(self) -> bool:
        """Kill everything if the watcher is late, and return whether it was."""
        late_at = min(self.limits.kill_at + POLL_EVERY_S, self._stop_by + WATCHER_S_MAX)
        if boot_now() < late_at:
            return False
        self._reap(gone=True)
        return True

    def _order(self, **order: object) -> None:
        with suppress(OSError):  # the watcher ended, or hangs: then `kill_if_overdue` kills it
            self._channel.send(json.dumps(order).encode(), socket.MSG_DONTWAIT)

    def _reap(self, *, gone: bool) -> None:
        if gone:
            with suppress(ProcessLookupError):
                os.kill(self._watcher, signal.SIGKILL)
            if self._group is not None:
                with suppress(ProcessLookupError):
                    os.killpg(self._group, signal.SIGKILL)
        self._channel.close()
        os.waitpid(self._watcher, 0)
        if gone:
            _end_orphans()


def _be_watcher(
    channel: socket.socket,
    words: Sequence[str],
    environ: Mapping[str, str],
    limits: Limits,
    grace_s: float,
) -> NoReturn:
    """Run the watcher in a forked process, and end the process."""
    code = 1
    try:
        _close_all_but(channel.fileno())
        signal.set_wakeup_fd(-1)
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _ignore)  # a handler, so that the command does not inherit it
        _Watcher(channel, limits, grace_s).watch(words, environ)
        code = 0
    except BaseException:  # noqa: BLE001 - a fork must not continue in its parent's code
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def _ignore(number: int, frame: FrameType | None) -> None:
    """Ignore a signal: `qutrio lead` handles it and sends an order."""


def _close_all_but(kept: int) -> None:
    """Close the descriptors of `qutrio lead`, so that the daemon notices when it is gone."""
    for entry in list(Path("/proc/self/fd").iterdir()):
        if int(entry.name) > STDERR and int(entry.name) != kept:
            with suppress(OSError):
                os.close(int(entry.name))


@define
class _Watcher:
    _channel: socket.socket
    _limits: Limits
    _grace_s: float
    _pid: int = 0
    _stop_by: float | None = None
    """When SIGKILL follows the SIGTERM that was sent."""
    _killed: bool = field(default=False, init=False)
    _poller: select.poll = field(init=False, factory=select.poll)

    def watch(self, words: Sequence[str], environ: Mapping[str, str]) -> None:
        """Run the command, and return when nothing of it is left."""
        _adopt_orphans()
        prctl = _find_prctl()
        watcher = os.getpid()

        def bind() -> None:
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != watcher:
                os._exit(SIGNAL_CODES + signal.SIGKILL)

        try:
            process = subprocess.Popen(  # noqa: S603 - running a command is the purpose
                words,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=bind,  # noqa: PLW1509 - this process has one thread
            )
        except OSError as error:
            self._report(ended=None, why=f"cannot run {words[0]}: {plain_reason(error)}")
            return
        self._pid = process.pid
        self._report(pid=process.pid)
        self._poller.register(self._channel, select.POLLIN)
        ended = os.pidfd_open(self._pid)
        self._poller.register(ended, select.POLLIN)
        while ended not in self._poll():
            pass
        self._poller.unregister(ended)
        code = process.wait()
        by_itself = self._stop_by is None
        asked: set[int] = set()
        while not (by_itself or self._killed) and _has_children():
            # The group got SIGTERM; processes that left it are children of this process by now.
            for orphan in set(_children()) - asked:
                _send(orphan, signal.SIGTERM)
                asked.add(orphan)
            self._poll(LINGER_EVERY_S)
        _end_orphans()
        self._report(ended=code if code >= 0 else SIGNAL_CODES - code, by_itself=by_itself)

    def _poll(self, longest_s: float = POLL_EVERY_S) -> set[int]:
        """Wait for an order or a time limit, act on it, and return the ready descriptors."""
        left_s = min(longest_s, self._enforce())
        ready = {descriptor for descriptor, _ in self._poller.poll(1000 * left_s)}
        self._enforce()  # before the order, so that a late one changes nothing
        if self._channel.fileno() in ready and not self._take_order():
            self._poller.unregister(self._channel)
            self._terminate("qutrio lead is gone")
        return ready

    def _enforce(self) -> float:
        """Stop the command if it is time; return the longest time to wait."""
        now = boot_now()
        kill_at = min(self._limits.kill_at, self._stop_by or self._limits.kill_at)
        if now >= kill_at and not self._killed:
            why = "the lease ends" if kill_at == self._limits.kill_at else "the grace is over"
            self._terminate(why, signal.SIGKILL)
            self._killed = True
        elif now >= self._limits.term_at:
            self._terminate("the lease was not renewed")
        soon = [at - now for at in (kill_at, self._limits.term_at) if at > now]
        return min([POLL_EVERY_S, *soon])

    def _take_order(self) -> bool:
        """Follow one order; return False when `qutrio lead` is gone."""
        data = _receive(self._channel)
        if not data:
            return False
        order = json.loads(data)
        if order.get("stop"):
            self._terminate(None)
        elif not self._killed:
            self._limits = Limits(order["term_at"], order["kill_at"])
        return True

    def _terminate(self, why: str | None, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal to the whole group; SIGTERM only once."""
        first = self._stop_by is None
        if first:
            self._stop_by = boot_now() + self._grace_s
        if first or number == signal.SIGKILL:
            _kill_group(self._pid, number)
            if why is not None:
                self._report(why=why, signal=number.name)

    def _report(self, **report: object) -> None:
        with suppress(OSError):
            self._channel.send(json.dumps(report).encode(), socket.MSG_DONTWAIT)


def _receive(channel: socket.socket) -> bytes:
    """Return the next datagram, or nothing when the other end is gone.

    If the other end left orders unread, an error comes before its last datagram.
    """
    with suppress(ConnectionError):
        return channel.recv(ORDER_BYTES_MAX)
    with suppress(ConnectionError):
        return channel.recv(ORDER_BYTES_MAX)
    return b""


def _find_prctl() -> Any:
    import ctypes  # noqa: PLC0415 - `--help` does not need it

    return ctypes.CDLL(None).prctl


def _adopt_orphans() -> None:
    """Become the parent of processes whose own parent ends."""
    _find_prctl()(PR_SET_CHILD_SUBREAPER, 1)


def _kill_group(group: int, number: signal.Signals = signal.SIGKILL) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _send(process: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(process, number)


def _end_orphans() -> None:
    """Kill the processes that the command left, until this process has no children."""
    while True:
        for child in _children():
            _send(child, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return
        if not _has_children():
            return


def _has_children() -> bool:
    """Reap ended children, and return whether any are left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _children() -> list[int]:
    """Return the process ids of this process's children."""
    own = str(os.getpid())
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            _, _, rest = (process / "stat").read_text(errors="replace").rpartition(")")
            if rest.split()[1] == own:
                found.append(int(process.name))
    return found

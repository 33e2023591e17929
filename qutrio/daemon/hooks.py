"""Runs this node's hooks: commands that are run after it became master, or ceased to be.

Hooks run one at a time, in the order of the changes.  One that exceeds its time limit is killed
with its process group.  Nothing waits for a hook: another node may be master before the loss
hook has begun.  A hook that fails is logged.
"""

import os
import signal
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress

import trio
from attrs import Factory, define, field, frozen

from qutrio.codec.sentences import status_reason
from qutrio.core.api.effects import StatusReply
from qutrio.core.api.events import Inspected
from qutrio.core.api.view import View
from qutrio.errors import plain_reason
from qutrio.model.hooks import HookEvent, HookReport, HookRun, Hooks
from qutrio.model.ids import Seconds, Term
from qutrio.plumbing.clock import Clock
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from qutrio.plumbing.log import Log

CHANGES_MAX = 16
"""Changes of the role that may wait for their hooks; beyond them the oldest two are dropped."""

RUNS_KEPT = 10
OUTPUT_BYTES_MAX = 2000
RECEIVE_BYTES = 64 * 1024
STOPPING_S: Seconds = 8.0
"""How long hooks may still run when the daemon stops."""

DRAIN_S: Seconds = 0.5
"""How long to read on after a hook has ended; its children may still hold the pipe open."""

REASON_WAIT_S: Seconds = 1.0
PRIVATE = frozenset({"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "CREDENTIALS_DIRECTORY"})
"""Variables that systemd sets for the daemon only."""


@frozen
class _RoleChange:
    event: HookEvent
    term: Term


@define
class HookRunner:
    """Follows whether this node is master, and runs its hooks."""

    _hooks: Hooks
    _view: Latest[View]
    _inbox: Inbox
    _clock: Clock
    _log: Log
    _environ: Mapping[str, str]
    _changes: deque[_RoleChange] = Factory(deque)
    _wake: trio.Event = Factory(trio.Event)
    _acting: Term | None = None
    """The term in which this node is master, according to the hooks that ran or are queued."""
    _running: HookEvent | None = None
    _runs: deque[HookRun] = field(init=False, factory=lambda: deque(maxlen=RUNS_KEPT))
    _closing: bool = False
    _scope: trio.CancelScope = field(init=False, factory=trio.CancelScope)

    def report(self) -> HookReport:
        """Return which hooks there are, which one runs, and how the last ones ended."""
        return HookReport(hooks=self._hooks, running=self._running, runs=tuple(self._runs))

    async def run(self) -> None:
        """Run hooks until `close`, and then those that are queued, for at most `STOPPING_S`."""
        if not (self._hooks.gain or self._hooks.loss):
            return
        with self._scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._follow)
                await self._run_queued()
                nursery.cancel_scope.cancel()

    def close(self) -> None:
        """Queue the last change, and let `run` end soon, whatever cancels the tasks around it."""
        self._queue_change(self._view.value)
        self._closing = True
        self._wake.set()
        self._scope.deadline = trio.current_time() + STOPPING_S
        self._scope.shield = True

    async def _follow(self) -> None:
        while True:
            seen = self._view.value
            self._queue_change(seen)
            await self._view.other_than(seen)

    def _queue_change(self, view: View) -> None:
        acts = view.acting_until is not None
        if acts and self._acting is None:
            self._acting = view.position.term
            self._changes.append(_RoleChange(HookEvent.GAIN, self._acting))
        elif not acts and self._acting is not None:
            self._changes.append(_RoleChange(HookEvent.LOSS, self._acting))
            self._acting = None
        if len(self._changes) > CHANGES_MAX:
            self._changes.popleft()
            self._changes.popleft()
            self._log("hooks are too slow for the role; skipped one gain and one loss")
        if self._changes:
            self._wake.set()

    async def _run_queued(self) -> None:
        while self._changes or not self._closing:
            if not self._changes:
                self._wake = trio.Event()
                await self._wake.wait()
                continue
            change = self._changes.popleft()
            if words := self._hooks.command(change.event):
                await self._run_hook(change, words)

    async def _run_hook(self, change: _RoleChange, words: Sequence[str]) -> None:
        environ = await self._environment(change)
        self._running, began = change.event, self._clock.now()
        at_unix, output = self._clock.wall(), bytearray()
        ok, how = False, "stopped with the daemon"
        try:
            ok, how = await self._spawn(words, environ, output)
        finally:
            self._running = None
            run = HookRun(
                event=change.event,
                term=change.term,
                at_unix=at_unix,
                took_s=self._clock.now() - began,
                ok=ok,
                how=how,
                output=output[-OUTPUT_BYTES_MAX:].decode(errors="replace"),
            )
            self._runs.append(run)
            self._log(
                "hook ended" if ok else "hook failed",
                event=run.event.value,
                term=run.term,
                how=how,
                took_s=f"{run.took_s:.1f}",
                output=run.output or None,
            )

    async def _spawn(
        self, words: Sequence[str], environ: Mapping[str, str], output: bytearray
    ) -> tuple[bool, str]:
        """Run a command within the time limit; return whether it succeeded, and how it ended."""
        try:
            process = await trio.lowlevel.open_process(
                list(words),
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return False, f"cannot run {words[0]}: {plain_reason(error)}"
        assert process.stdout is not None
        async with process.stdout, trio.open_nursery() as nursery:
            nursery.start_soon(_collect, process.stdout, output)
            try:
                with trio.move_on_after(self._hooks.timeout_s) as limit:
                    await process.wait()
            finally:
                if process.returncode is None:
                    _kill_group(process.pid)
                    with trio.CancelScope(shield=True):
                        await process.wait()
            nursery.cancel_scope.deadline = trio.current_time() + DRAIN_S
        if limit.cancelled_caught:
            return False, f"killed after {self._hooks.timeout_s:g}s"
        return process.returncode == 0, _how(process.returncode)

    async def _environment(self, change: _RoleChange) -> dict[str, str]:
        kept = {name: value for name, value in self._environ.items() if name not in PRIVATE}
        view = self._view.value
        member = view.document.member(view.node)
        return kept | {
            "QUTRIO_EVENT": change.event.value,
            "QUTRIO_TERM": str(change.term),
            "QUTRIO_NODE": view.node if member is None else member.name,
            "QUTRIO_CLUSTER": view.document.cluster_id,
            "QUTRIO_REASON": await self._reason(),
        }

    async def _reason(self) -> str:
        """Return this node's last decision, in the words of `qutrio status`."""
        with trio.move_on_after(REASON_WAIT_S):
            try:
                shown = await self._inbox.ask(Inspected)
            except trio.BrokenResourceError:
                return "stopping"
            assert isinstance(shown, StatusReply)
            return status_reason(shown.status).replace("\0", "?")
        return ""


async def _collect(stream: trio.abc.ReceiveStream, output: bytearray) -> None:
    """Read a stream until it ends, and keep the last `OUTPUT_BYTES_MAX` bytes."""
    while chunk := await stream.receive_some(RECEIVE_BYTES):
        output += chunk
        del output[:-OUTPUT_BYTES_MAX]


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _how(code: int | None) -> str:
    assert code is not None
    if code >= 0:
        return f"exit {code}"
    return f"killed by {signal.Signals(-code).name}"

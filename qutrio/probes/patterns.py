"""Searches untrusted text with regular expressions, in a process that can be killed.

A pattern such as `(a+)+$` can take forever on some texts, and Python's `re` blocks all threads
meanwhile: the node would miss its heartbeats and lose its lease.  So one worker process does
all searches, one after another, and is killed when it takes too long.  It starts with the first
search; a node without such checks has none.
"""

import sys
from pathlib import Path
from subprocess import PIPE

import trio

from qutrio.errors import plain_reason
from qutrio.model.ids import Seconds
from qutrio.probes import pattern_worker
from qutrio.probes.observations import Observation, abstain

SEARCH_S_MAX: Seconds = 1.0
START_S_MAX: Seconds = 10.0


class PatternWorker:
    """The worker process and the queue in front of it."""

    def __init__(self) -> None:
        """Begin without a process."""
        self._turn = trio.Lock()
        self._process: trio.Process | None = None

    async def search(self, pattern: str, text: str) -> bool | Observation:
        """Return whether `pattern` occurs in `text`; abstain when that takes too long."""
        async with self._turn:
            found = None
            try:
                process = await self._worker()
                with trio.move_on_after(SEARCH_S_MAX):
                    found = await _ask(process, pattern, text)
            except (OSError, trio.TooSlowError, trio.BrokenResourceError) as error:
                return abstain(f"the pattern worker of this node failed: {plain_reason(error)}")
            finally:
                if found is None:  # out of step with the worker: late, cancelled or broken
                    await self.aclose()
            if found is None:
                return abstain(f"body_regex took more than {SEARCH_S_MAX:g}s; simplify it")
            return found

    async def aclose(self) -> None:
        """Kill the worker, if there is one, and wait until it has ended."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        with trio.CancelScope(shield=True):  # after SIGKILL the process ends soon
            await process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    await trio.aclose_forcefully(pipe)

    async def _worker(self) -> trio.Process:
        if self._process is None:
            script = str(Path(pattern_worker.__file__))
            command = [sys.executable, "-I", "-S", script]
            self._process = await trio.lowlevel.open_process(command, stdin=PIPE, stdout=PIPE)
            with trio.fail_after(START_S_MAX):
                await _read(self._process)
        return self._process


async def _ask(process: trio.Process, pattern: str, text: str) -> bool:
    needle, hay = (part.encode("utf-8", "surrogatepass") for part in (pattern, text))
    assert process.stdin is not None
    await process.stdin.send_all(pattern_worker.HEADER.pack(len(needle), len(hay)) + needle + hay)
    return await _read(process) == pattern_worker.FOUND


async def _read(process: trio.Process) -> bytes:
    assert process.stdout is not None
    answer = await process.stdout.receive_some(1)
    if not answer:
        raise trio.BrokenResourceError("it ended")
    return bytes(answer)

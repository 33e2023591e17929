"""Real processes: started with their output in a file, ended by pid, never left behind."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

END_S_MAX = 60.0


class Process:
    """A program that runs until it is told to end, and dies with the test run in any case."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], output: Path) -> None:
        self.output = output
        with output.open("ab") as file:
            self._popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *command],
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code; negative for a signal, None while it runs."""
        return self._popen.poll()

    def signal(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def wait(self) -> int:
        """Return the exit code; fail when the process does not end."""
        return self._popen.wait(END_S_MAX)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._popen.kill()
        self.wait()

    def end(self) -> None:
        """End it, first with SIGTERM; do nothing if it has ended."""
        if self.running:
            self._popen.terminate()
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.kill()

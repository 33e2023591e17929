"""One real node: a `qutrio serve` process with a directory and a control socket of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qutrio.control.client import call
from qutrio.errors import ControlError
from tests.cluster.processes import Process
from tests.cluster.waiting import wait_for
from tests.patience import HANG_S

ROOT = Path(__file__).parent.parent.parent
ANSWER_S_MAX = 30.0
COMMAND_S_MAX = HANG_S
START_S_MAX = 20.0

Status = dict[str, Any]


class Node:
    """A node on disk, and its process while there is one.

    `inside` begins every command that is run for it, `launcher` that of its daemon only.
    `program` is the folder with the version that it runs.
    """

    def __init__(
        self,
        name: str,
        home: Path,
        *,
        bind: str,
        port: int,
        launcher: Sequence[str] = (),
        inside: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.home = home
        self.address = f"{bind}:{port}"
        self.socket = home / "s"
        self.output = home / "output"
        self._bind = bind
        self._port = port
        self._launcher = launcher
        self._inside = inside
        self.extra_env: dict[str, str] = {}
        self.program = ROOT
        self.pids: list[int] = []
        self._process: Process | None = None
        self._id = ""
        home.mkdir()

    @property
    def env(self) -> dict[str, str]:
        """An environment without anything of the caller's that qutrio would read."""
        kept = {k: v for k, v in os.environ.items() if k in {"PATH", "LANG", "TZ"}}
        return kept | {
            "PYTHONPATH": str(self.program),
            "PYTHONSAFEPATH": "1",  # or the folder of the test run comes first
            "PYTHONWARNINGS": "error::ResourceWarning",
            "PYTHONFAULTHANDLER": "1",
            "HOME": str(self.home),
            "QUTRIO_DIR": str(self.home / "data"),
            "QUTRIO_SOCKET": str(self.socket),
        }

    @property
    def id(self) -> str:
        """The node id, which its key decides; known after the first status."""
        if not self._id:
            self._id = str(self.status()["node_id"])
        return self._id

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    @property
    def exit_code(self) -> int | None:
        """The exit code of the daemon; negative for a signal, None while it runs."""
        return None if self._process is None else self._process.exit_code

    def cli(self, *args: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run a command against this node; fail unless it ends with `expect` (None: with any)."""
        done = subprocess.run(
            [*self._inside, sys.executable, "-m", "qutrio", *args],
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_S_MAX,
            check=False,
        )
        said = f"$ qutrio {' '.join(args)}\n{done.stdout}{done.stderr}[exit {done.returncode}]\n"
        with self.output.open("a") as file:
            file.write(said)
        assert expect in {None, done.returncode}, f"on {self.name}: {said}"
        return done

    def ask(self, op: str, **fields: object) -> dict[str, Any]:
        """Ask the daemon over its socket, as the commands do; raises `ControlFailure`."""
        return call(self.socket, {"op": op, **fields}, COMMAND_S_MAX)

    def status(self) -> Status:
        """Return the node's status; raises `ControlFailure` when it does not answer."""
        return call(self.socket, {"op": "status"}, ANSWER_S_MAX)

    def look(self) -> Status | None:
        """Return the node's status, or None when it does not run or does not answer."""
        if not self.running:
            return None
        try:
            return self.status()
        except ControlError:
            return None

    def init(self) -> None:
        self.cli("init", *self._whereabouts())

    def join(self, token: str) -> None:
        self.cli("enroll", "join", token, *self._whereabouts())

    def start(self) -> None:
        """Start the daemon and return when it answers."""
        self.launch()
        wait_for(f"node {self.name} answers", self._answers, START_S_MAX)

    def launch(self) -> None:
        """Start the daemon and do not wait."""
        assert not self.running
        serve = [sys.executable, "-m", "qutrio", "serve", "--log", "logfmt"]
        command = [*self._inside, *self._launcher, *serve]
        self._process = Process(command, self.env | self.extra_env, self.output)
        self.pids.append(self._process.pid)

    def freeze(self) -> None:
        """Suspend the process; `thaw` resumes it."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume a suspended process."""
        self._signal(signal.SIGCONT)

    def stop(self) -> int:
        """Ask the daemon to end, and return its exit code."""
        self.ask_to_stop()
        return self.wait()

    def ask_to_stop(self) -> None:
        """Send SIGTERM and do not wait."""
        self._signal(signal.SIGTERM)

    def wait(self) -> int:
        """Return the exit code of a daemon that is about to end."""
        assert self._process is not None
        return self._process.wait()

    def kill(self) -> None:
        """End the daemon as a power cut would."""
        assert self._process is not None
        self._process.kill()

    def restart(self) -> None:
        """End the daemon, if it runs, and start it again."""
        if self.running:
            self.stop()
        self.start()

    def end(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.signal(signal.SIGCONT)
            self._process.end()

    def check(self, name: str) -> Status:
        """Return the row of a check in this node's status."""
        rows: list[Status] = self.status()["checks"]
        return next(row for row in rows if row["name"] == name)

    def _whereabouts(self) -> list[str]:
        place = ["--name", self.name, "--advertise", self.address]
        return [*place, "--bind", self._bind, "--port", str(self._port)]

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.signal(number)

    def _answers(self) -> bool:
        assert self._process is not None
        if not self._process.running:
            raise AssertionError(f"node {self.name} ended at its start, see {self.output}")
        return self.look() is not None


def acts(status: Mapping[str, Any] | None) -> bool:
    """Return True for the status of a master."""
    return status is not None and bool(status["acting"])

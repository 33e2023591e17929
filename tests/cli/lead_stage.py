"""A scripted daemon, and a real `qutrio lead` that follows it."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from attrs import define, field

from qutrio.cli.lead_command import boot_now
from tests.cluster.waiting import wait_for
from tests.patience import HANG_S

ROOT = Path(__file__).parents[2]
WAIT_S = HANG_S
LEASE_S = 2.0


@define
class Daemon:
    """One end of the control socket, for one conversation at a time."""

    path: Path
    _listener: socket.socket = field(init=False)
    _talk: socket.socket | None = None
    _received: bytes = b""
    request: dict[str, Any] = field(factory=dict)
    hold: int = 0
    """The number that the program sent last."""

    def __attrs_post_init__(self) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(os.fspath(self.path))
        self._listener.listen()
        self._listener.settimeout(WAIT_S)

    def accept(self) -> None:
        """Wait for a program that follows the role."""
        if self._talk is not None:
            self._talk.close()
        self._talk, _ = self._listener.accept()
        self._received, self.hold = b"", 0
        self._talk.settimeout(WAIT_S)
        self.request = self._request()

    def send(self, **fields: object) -> None:
        """Send one line."""
        assert self._talk is not None
        self._talk.sendall(json.dumps(fields).encode() + b"\n")

    def send_role(
        self,
        *,
        left_s: float | None,
        held: int | None = None,
        term: int = 7,
        vacating: bool = False,
        taken: bool = False,
        lease_s: float = LEASE_S,
    ) -> float:
        """Send the state of the role, read the answer, and return when the lease ends.

        `held` is the program's own number unless it is given.
        """
        until = boot_now() + (left_s or 0)
        self.send(
            ok=True,
            node="n1",
            name="a",
            cluster="c0",
            acting=left_s is not None,
            term=term,
            until=None if left_s is None else until,
            lease_s=lease_s,
            vacating=vacating,
            held=self.hold if held is None else held,
            taken=taken,
        )
        self.hold = int(self._request()["hold"])
        return until

    def lead(self, left_s: float = LEASE_S, term: int = 7) -> float:
        """Give the program the role, counted as a tenant, and return when the lease ends."""
        self.send_role(left_s=left_s, term=term)
        self.wait_for_hold(wanted=True)
        return self.send_role(left_s=left_s, term=term)

    def wait_for_hold(self, *, wanted: bool) -> None:
        """Wait until the program requests, or no longer requests, to be a tenant."""
        while bool(self.hold) != wanted:
            self.hold = int(self._request()["hold"])

    def catch_up(self) -> None:
        """Read what the program has sent."""
        assert self._talk is not None
        while b"\n" in self._received or select.select([self._talk], [], [], 0)[0]:
            self.hold = int(self._request()["hold"])

    def hang_up(self) -> None:
        """Close the connection."""
        assert self._talk is not None
        self._talk.close()

    def close(self) -> None:
        """Close the connection and remove the socket."""
        if self._talk is not None:
            self._talk.close()
        self._listener.close()
        self.path.unlink()

    def _request(self) -> dict[str, Any]:
        assert self._talk is not None
        while b"\n" not in self._received:
            chunk = self._talk.recv(4096)
            assert chunk, "the program hung up"
            self._received += chunk
        line, _, self._received = self._received.partition(b"\n")
        return dict(json.loads(line))


@define
class Lead:
    """A real `qutrio lead` with a folder for what its command writes."""

    folder: Path
    _popen: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        assert self._popen is not None
        return self._popen.pid

    @property
    def said(self) -> str:
        """Everything on standard error until now."""
        return (self.folder / "err").read_text()

    def start(self, *arguments: str) -> None:
        """Start it; `$OUT` is a file for its command."""
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OUT": str(self._out)}
        command = [sys.executable, "-m", "qutrio", "lead"]
        with (self.folder / "err").open("a") as err:
            self._popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *command, *arguments],
                env=environ | {"QUTRIO_SOCKET": str(self.folder / "s")},
                stdin=subprocess.DEVNULL,
                stderr=err,
                text=True,
            )

    def signal(self, number: signal.Signals) -> None:
        assert self._popen is not None
        self._popen.send_signal(number)

    def wait(self) -> int:
        """Return its exit code."""
        assert self._popen is not None
        return self._popen.wait(WAIT_S)

    def lines(self, count: int = 1) -> list[str]:
        """Wait until the command has written so many lines, and return all."""
        return wait_for(f"{count} lines", lambda: self._lines(count), WAIT_S, lambda: self.said)

    def says(self, words: str) -> None:
        """Wait until it has said this."""
        wait_for(f"it says {words!r}", lambda: words in self.said, WAIT_S, lambda: self.said)

    def end(self) -> None:
        """Leave nothing behind."""
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait(WAIT_S)

    @property
    def _out(self) -> Path:
        return self.folder / "out"

    def _lines(self, count: int) -> list[str]:
        lines = self._out.read_text().splitlines() if self._out.exists() else []
        return lines if len(lines) >= count else []


def alive(pid: int) -> bool:
    """Tell whether a process runs; a dead one that nobody has reaped does not."""
    try:
        _, _, rest = Path("/proc", str(pid), "stat").read_text().rpartition(")")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return rest.split()[0] != "Z"


def gone_at(pid: int) -> float:
    """Wait until a process is gone, and return when that was noticed, on the boot clock."""
    wait_for(f"process {pid} is gone", lambda: not alive(pid), WAIT_S)
    return boot_now()

"""The nodes of the demo: real `qutrio serve` processes, each on a loopback address of its own."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import trio
from attrs import define, field, frozen

from qutrio.control.client import call
from qutrio.control.protocol import Code, ControlFailure, wait_s
from qutrio.errors import QutrioError

NAMES = ("alpha", "bravo", "charlie")
JOIN_S_MAX = 20.0
STOP_S_MAX = 10.0
LAST_WORDS_BYTES = 2000
INHERITED_PREFIXES = ("QUTRIO_", "NOTIFY_", "WATCHDOG_")
INHERITED_NAMES = ("CREDENTIALS_DIRECTORY", "RUNTIME_DIRECTORY", "STATE_DIRECTORY")


class DemoError(QutrioError):
    """A step of the demo did not happen; the message says which, and what was seen instead."""


@frozen(kw_only=True)
class Standing:
    """A node's state, and that of the one check, from `status --json`."""

    name: str
    term: int
    acting: bool
    master: str | None
    voters: int
    live: int
    outbox: int
    state: str | None
    ok: int
    fail: int

    @classmethod
    def of(cls, status: Mapping[str, Any]) -> Self:
        """Pick out of a status what the demo needs."""
        checks = status["checks"]
        votes = checks[0]["votes"] if checks else {"ok": 0, "fail": 0}
        return cls(
            name=status["name"],
            term=status["term"],
            acting=status["acting"],
            master=status["master"] and status["master"]["name"],
            voters=sum(member["voter"] for member in status["members"]),
            live=sum(member["live"] for member in status["members"]),
            outbox=status["outbox"],
            state=checks[0]["state"] if checks else None,
            ok=votes["ok"],
            fail=votes["fail"],
        )


@define
class DemoNode:
    """One node: a directory, an address, and the process while it runs."""

    name: str
    host: str
    port: int
    directory: Path
    process: trio.Process | None = field(default=None, init=False)

    @property
    def address(self) -> str:
        """The address that other nodes dial."""
        return f"{self.host}:{self.port}"

    @property
    def socket(self) -> Path:
        """The control socket of the node."""
        return self.directory / "qutrio.sock"

    @property
    def log(self) -> Path:
        """The file with the node's standard output and standard error."""
        return self.directory / "log"

    async def serve(self) -> None:
        """Start `qutrio serve`; a directory that is empty becomes a cluster of one."""
        self.process = await self._start("serve")

    async def join(self, token: str) -> None:
        """Become a member of the cluster that made `token`.  Raises `DemoError`."""
        process = await self._start("enroll", "join", token)
        with trio.move_on_after(JOIN_S_MAX):
            if await process.wait() == 0:
                return
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise DemoError(f"{self.name} could not join: {self._last_line()}")

    async def ask(self, op: str, **fields: object) -> dict[str, Any]:
        """Ask the running node something over its control socket.  Raises `DemoError`."""
        try:
            return await self._call(op, fields)
        except ControlFailure as failure:
            raise DemoError(f"{self.name} answers to {op}: {failure}") from None

    async def standing(self) -> Standing | None:
        """Return where the node stands, or None while it does not answer.

        Raises `DemoError` when the process ended by itself.
        """
        if self.process is not None and self.process.poll() is not None:
            code = self.process.returncode
            raise DemoError(f"{self.name} ended by itself with {code}: {self._last_line()}")
        try:
            return Standing.of(await self._call("status", {}))
        except ControlFailure as failure:
            if failure.code is Code.NO_DAEMON:
                return None
            raise DemoError(f"{self.name} answers to status: {failure}") from None

    async def kill(self) -> None:
        """Kill the process."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()
            self.process = None

    def ask_to_end(self) -> None:
        """Ask the process, if it still runs, to stop."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    async def _call(self, op: str, fields: Mapping[str, object]) -> dict[str, Any]:
        request = {"op": op, **fields}
        return await trio.to_thread.run_sync(
            call, self.socket, request, wait_s(op), abandon_on_cancel=True
        )

    async def _start(self, *arguments: str) -> trio.Process:
        """Start a qutrio command for this node, without this terminal."""
        with self.log.open("ab") as log:
            return await trio.lowlevel.open_process(
                [sys.executable, "-m", "qutrio", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                start_new_session=True,
            )

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(INHERITED_PREFIXES) and name not in INHERITED_NAMES
        }
        return kept | {
            "QUTRIO_DIR": str(self.directory / "data"),
            "QUTRIO_SOCKET": str(self.socket),
            "QUTRIO_NAME": self.name,
            "QUTRIO_BIND": self.host,
            "QUTRIO_PORT": str(self.port),
            "QUTRIO_ADVERTISE": self.address,
            "QUTRIO_LOG": "logfmt",
        }

    def _last_line(self) -> str:
        lines = self.log.read_bytes()[-LAST_WORDS_BYTES:].decode(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "it said nothing")


@asynccontextmanager
async def open_nodes(
    directory: Path, names: Sequence[str] = NAMES
) -> AsyncIterator[tuple[DemoNode, ...]]:
    """Yield a node for each name, not started yet, and stop the running ones at the end."""
    nodes = tuple(
        _prepared(name, f"127.0.0.{number}", directory / name)
        for number, name in enumerate(names, start=1)
    )
    try:
        yield nodes
    finally:
        with trio.CancelScope(shield=True):
            await _end(nodes)


async def _end(nodes: tuple[DemoNode, ...]) -> None:
    """Ask every process to stop, and kill those that do not, each by its own id."""
    for node in nodes:
        node.ask_to_end()
    with trio.move_on_after(STOP_S_MAX):
        for node in nodes:
            if node.process is not None:
                await node.process.wait()
    for node in nodes:
        await node.kill()


def _prepared(name: str, host: str, directory: Path) -> DemoNode:
    directory.mkdir(mode=0o700)
    return DemoNode(name, host, _free_port(host), directory)


def _free_port(host: str) -> int:
    """Return a port on `host` that is free now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port

"""Three real etcd members with the default timers, for `failover_real.py`.

They use plain HTTP on the loopback interface.  The leader is asked for over HTTP, as `etcdctl
endpoint status` does: a member that names itself as the leader leads.
"""

import http.client
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from _rivals import poll
from attrs import define, field

from tests.cluster.processes import Process, free_port

PROGRAM = "etcd"
MEMBERS = ("a", "b", "c")
ASK_S_MAX = 2.0
Status = dict[str, Any]


def missing() -> str:
    """Return why etcd cannot run here, or ""."""
    return "" if shutil.which(PROGRAM) else "etcd is not installed (Debian: etcd-server)"


def version() -> str:
    """Return the version that the program prints."""
    told = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    return told.stdout.splitlines()[0].rpartition(" ")[2]


@define
class Member:
    """One etcd process and a connection to it."""

    name: str
    home: Path
    address: str
    peer_port: int
    port: int
    process: Process | None = None
    _connection: http.client.HTTPConnection | None = None

    @property
    def peer_url(self) -> str:
        """The URL for the other members."""
        return f"http://{self.address}:{self.peer_port}"

    def start(self, everybody: str) -> None:
        """Start it; `everybody` lists all members and their URLs."""
        url = f"http://{self.address}:{self.port}"
        flags = {
            "name": self.name,
            "data-dir": str(self.home / "data"),
            "listen-peer-urls": self.peer_url,
            "initial-advertise-peer-urls": self.peer_url,
            "listen-client-urls": url,
            "advertise-client-urls": url,
            "initial-cluster": everybody,
            "logger": "zap",
        }
        command = [PROGRAM, *(f"--{name}={value}" for name, value in flags.items())]
        self.process = Process(command, os.environ, self.home / "output")

    def status(self) -> Status | None:
        """Return its status, or None if it does not answer."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self.address, self.port, ASK_S_MAX)
        try:
            self._connection.request("POST", "/v3/maintenance/status", "{}")
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return None
        return json.loads(body) if answer.status == http.client.OK else None

    def leads(self) -> bool:
        """Return whether it names itself as the leader."""
        status = self.status()
        return status is not None and status.get("leader") == status["header"]["member_id"]


@define
class Etcd:
    """One etcd cluster."""

    home: Path
    name: str = field(init=False)
    _members: list[Member] = field(init=False, factory=list)
    _dead: Member | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        """Make directories, and find free ports."""
        self.name, taken = f"etcd {version()}", set[int]()
        self.home.mkdir()
        for number, name in enumerate(MEMBERS, start=1):
            address, home = f"127.0.0.{number}", self.home / name
            home.mkdir()
            ports = free_port(address, taken), free_port(address, taken)
            self._members.append(Member(name, home, address, *ports))

    @property
    def _everybody(self) -> str:
        return ",".join(f"{member.name}={member.peer_url}" for member in self._members)

    def start(self) -> None:
        """Start all members as one new cluster."""
        for member in self._members:
            member.start(self._everybody)
        self.await_agreement()

    def await_agreement(self) -> None:
        """Wait until all members name one leader, in one term."""
        poll(self._agree, f"{self.name}: all agree")

    def _agree(self) -> bool:
        seen = [member.status() for member in self._members]
        named = {(s.get("leader"), s.get("raftTerm")) for s in seen if s is not None}
        return None not in seen and len(named) == 1 and (None, None) not in named

    def kill(self) -> float:
        """Send SIGKILL to the leader."""
        self._dead = next(member for member in self._members if member.leads())
        assert self._dead.process is not None
        began = time.monotonic()
        os.kill(self._dead.process.pid, signal.SIGKILL)
        return began

    def succeeded(self) -> bool:
        """Return whether one of the others leads."""
        return any(member.leads() for member in self._members if member is not self._dead)

    def revive(self) -> None:
        """Start the dead member with its old disk."""
        assert self._dead is not None
        assert self._dead.process is not None
        self._dead.process.wait()
        self._dead.start(self._everybody)

    def end(self) -> None:
        """End all processes."""
        for member in self._members:
            if member.process is not None:
                member.process.end()

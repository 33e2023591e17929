"""Three real keepalived in network namespaces on one bridge, for `failover_real.py`.

VRRP moves one address (multicast, an advertisement each second) to the running member with the
highest priority.  A member has the address if a socket on its host can be bound to it.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from _rivals import poll
from attrs import define, field

from tests.cluster import namespaces
from tests.cluster.namespaces import Namespace, Network
from tests.cluster.processes import Process

PROGRAM = "keepalived"
PRIORITIES = {"a": 150, "b": 100, "c": 50}
FIRST = "a"
ADDRESS = "10.99.9.9"
PID_S_MAX = 10.0
CONFIG = """
vrrp_instance address {{
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority {priority}
  advert_int 1
  virtual_ipaddress {{ {address}/16 }}
}}
"""


def missing() -> str:
    """Return why keepalived cannot run here, or ""."""
    if shutil.which(PROGRAM) is None:
        return "keepalived is not installed"
    return namespaces.missing()


def version() -> str:
    """Return the version that the program prints."""
    told = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    return (told.stdout + told.stderr).split()[1]


@define
class Keepalived:
    """One address among three hosts."""

    home: Path
    name: str = field(init=False)
    _network: Network = field(init=False)
    _processes: dict[str, Process] = field(init=False, factory=dict)
    _probes: list[socket.socket] = field(init=False, factory=list)
    _dead: str = field(init=False, default="")

    def __attrs_post_init__(self) -> None:
        """Build the network."""
        self.name = f"keepalived {version()}"
        self.home.mkdir()
        self._network = Network.of(list(PRIORITIES), self.home)

    def start(self) -> None:
        """Start all members."""
        for name, priority in PRIORITIES.items():
            config = CONFIG.format(priority=priority, address=ADDRESS)
            (self.home / f"{name}.conf").write_text(config)
            self._launch(name)
        self.await_agreement()

    def _launch(self, name: str) -> None:
        place = self.home / name
        flags = ["--dont-fork", "--log-console", "--vrrp", f"--use-file={place}.conf"]
        pids = [f"--pid={place}.pid", f"--vrrp_pid={self._pid_file(name)}"]
        command = [*self._host(name).inside, PROGRAM, *flags, *pids]
        self._processes[name] = Process(command, os.environ, self.home / f"{name}.output")

    def _host(self, name: str) -> Namespace:
        return self._network.hosts[name]

    def _pid_file(self, name: str) -> Path:
        return self.home / f"{name}.vrrp.pid"

    def await_agreement(self) -> None:
        """Wait until only the member with the highest priority has the address."""
        poll(lambda: self._holders() == [FIRST], f"{self.name}: {FIRST} has the address")

    def _holders(self) -> list[str]:
        holders = []
        for name in PRIORITIES:
            with self._probe(name) as probe:
                holders += [name] if _binds(probe) else []
        return holders

    def _probe(self, name: str) -> socket.socket:
        with self._host(name).entered():
            return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def kill(self) -> float:
        """Send SIGKILL to the master's child that speaks VRRP, and to its parent.

        The parent is stopped first, because it would start another child, and a child whose parent
        dies first resigns.
        """
        (self._dead,) = self._holders()
        self._probes = [self._probe(name) for name in PRIORITIES if name != self._dead]
        parent = self._processes[self._dead].pid
        child = int(self._pid_file(self._dead).read_text())
        os.kill(parent, signal.SIGSTOP)
        began = time.monotonic()
        os.kill(child, signal.SIGKILL)
        os.kill(parent, signal.SIGKILL)
        return began

    def succeeded(self) -> bool:
        """Return whether one of the others has the address."""
        return any(_binds(probe) for probe in self._probes)

    def revive(self) -> None:
        """Remove the address from the dead member, as a reboot does, and start it."""
        for probe in self._probes:
            probe.close()
        self._processes[self._dead].wait()
        self._pid_file(self._dead).unlink()
        self._host(self._dead).run("ip", "address", "delete", f"{ADDRESS}/16", "dev", "eth0")
        self._launch(self._dead)
        poll(self._pid_file(self._dead).exists, f"{self.name}: a child that speaks VRRP")

    def end(self) -> None:
        """End all processes and remove the network."""
        for process in self._processes.values():
            process.end()
        self._network.end()


def _binds(probe: socket.socket) -> bool:
    """Return whether the address is on this socket's host."""
    try:
        probe.bind((ADDRESS, 0))
    except OSError:
        return False
    return True

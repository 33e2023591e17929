"""A network for one test: hosts on one bridge, and faults on the links between them.

Every host is a network and mount namespace without a name, held open by a process that dies
with the test run.  Nothing is left behind, whatever ends the run, and the network of the machine
is never touched.  A fault of a link is a packet filter of the host that receives.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field, frozen

from tests import needs
from tests.cluster.processes import Process
from tests.cluster.waiting import wait_for
from tests.patience import HANG_S

HUB = "hub"
"""The host with the bridge: targets and receivers of alerts live here."""

HUB_ADDRESS = "10.99.0.1"
PROGRAMS = ("ip", "nft", "tc", "nsenter", "unshare", "setpriv", "mount")
START_S_MAX = 10.0
COMMAND_S_MAX = HANG_S
DROP = "drop"
RESET = "meta l4proto tcp reject with tcp reset"
NETEM = ("netem", "delay", "150ms", "100ms")
NARROW = ("tbf", "rate", "512kbit", "burst", "32kb", "latency", "400ms")

_RULES = """
flush ruleset
table inet faults {{
    chain received {{
        type filter hook input priority 0;
        {rules}
    }}
}}
"""


def missing() -> str:
    """Return what this machine lacks for a network of a test's own; "" if nothing."""
    if reason := needs.lacking_root("make network namespaces") or needs.lacking(*PROGRAMS):
        return reason
    tried = subprocess.run(
        ["unshare", "--net", "--mount", "nft", "list", "ruleset"],
        capture_output=True,
        timeout=COMMAND_S_MAX,
        check=False,
    )
    return "" if tried.returncode == 0 else f"no namespaces here: {tried.stderr.decode().strip()}"


class Namespace:
    """One host, which has only its loopback until it is connected."""

    def __init__(self, name: str, home: Path) -> None:
        output = home / f"namespace-{name}"
        script = "ip link set lo up && echo ready && exec sleep infinity"
        command = ["unshare", "--net", "--mount", "sh", "-c", script]
        self.name = name
        self._holder = Process(command, os.environ, output)
        wait_for(f"namespace {name}", lambda: "ready" in output.read_text(), START_S_MAX)

    @property
    def pid(self) -> int:
        """The process that holds it open; /proc/PID/root shows its files."""
        return self._holder.pid

    @property
    def inside(self) -> tuple[str, ...]:
        """The beginning of a command line that runs the rest in this host."""
        return ("nsenter", "--target", str(self.pid), "--net", "--mount", "--")

    def run(self, *command: str, given: str = "") -> None:
        """Run a command in this host; raises with what it said when it fails."""
        done = self._tried(*command, given=given)
        assert done.returncode == 0, f"in {self.name}: {' '.join(command)}: {done.stderr}"

    def _tried(self, *command: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.inside, *command],
            input=given,
            capture_output=True,
            text=True,
            timeout=COMMAND_S_MAX,
            check=False,
        )

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let this thread, and those that it starts, make sockets of this host."""
        with open("/proc/thread-self/ns/net") as home, open(f"/proc/{self.pid}/ns/net") as here:  # noqa: PTH123 - the descriptor is what is wanted
            _enter(here.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def mount_disk(self, folder: Path, size: str) -> Path:
        """Put an empty disk in memory at `folder`, and return where the test finds its files."""
        folder.mkdir(mode=0o700)
        self.run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "disk", str(folder))
        return Path(f"/proc/{self.pid}/root{folder}")

    def forbid_writes(self, folder: Path) -> None:
        """Make `folder` read-only, also for who has files open there: it is opened anew by name.

        A disk cannot be remounted while a file on it is open for writing; so it is covered by
        itself, read-only.
        """
        self.run("mount", "--bind", str(folder), str(folder))
        self.run("mount", "-o", "remount,bind,ro", str(folder))

    def allow_writes(self, folder: Path) -> None:
        """Undo `forbid_writes`."""
        self.run("umount", "--lazy", str(folder))

    def slow_down(self) -> None:
        """Delay what this host sends, with jitter if the kernel can, else by a narrow link."""
        for discipline in (NETEM, NARROW):
            done = self._tried("tc", "qdisc", "add", "dev", "eth0", "root", *discipline)
            if done.returncode == 0:
                return
        raise AssertionError(f"in {self.name}: no way to slow a link down: {done.stderr}")

    def speed_up(self) -> None:
        """Undo `slow_down`."""
        self.run("tc", "qdisc", "del", "dev", "eth0", "root")

    def end(self) -> None:
        """Release the host; the kernel removes it when the last process in it has ended."""
        self._holder.kill()


@frozen
class LinkFault:
    """What happens to packets of `senders` at `receivers`: a verdict of the packet filter."""

    senders: frozenset[str]
    receivers: frozenset[str]
    verdict: str = DROP


def between(
    some: Iterable[str], others: Iterable[str], verdict: str = DROP
) -> tuple[LinkFault, LinkFault]:
    """Return the fault in both directions."""
    one, other = frozenset(some), frozenset(others)
    return LinkFault(one, other, verdict), LinkFault(other, one, verdict)


def lost(percent: int) -> str:
    """Return the verdict that loses so many of a hundred packets."""
    return f"numgen random mod 100 < {percent} drop"


@define
class Network:
    """The hub, the hosts around it, and the faults of the links between them."""

    hub: Namespace
    hosts: dict[str, Namespace]
    addresses: dict[str, str]
    _faults: list[LinkFault] = field(factory=list)

    @classmethod
    def of(cls, names: Sequence[str], home: Path) -> "Network":
        """Build a network, and remove it at the end of the block."""
        hub = Namespace(HUB, home)
        network = cls(hub, {}, {HUB: HUB_ADDRESS})
        try:
            hub.run("ip", "link", "add", "br0", "type", "bridge")
            hub.run("ip", "link", "set", "br0", "up")
            network.give_hub(HUB_ADDRESS)
            for number, name in enumerate(names, start=11):
                network._wire(Namespace(name, home), f"10.99.0.{number}")
        except BaseException:
            network.end()
            raise
        return network

    def give_hub(self, address: str) -> None:
        """Add an address at which something in the hub can listen."""
        self.hub.run("ip", "address", "add", f"{address}/16", "dev", "br0")

    def _wire(self, host: Namespace, address: str) -> None:
        self.hosts[host.name] = host
        self.addresses[host.name] = address
        peer = ["peer", "name", "eth0", "netns", str(host.pid)]
        self.hub.run("ip", "link", "add", f"to-{host.name}", "type", "veth", *peer)
        self.hub.run("ip", "link", "set", f"to-{host.name}", "master", "br0", "up")
        host.run("ip", "address", "add", f"{address}/16", "dev", "eth0")
        host.run("ip", "link", "set", "eth0", "up")

    def begin(self, *faults: LinkFault) -> None:
        """Add these faults to those that hold."""
        self._faults += faults
        self._filter({name for fault in faults for name in fault.receivers})

    def end_of(self, *faults: LinkFault) -> None:
        """Undo these faults, once each."""
        for fault in faults:
            self._faults.remove(fault)
        self._filter({name for fault in faults for name in fault.receivers})

    @contextmanager
    def suffering(self, *faults: LinkFault) -> Iterator[None]:
        """Apply these faults while the block runs."""
        self.begin(*faults)
        try:
            yield
        finally:
            self.end_of(*faults)

    def end(self) -> None:
        """Remove everything; what runs inside should have ended."""
        for host in (*self.hosts.values(), self.hub):
            host.end()

    def _filter(self, names: set[str]) -> None:
        for name in sorted(names):
            host = self.hub if name == HUB else self.hosts[name]
            host.run("nft", "-f", "-", given=self.rules_of(name))

    def rules_of(self, name: str) -> str:
        """Return the packet filter of a host, as `nft -f` reads it."""
        rules = [
            f"ip saddr {self._source(sender)} {fault.verdict}"
            for fault in self._faults
            if name in fault.receivers
            for sender in sorted(fault.senders - {name})
        ]
        return _RULES.format(rules="\n        ".join(rules))

    def _source(self, name: str) -> str:
        return f"{{ {HUB_ADDRESS}, 10.99.1.0/24 }}" if name == HUB else self.addresses[name]


def _enter(namespace: int) -> None:
    """Move the calling thread; the standard library can do it from Python 3.12 on only."""
    libc = ctypes.CDLL(None, use_errno=True)
    network_only = 0x40000000
    if libc.setns(namespace, network_only) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))

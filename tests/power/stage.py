"""Nodes on a drive, writers that use them, and the disks after a power cut."""

import random
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import combinations
from pathlib import Path

from attrs import define, field, frozen

from qutrio.core.quorum.majorities import majority
from qutrio.model.stable import Stable
from tests.cluster.clusters import NAMES, QUICK, Cluster
from tests.cluster.namespaces import Namespace
from tests.cluster.nodes import Node, acts
from tests.cluster.waiting import wait_for
from tests.power.drives import Cut, Drive, drive, power_returns
from tests.power.leftovers import UNSYNCED, checks_in, read_everything
from tests.power.writers import Found, History, Writer, lost

WRITERS = 3
RUN_S_MAX = 0.5
"""The power goes at a random instant this long after every writer wrote."""

UNSYNCED_BYTES = 4096
TIMERS = QUICK | {"dead_after": "3s"}
"""Each copy pauses the disk for a short time, which must not count as a death."""

SETTLE_S_MAX = 30.0


@frozen
class Blackout:
    """The disks at one instant, and what the writers had been told by then.

    `unsynced` is a file that was written shortly before, and that nobody flushed.
    """

    cut: Cut
    copied: Path
    before: list[History]
    after: list[History]
    unsynced: str

    def missing(self, found: Found) -> list[History]:
        """Return the series of changes that do not fit what was found."""
        return lost(self.before, self.after, found)


@define
class Powered:
    """A cluster on a drive, while writers change its document through all of its nodes."""

    home: Path
    cluster: Cluster
    drive: Drive
    writers: list[Writer]
    network: Sequence[str]
    unsynced_kept: list[bool] = field(factory=list)
    """For each disk and instant, whether the file that was never flushed was there."""

    def black_out(self, cut: Cut, rng: random.Random) -> Blackout:
        """Let the writers go on, and cut the power at a random instant."""
        for writer in self.writers:
            writer.go_on()
        instant = len(self.unsynced_kept)
        for node in self.cluster.nodes:
            # A new file each time: ext4 flushes what replaces the content of an old one.
            (node.home / "data" / f"{UNSYNCED}{instant}").write_bytes(bytes(UNSYNCED_BYTES))
        time.sleep(rng.uniform(0, RUN_S_MAX))
        before = self.histories
        self.drive.lose_power(cut, self.home / "copied")
        return Blackout(cut, self.home / "copied", before, self.histories, f"{UNSYNCED}{instant}")

    @property
    def histories(self) -> list[History]:
        """What all writers were told until now."""
        return [history for writer in self.writers for history in writer.histories]

    @contextmanager
    def power_returns(self, blackout: Blackout) -> Iterator[list[Node]]:
        """Yield nodes on the copied disks, not yet started, and remove everything afterwards."""
        home = self.home / "again"
        home.mkdir()
        nodes = [_twin(node, home, self.network) for node in self.cluster.nodes]
        places = [node.home / "data" for node in nodes]
        with power_returns(blackout.cut, blackout.copied, places):
            try:
                yield nodes
            finally:
                for node in nodes:
                    node.end()
        shutil.rmtree(home)
        shutil.rmtree(blackout.copied)

    def losses(self, blackout: Blackout) -> list[str]:
        """Read every file of the copies, start every node, and return what was lost."""
        with self.power_returns(blackout) as nodes:
            self.unsynced_kept += [_kept(node.home / "data" / blackout.unsynced) for node in nodes]
            disks = [read_everything(node.home / "data") for node in nodes]
            found = [f"on disk: {h}" for h in self._missing_on_disk(blackout, disks)]
            if not found:
                found = [f"after the start: {h}" for h in _missing_alive(blackout, nodes)]
        return found

    def _missing_on_disk(self, blackout: Blackout, disks: list[Stable]) -> list[History]:
        """Return the changes that the newest record of some majority of the disks lacks."""
        missing = []
        for some in combinations(disks, majority(len(disks))):
            newest = max(some, key=lambda stable: stable.accepted.position)
            missing += blackout.missing(checks_in(newest))
        return missing


@contextmanager
def powered(home: Path, n: int, launcher: Sequence[str] = ()) -> Iterator[Powered]:
    """Run n nodes, each on a volume of its own, and writers, until the block ends."""
    with ExitStack() as stack:
        network = stack.enter_context(_network(home))
        cluster = Cluster(home, n, {name: list(launcher) for name in NAMES})
        places = [node.home / "data" for node in cluster.nodes]
        made = stack.enter_context(drive(home, places))
        stack.callback(cluster.end)
        cluster.start(TIMERS)
        doors = [cluster.nodes[k % n] for k in range(WRITERS)]
        writers = [Writer(f"w{k}", door) for k, door in enumerate(doors)]
        for writer in writers:
            stack.enter_context(writer)
        yield Powered(home, cluster, made, writers, network)


@contextmanager
def _network(home: Path) -> Iterator[list[str]]:
    """Yield a launcher into a network of its own, where the nodes' addresses are free.

    It sees this machine's mounts, so what is mounted later is there too.
    """
    namespace = Namespace("again", home)
    try:
        yield ["nsenter", "--target", str(namespace.pid), "--net", "--"]
    finally:
        namespace.end()


def _twin(node: Node, home: Path, launcher: Sequence[str]) -> Node:
    """Return a node with the same name and address, and another place on this machine."""
    bind, _, port = node.address.rpartition(":")
    return Node(node.name, home / node.name, bind=bind, port=int(port), launcher=launcher)


def _missing_alive(blackout: Blackout, nodes: list[Node]) -> list[History]:
    """Start the nodes, and return what the master lacks; it must accept new changes."""
    for node in nodes:
        node.launch()
    master = wait_for(
        "a node acts after the power came back",
        lambda: next((node for node in nodes if acts(node.look())), None),
        SETTLE_S_MAX,
    )
    found = {row["name"]: row["target"] for row in master.status()["checks"]}
    check = {"kind": "tcp", "name": "more", "address": "127.0.0.1:1", "enabled": False}
    nodes[-1].ask("check.add", check=check)
    return blackout.missing(found)


def _kept(path: Path) -> bool:
    return path.exists() and path.stat().st_size == UNSYNCED_BYTES

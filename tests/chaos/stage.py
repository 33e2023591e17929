"""Five nodes on hosts of their own, with their targets, receivers and small disks."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import frozen

from tests.chaos.arrivals import Sinks, sinks
from tests.chaos.limits import COOLDOWN, DEAD_AFTER, HEARTBEAT
from tests.chaos.targets import Targets, targets
from tests.cluster.clocks import clock_library, shifted, sweep
from tests.cluster.clusters import NAMES, Cluster
from tests.cluster.disks import Disk, disks_of
from tests.cluster.namespaces import Network
from tests.cluster.nodes import Node

NODES = 5
TARGETS = 3
DISK_SIZE = "16m"
TIMERS = {"heartbeat": HEARTBEAT, "dead_after": DEAD_AFTER, "master_cooldown": COOLDOWN}


@frozen
class Stage:
    """The environment of a run.

    `clock_file` moves the wall clock of the last node, if this machine has a library that can.
    """

    network: Network
    cluster: Cluster
    sinks: Sinks
    targets: Targets
    disks: dict[str, Disk]
    clock_file: Path

    def node(self, name: str) -> Node:
        """Return a node by its name."""
        return next(n for n in self.cluster.nodes if n.name == name)


@contextmanager
def stage(home: Path) -> Iterator[Stage]:
    """Provide a stage, and remove it completely."""
    with ExitStack() as stack:
        network = Network.of(NAMES[:NODES], home)
        stack.callback(network.end)
        received = stack.enter_context(sinks(network))
        watched = stack.enter_context(targets(network, home, TARGETS))
        cluster = Cluster(home, NODES, {}, network)
        stack.callback(sweep, cluster.nodes[-1].pids)
        stack.callback(cluster.end)
        disks = disks_of(cluster, network, DISK_SIZE)
        clock_file = home / "clock"
        _give_own_clock(cluster.nodes[-1], clock_file)
        cluster.start(TIMERS)
        received.attach(cluster.nodes[0])
        watched.watch_all(cluster.nodes[0])
        yield Stage(network, cluster, received, watched, disks, clock_file)


def _give_own_clock(node: Node, file: Path) -> None:
    library = clock_library()
    if library is None:
        return
    file.write_text("+0\n")
    node.extra_env = shifted(library, file)

"""Small disks for single nodes, which a test fills or makes read-only."""

import errno
from pathlib import Path

from tests.cluster.clusters import Cluster
from tests.cluster.namespaces import Network
from tests.cluster.nodes import Node

SIZE = "4m"
BALLAST_BYTES = 64 * 1024


class Disk:
    """The disk of one node, in memory; it holds only the data directory."""

    def __init__(self, network: Network, node: Node, size: str = SIZE) -> None:
        self._host = network.hosts[node.name]
        self._folder = node.home / "data"
        self._ballast = self._host.mount_disk(self._folder, size) / "ballast"

    def fill(self) -> None:
        """Fill the disk."""
        fill(self._ballast)

    def make_room(self) -> None:
        """Undo `fill`."""
        self._ballast.unlink()

    def forbid_writes(self) -> None:
        """Make it read-only."""
        self._host.forbid_writes(self._folder)

    def allow_writes(self) -> None:
        """Undo `forbid_writes`."""
        self._host.allow_writes(self._folder)


def disks_of(cluster: Cluster, network: Network, size: str = SIZE) -> dict[str, Disk]:
    """Give every node of a cluster that was not started yet a disk of its own."""
    return {node.name: Disk(network, node, size) for node in cluster.nodes}


def fill(ballast: Path) -> None:
    """Write a file until the disk is full."""
    with ballast.open("wb", buffering=0) as file:
        size = BALLAST_BYTES
        while size:
            try:
                file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size //= 2

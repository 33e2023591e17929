"""The targets: web servers on the hub that go down and up by a script."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field

from tests.chaos.insisting import insist
from tests.chaos.limits import CHECK_INTERVAL, CHECK_TIMEOUT
from tests.chaos.pages import Absence
from tests.cluster.namespaces import Network
from tests.cluster.nodes import Node
from tests.cluster.targets import Nginx

HEALTHY = "10.99.1.100"
"""The target that is never down; the clients' checks probe it."""


@define
class Targets:
    """The scripted targets in order of their numbers, and the one that is never down."""

    scripted: list[Nginx]
    healthy: Nginx
    _network: Network
    absences: list[Absence] = field(factory=list)
    _down_since: dict[int, float] = field(factory=dict)

    def watch_all(self, node: Node) -> None:
        """Add a check of each scripted target."""
        times = ["--interval", CHECK_INTERVAL, "--timeout", CHECK_TIMEOUT]
        for number, target in enumerate(self.scripted):
            insist(node, "check", "add", "http", _name(number), target.url, *times)

    def take_down(self, number: int) -> None:
        """Refuse connections from now on."""
        self._down_since[number] = time.monotonic()
        self.scripted[number].stop()

    def bring_up(self, number: int) -> None:
        """Accept connections again, and record the outage."""
        with self._network.hub.entered():
            self.scripted[number].start()
        absence = Absence(_name(number), self._down_since.pop(number), time.monotonic())
        self.absences.append(absence)


def _name(number: int) -> str:
    return f"target-{number}"


@contextmanager
def targets(network: Network, home: Path, scripted: int) -> Iterator[Targets]:
    """Provide `scripted` targets, and a healthy one, on addresses of the hub."""
    addresses = [f"10.99.1.{number}" for number in range(1, scripted + 1)]
    servers: list[Nginx] = []
    try:
        for address in (*addresses, HEALTHY):
            network.give_hub(address)
            with network.hub.entered():
                server = Nginx(home / f"nginx-{address}", address, network.hub.inside)
                servers.append(server)
                server.start()
        *some, healthy = servers
        yield Targets(some, healthy, network)
    finally:
        for server in servers:
            server.end()

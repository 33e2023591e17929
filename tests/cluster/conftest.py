"""Fixtures for clusters of real processes, whose output is shown when a test fails."""

import shutil
import tempfile
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

import pytest

from tests import needs
from tests.alerts.servers import mail_server, web_server
from tests.cluster.clusters import NAMES, QUICK, Cluster
from tests.cluster.disks import Disk, disks_of
from tests.cluster.namespaces import Network, missing
from tests.cluster.nodes import ROOT
from tests.cluster.people import People
from tests.cluster.targets import Nginx

OUTPUT_CHARS_MAX = 20_000
_LAB = pytest.StashKey["Lab"]()


def pytest_configure(config: pytest.Config) -> None:
    """Let the tests of this folder be chosen, or left out, by a marker."""
    config.addinivalue_line("markers", "cluster: starts real nodes; takes many seconds")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what the processes wrote to the report of a failed test."""
    report = yield
    lab = item.stash.get(_LAB, None)
    if lab is not None and report.when == "call" and report.failed:
        report.sections += lab.outputs()
    return report


class Lab:
    """A directory for the test, and everything that must end with it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._clusters: list[Cluster] = []
        self._targets: list[Nginx] = []
        self._networks: list[Network] = []

    def cluster(
        self,
        n: int,
        *,
        launchers: Mapping[str, list[str]] | None = None,
        network: Network | None = None,
        program: Path = ROOT,
        **settings: str,
    ) -> Cluster:
        """Return a running cluster of n nodes; `launchers` wrap the start of single nodes.

        Its nodes are on loopback, or each on its own host of a network; all run `program`.
        """
        cluster = Cluster(self.home, n, launchers or {}, network, program)
        self._clusters.append(cluster)
        cluster.start(QUICK | settings)
        return cluster

    def cluster_on_disks(self, n: int, **settings: str) -> tuple[Cluster, dict[str, Disk]]:
        """Return a running cluster, each node on a host and with a small disk of its own."""
        network = self.network(n)
        cluster = Cluster(self.home, n, {}, network)
        self._clusters.append(cluster)
        disks = disks_of(cluster, network)
        cluster.start(QUICK | settings)
        return cluster, disks

    def network(self, n: int) -> Network:
        """Return a network with hosts for n nodes; skip where that cannot be."""
        needs.require(missing())
        network = Network.of(NAMES[:n], self.home)
        self._networks.append(network)
        return network

    def nginx(self, address: str = "127.0.0.1") -> Nginx:
        """Return a running web server; skip where there is none."""
        needs.require(needs.lacking("nginx"))
        nginx = Nginx(self.home / f"nginx{len(self._targets)}", address)
        self._targets.append(nginx)
        nginx.start()
        return nginx

    def outputs(self) -> list[tuple[str, str]]:
        """Return what every process wrote."""
        files = [(f"node {n.name}", n.output) for c in self._clusters for n in c.nodes]
        files += [("nginx", t.output) for t in self._targets]
        return [
            (title, file.read_text(errors="replace")[-OUTPUT_CHARS_MAX:])
            for title, file in files
            if file.exists()
        ]

    def end(self) -> None:
        """End all processes."""
        for cluster in self._clusters:
            cluster.end()
        for target in self._targets:
            target.end()
        for network in self._networks:
            network.end()


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Yield a laboratory; its path is short, because socket paths must be."""
    home = Path(tempfile.mkdtemp(prefix="qutrio-"))
    laboratory = Lab(home)
    request.node.stash[_LAB] = laboratory
    try:
        yield laboratory
    finally:
        laboratory.end()
        shutil.rmtree(home)


@pytest.fixture
def people() -> Iterator[People]:
    """Return the receivers of notices: a mail sink and a webhook sink on loopback."""
    with mail_server() as mail, web_server() as web:
        yield People(mail, web)

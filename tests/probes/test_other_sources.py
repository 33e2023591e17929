"""Sources of names that only the machine itself can ask, and DNS where they cannot tell."""

import threading
from pathlib import Path

import pytest

from qutrio.model.check_base import IpFamily
from qutrio.plumbing.clock import BootClock
from qutrio.probes.observations import Addresses, NoAnswer
from qutrio.probes.resolver import HostResolver
from tests.probes.name_servers import Host, Zone, at, hand_made

SHOP = Zone({"shop.test": ["192.0.2.1", "2001:db8::1", "192.0.2.2"]})


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A machine that asks the name server on a loopback port."""
    return Host(tmp_path)


class Machine:
    """Stands in for getaddrinfo: what only the machine itself can look up."""

    def __init__(self, found: Addresses | None = None) -> None:
        self.found = found
        self.asked: list[str] = []
        self.release = threading.Event()
        self.release.set()

    def __call__(self, name: str, family: IpFamily) -> Addresses:
        del family
        self.asked.append(name)
        self.release.wait(30)
        if self.found is None:
            raise LookupError(name)
        return self.found


@pytest.mark.parametrize(
    ("nsswitch", "name", "by_machine"),
    [
        ("files mdns4_minimal [NOTFOUND=return] dns", "shop.test", False),
        ("files mdns4_minimal [NOTFOUND=return] dns", "printer.local", True),
        ("files mdns4 dns", "printer.local", True),
        ("files myhostname dns", "shop.test", False),
        ("files myhostname dns", "_gateway", True),
        ("mymachines dns", "shop.test", False),
        ("resolve [!UNAVAIL=return] dns", "shop.test", True),
        ("files ldap dns", "shop.test", True),
        ("files [SUCCESS=merge] dns", "shop.test", True),
    ],
)
async def test_other_sources_are_asked_by_the_machine_for_the_names_that_they_know(
    host: Host, nsswitch: str, name: str, *, by_machine: bool
) -> None:
    host.write(f"hosts: {nsswitch}", "", "")
    machine = Machine(at("192.0.2.77"))
    async with hand_made(SHOP) as server:
        resolver = HostResolver(BootClock(), etc=host.etc, dns_port=server.port, look_up=machine)
        found = await resolver.resolve(name, IpFamily.V4)
    assert machine.asked == [name] * by_machine
    assert (found == at("192.0.2.77")) is by_machine


async def test_systemds_own_stub_needs_no_other_way_to_it(host: Host) -> None:
    host.write("hosts: resolve [!UNAVAIL=return] dns", "", "")
    (host.etc / "resolv.conf").write_text("nameserver 127.0.0.53\n")
    machine = Machine(at("192.0.2.77"))
    async with hand_made(SHOP, address="127.0.0.53") as server:
        resolver = HostResolver(BootClock(), etc=host.etc, dns_port=server.port, look_up=machine)
        assert await resolver.resolve("shop.test", IpFamily.V6) == at("2001:db8::1")
        assert await resolver.resolve("nas", IpFamily.V4) == at("192.0.2.77")


async def test_dns_tells_why_the_machine_cannot_look_up(host: Host) -> None:
    host.write("hosts: resolve dns", "", "")
    machine = Machine()
    async with hand_made(Zone({"shop.test": 2})) as server:
        resolver = HostResolver(BootClock(), etc=host.etc, dns_port=server.port, look_up=machine)
        assert isinstance(await resolver.resolve("shop.test", IpFamily.V4), NoAnswer)
        machine.release.clear()
        try:
            assert isinstance(await resolver.resolve("shop.test", IpFamily.V4), NoAnswer)
        finally:
            machine.release.set()

"""The ICMP prober in a separate network: answers, silence, and missing permission."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from qutrio.model.check_base import IpFamily
from qutrio.model.icmp_check import IcmpCheck
from qutrio.model.ids import CheckId
from qutrio.model.results import Outcome
from qutrio.probes.icmp import FORBIDDEN, probe_icmp
from qutrio.probes.interface import Tools
from qutrio.probes.observations import Addresses, Endpoint, Observation
from qutrio.probes.ping import Ping, checksum
from tests import needs
from tests.cluster.namespaces import Namespace, missing
from tests.patience import HANG_S
from tests.probes.servers import OneAddress

pytestmark = [needs.because(missing()), pytest.mark.slow]

ROOT = Path(__file__).parents[2]
EVERYBODY = "0 2147483647"
ASK = """
import sys, trio
from qutrio.model.icmp_check import IcmpCheck
from qutrio.plumbing.clock import BootClock
from qutrio.probes.icmp import probe_icmp
from qutrio.probes.toolbox import make_tools
check = IcmpCheck(id="c1", name="gateway", host=sys.argv[1])
seen = trio.run(probe_icmp, check, make_tools(BootClock()))
print(f"{seen.outcome.value}: {seen.detail}")
"""
FILTER = """
table inet faults {{
    chain received {{
        type filter hook input priority 0;
        {rule}
    }}
}}
"""


class Addressed(OneAddress):
    """A resolver for which every name has these addresses."""

    def __init__(self, *addresses: str) -> None:
        families = {a: socket.AF_INET6 if ":" in a else socket.AF_INET for a in addresses}
        self._found = Addresses(tuple(Endpoint(f, a) for a, f in families.items()))

    async def resolve(self, host: str, family: IpFamily) -> Addresses:
        """Return all of them."""
        del host, family
        return self._found


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Namespace]:
    """A host in which everybody may ping."""
    made = Namespace("pinger", tmp_path)
    made.run("sysctl", "-qw", f"net.ipv4.ping_group_range={EVERYBODY}")
    made.run("ip", "addr", "add", "127.0.0.2/8", "dev", "lo")
    try:
        yield made
    finally:
        made.end()


def check(host: str, **fields: Any) -> IcmpCheck:
    return IcmpCheck(id=CheckId("c1"), name="gateway", **{"host": host, **fields})


async def seen(host: Namespace, tools: Tools, asked: IcmpCheck) -> Observation:
    with host.entered():
        return await probe_icmp(asked, tools)


def refuse(host: Namespace, rule: str) -> None:
    host.run("nft", "-f", "-", given=FILTER.format(rule=rule))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_a_host_that_answers_is_up_over_both_families(
    host: Namespace, tools: Tools, address: str
) -> None:
    got = await seen(host, tools, check(address))
    assert (got.outcome, got.detail) == (Outcome.OK, f"echo from {address}")
    assert got.latency_ms is not None


async def test_a_host_that_is_silent_is_down_in_time(host: Namespace, tools: Tools) -> None:
    refuse(host, "icmp type echo-request drop")
    got = await seen(host, tools, check("127.0.0.2", timeout_s=0.5))
    assert got.outcome is Outcome.FAIL
    assert got.detail == ("no answer within 0.5s while pinging 127.0.0.2: 127.0.0.2 (no answer)")


async def test_one_lost_packet_is_no_outage(host: Namespace, tools: Tools) -> None:
    refuse(host, "icmp type echo-request limit rate 1/hour burst 1 packets drop")
    got = await seen(host, tools, check("127.0.0.2", timeout_s=HANG_S))
    assert got.outcome is Outcome.OK
    assert got.latency_ms is not None
    assert got.latency_ms >= 900


async def test_a_router_that_says_unreachable_is_believed(host: Namespace, tools: Tools) -> None:
    refuse(host, "icmp type echo-request reject with icmp type host-unreachable")
    got = await seen(host, tools, check("127.0.0.2", timeout_s=HANG_S))
    assert got.outcome is Outcome.FAIL
    assert got.detail == "127.0.0.2 is not reached: 127.0.0.2 (no route to the host)"


async def test_a_node_without_a_route_abstains(host: Namespace, tools: Tools) -> None:
    got = await seen(host, tools, check("192.0.2.1"))
    assert got.outcome is Outcome.ABSTAIN
    assert got.detail == ("this node has no route to 192.0.2.1: 192.0.2.1 (network unreachable)")


async def test_one_address_of_a_name_is_enough_and_the_others_are_told(
    host: Namespace, tools: Tools
) -> None:
    refuse(host, "ip daddr 127.0.0.2 reject with icmp type host-unreachable")
    named = evolve(tools, resolver=Addressed("127.0.0.2", "127.0.0.1"))
    got = await seen(host, named, check("gateway.example", timeout_s=HANG_S))
    assert got.outcome is Outcome.OK
    assert got.detail == ("echo from 127.0.0.1; not reached: 127.0.0.2 (no route to the host)")
    each = await seen(host, named, check("gateway.example", each_address=True, timeout_s=HANG_S))
    assert each.outcome is Outcome.FAIL
    assert "1 of 2 addresses: 127.0.0.2" in each.detail


async def test_a_silent_address_does_not_hold_up_the_next(host: Namespace, tools: Tools) -> None:
    refuse(host, "ip daddr 127.0.0.2 drop")
    named = evolve(tools, resolver=Addressed("127.0.0.2", "127.0.0.1"))
    got = await seen(host, named, check("gateway.example", timeout_s=HANG_S))
    assert got.outcome is Outcome.OK
    assert got.detail == "echo from 127.0.0.1; not reached: 127.0.0.2 (no answer)"


async def test_an_address_without_a_route_counts_neither_way(host: Namespace, tools: Tools) -> None:
    named = evolve(tools, resolver=Addressed("2001:db8::1", "127.0.0.1"))
    got = await seen(host, named, check("gateway.example"))
    assert (got.outcome, got.detail) == (Outcome.OK, "echo from 127.0.0.1")


async def test_a_name_without_an_address_is_a_failure(host: Namespace, tools: Tools) -> None:
    class Nowhere(OneAddress):
        async def resolve(self, host: str, family: IpFamily) -> Observation:
            del family
            return Observation(Outcome.FAIL, None, f"{host} does not exist")

    got = await seen(host, evolve(tools, resolver=Nowhere()), check("gone.example"))
    assert got.detail == "gone.example does not exist"


def asked_by(host: Namespace, *before: str) -> str:
    """Return what a process in this host says that begins with these words."""
    command = [*host.inside, *before, sys.executable, "-c", ASK, "127.0.0.1"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=HANG_S, check=True
    )
    return done.stdout.strip()


def test_a_process_that_may_not_ping_abstains_and_says_how_to_allow_it(host: Namespace) -> None:
    host.run("sysctl", "-qw", "net.ipv4.ping_group_range=1 0")
    without = ("setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw")
    assert asked_by(host, *without) == f"abstain: {FORBIDDEN}"
    assert asked_by(host) == "ok: echo from 127.0.0.1", "a raw socket will do"


def answer_of(
    ping: Ping, *, kind: int = 0, code: int = 0, sequence: int = 1, payload: bytes = b""
) -> bytes:
    """Return the answer to the first request, with these parts changed."""
    head = bytes([kind, code, 0, 0, 0, 0]) + sequence.to_bytes(2, "big")
    return head + (payload or ping._payload)


def test_only_the_answer_to_the_own_request_counts(host: Namespace) -> None:
    with host.entered():
        ping = Ping(Endpoint(socket.AF_INET, "127.0.0.1"))
        ping.begin()
    try:
        assert ping.answers(answer_of(ping))
        for wrong in (
            answer_of(ping, kind=8),
            answer_of(ping, code=1),
            answer_of(ping, sequence=0),
            answer_of(ping, sequence=2),
            answer_of(ping, payload=b"x" * 32),
            answer_of(ping)[:-1],
            answer_of(ping) + b"x",
            b"",
        ):
            assert not ping.answers(wrong)
        ping._raw = True
        assert ping.answers(b"\x45" + bytes(19) + answer_of(ping))
        assert ping.answers(b"\x46" + bytes(23) + answer_of(ping))
        assert not ping.answers(b"")
    finally:
        ping.close()


def test_the_checksum_is_that_of_the_standard() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D  # the example of RFC 1071
    assert checksum(b"\x01") == 0xFEFF

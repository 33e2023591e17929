"""The DNS prober against nsd, and against name servers that fail or lie."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve

from qutrio.model.dns_check import DnsCheck, RecordType
from qutrio.model.ids import CheckId
from qutrio.model.results import Outcome
from qutrio.probes.dns.exchange import Server
from qutrio.probes.dns.query import Policy
from qutrio.probes.dns_check import probe_dns
from qutrio.probes.interface import Tools
from qutrio.probes.observations import Observation
from tests.patience import HANG_S
from tests.probes.name_servers import (
    Host,
    Zone,
    address_record,
    answer,
    hand_made,
    record,
    running_nsd,
    server_at,
)
from tests.probes.test_dns_query import ZONE, settled
from tests.workers import free_port


@pytest.fixture(scope="module")
def nsd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real name server."""
    port = free_port()
    with running_nsd(tmp_path_factory.mktemp("nsd"), ZONE, port):
        yield server_at(port)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A machine whose own name server is on a loopback port."""
    return Host(tmp_path)


def check(name: str, record: RecordType = RecordType.A, **fields: Any) -> DnsCheck:
    given = {"host": name, "record": record, "timeout_s": HANG_S, **fields}
    return DnsCheck(id=CheckId("c1"), name="zone", **given)


async def asked(tools: Tools, wanted: DnsCheck, *ports: int) -> Observation:
    """Return the vote of a node that asks the servers on these loopback ports."""
    servers = tuple(f"127.0.0.1:{port}" for port in ports)
    resolver = tools.resolver.with_servers(servers)
    return await probe_dns(evolve(wanted, resolvers=servers), evolve(tools, resolver=resolver))


NAMES = "ns1.example.test"


@pytest.mark.parametrize(
    ("name", "record", "fields", "outcome", "detail"),
    [
        ("shop.example.test", RecordType.A, {}, "ok", "192.0.2.1, 192.0.2.2"),
        ("Shop.Example.Test.", RecordType.AAAA, {}, "ok", "2001:db8::1"),
        ("www.example.test", RecordType.CNAME, {}, "ok", "shop.example.test"),
        ("www.example.test", RecordType.A, {"contains": "2.2"}, "ok", "192.0.2.1, 192.0.2.2"),
        ("example.test", RecordType.NS, {"records": (NAMES + ".",)}, "ok", NAMES),
        ("example.test", RecordType.MX, {"records": ("10 MAIL.example.test.",)}, "ok",
         "10 mail.example.test"),
        ("text.example.test", RecordType.TXT, {"contains": "-all"}, "ok", "v=spf1 -all"),
        ("shop.example.test", RecordType.A, {"records": ("192.0.2.2", "192.0.2.1")}, "ok",
         "192.0.2.1, 192.0.2.2"),
        ("shop.example.test", RecordType.AAAA, {"records": ("2001:DB8:0::1",)}, "ok",
         "2001:db8::1"),
        ("gone.example.test", RecordType.A, {}, "fail",
         "gone.example.test does not exist (NXDOMAIN)"),
        ("shop.example.test", RecordType.MX, {}, "fail", "shop.example.test has no MX record"),
        ("shop.example.test", RecordType.A, {"contains": "192.0.2.3"}, "fail",
         "no record contains '192.0.2.3'; found 192.0.2.1, 192.0.2.2"),
        ("shop.example.test", RecordType.A, {"records": ("192.0.2.1", "192.0.2.3")}, "fail",
         "192.0.2.3 missing, 192.0.2.2 not expected; found 192.0.2.1, 192.0.2.2"),
        ("many.example.test", RecordType.A, {"records": ("10.0.0.1",)}, "fail",
         ("10.0.0.10, 10.0.0.100, 10.0.0.101, 10.0.0.102 and 295 more not expected; "
         "found 10.0.0.1, 10.0.0.10, 10.0.0.100, 10.0.0.101 and 296 more")),
    ],
)  # fmt: skip
async def test_a_real_name_server_is_judged_by_its_records(  # noqa: PLR0917 - one row of a table
    tools: Tools, nsd: Server, name: str, record: RecordType, fields: Any, outcome: str, detail: str
) -> None:
    await settled(Policy((nsd,), timeout_s=5.0))
    got = await asked(tools, check(name, record, **fields), nsd.port)
    assert (got.outcome.value, got.detail) == (outcome, detail)
    assert got.latency_ms is not None


async def test_the_next_server_is_asked_when_one_fails(tools: Tools) -> None:
    good = Zone({"shop.test": ["192.0.2.1"]})
    for bad in (Zone({}, domains={"test": 2}), lambda query: [query], lambda _: []):
        async with hand_made(bad) as first, hand_made(good) as second:
            got = await asked(tools, check("shop.test"), first.port, second.port)
            assert (got.outcome, got.detail) == (Outcome.OK, "192.0.2.1")
            assert first.asked


async def test_the_checks_own_servers_are_the_target_when_they_fail(tools: Tools) -> None:
    async with hand_made(Zone({"shop.test": 2})) as broken:
        got = await asked(tools, check("shop.test"), broken.port)
    assert got.outcome is Outcome.FAIL
    assert got.detail.startswith("no answer for shop.test A: 127.0.0.1:")
    assert "answers SERVFAIL" in got.detail
    refused = await asked(tools, check("shop.test"), free_port())
    assert refused.outcome is Outcome.FAIL
    assert "refuses the connection" in refused.detail


async def test_silent_servers_of_the_check_are_a_failure_in_time(tools: Tools) -> None:
    async with hand_made(lambda _: []) as silent:
        got = await asked(tools, check("shop.test", timeout_s=0.3), silent.port)
        assert got.outcome is Outcome.FAIL
        assert got.detail == (
            f"no answer within 0.3s while asking 127.0.0.1:{silent.port} for shop.test A"
        )


async def test_a_node_whose_own_resolver_is_down_abstains(tools: Tools, host: Host) -> None:
    async with hand_made(lambda _: []) as silent:
        own = evolve(tools, resolver=host.resolver(silent.port))
        got = await probe_dns(check("shop.test", timeout_s=0.3), own)
    assert got.outcome is Outcome.ABSTAIN
    assert "this node's resolver gives no answers" in got.detail


async def test_a_domain_that_fails_while_others_are_answered_is_a_failure(
    tools: Tools, host: Host
) -> None:
    async with hand_made(Zone({"shop.test": 2})) as server:
        got = await probe_dns(
            check("shop.test"), evolve(tools, resolver=host.resolver(server.port))
        )
    assert got.outcome is Outcome.FAIL
    assert got.detail.startswith("the name servers of shop.test fail")


async def test_answers_that_are_no_records_are_a_failure(tools: Tools) -> None:
    for lie in (
        lambda query: [answer(query, record(1, b"\x7f\x00"))],
        lambda query: [answer(query, address_record("192.0.2.1"))[:-2]],
        lambda query: [answer(query)[:12]],
    ):
        async with hand_made(lie) as server:
            got = await asked(tools, check("shop.test", timeout_s=2), server.port)
            assert got.outcome is Outcome.FAIL


async def test_a_name_that_cannot_be_sent_is_a_failure(tools: Tools) -> None:
    long = ".".join(["x" * 63] * 3 + ["y" * 61])
    async with hand_made(Zone({})) as server:
        with trio.fail_after(HANG_S):
            got = await asked(tools, check(long), server.port)
    assert got.outcome is Outcome.FAIL

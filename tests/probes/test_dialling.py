"""Dialling: every address of a name is tried, and errors of this node are no evidence."""

import errno
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve

from qutrio.model.check_base import IpFamily
from qutrio.model.checks import Check, HttpCheck, TcpCheck
from qutrio.model.ids import CheckId
from qutrio.model.results import Outcome
from qutrio.probes.dialling import ATTEMPT_DELAY_S, alternate_families
from qutrio.probes.interface import Tools
from qutrio.probes.observations import Endpoint, Observation
from qutrio.probes.registry import probe
from tests import needs
from tests.probes.conftest import Nginx
from tests.probes.name_servers import Host, Reaction, Zone, answer, asked_type, hand_made
from tests.probes.servers import answering, silent
from tests.workers import free_port

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
UNROUTED = "2001:db8:dead::1"
"""An address of the range for documentation; no machine has a route that leads there."""

routeless = needs.because(
    needs.unobtainable("every IPv6 address has a route" if needs.has_route(UNROUTED) else "")
)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A machine that asks the name server on a loopback port."""
    return Host(tmp_path)


def tcp(port: int, **changes: Any) -> Check:
    check = TcpCheck(id=CheckId("c1"), name="shop", address=f"shop.test:{port}")
    return evolve(check, **changes)


def http(port: int, **changes: Any) -> Check:
    check = HttpCheck(id=CheckId("c1"), name="shop", url=f"http://shop.test:{port}/")
    return evolve(check, **changes)


async def seen(tools: Tools, host: Host, react: Reaction, check: Check) -> Observation:
    """Return the vote where one name server says what shop.test is."""
    async with hand_made(react) as server:
        return await probe(check, evolve(tools, resolver=host.resolver(server.port)))


def shop_at(*addresses: str) -> Zone:
    return Zone({"shop.test": list(addresses)})


def late_in_ipv6() -> Reaction:
    """Return a name server that fails the first time that it is asked for IPv6."""
    failures = [2]

    def react(query: bytes) -> list[bytes]:
        if asked_type(query) == 1:
            return shop_at("127.0.0.2")(query)
        return [answer(query, rcode=failures.pop())] if failures else shop_at("::1")(query)

    return react


@asynccontextmanager
async def listening(*addresses: str, handler: Callable[..., Any] = silent) -> AsyncIterator[int]:
    """Serve the same port on these addresses."""
    port = free_port()
    async with trio.open_nursery() as nursery:
        for address in addresses:
            await nursery.start(partial(trio.serve_tcp, handler, port, host=address))
        yield port
        nursery.cancel_scope.cancel()


def v4(address: str) -> Endpoint:
    return Endpoint(socket.AF_INET, address)


def v6(address: str) -> Endpoint:
    return Endpoint(socket.AF_INET6, address)


def test_the_families_take_turns_and_ipv6_begins() -> None:
    endpoints = (v4("192.0.2.1"), v4("192.0.2.2"), v6("::1"), v4("192.0.2.3"), v6("::2"))
    assert alternate_families(endpoints) == (
        v6("::1"), v4("192.0.2.1"), v6("::2"), v4("192.0.2.2"), v4("192.0.2.3"),
    )  # fmt: skip


async def test_the_next_address_is_tried_when_one_refuses(tools: Tools, host: Host) -> None:
    async with listening("127.0.0.3") as port:
        vote = await seen(tools, host, shop_at("127.0.0.2", "127.0.0.3"), tcp(port))
    assert vote.outcome is Outcome.OK
    assert vote.detail == (
        f"connected to 127.0.0.3 port {port}; not reached: 127.0.0.2 (connection refused)"
    )


async def test_ipv4_is_tried_when_ipv6_refuses(tools: Tools, host: Host, nginx: Nginx) -> None:
    vote = await seen(tools, host, shop_at("127.0.0.1", "::1"), http(nginx.port))
    assert (vote.outcome, vote.detail) == (
        Outcome.OK, "HTTP 200; not reached: ::1 (connection refused)",
    )  # fmt: skip


async def test_an_address_that_was_not_needed_is_not_reported(tools: Tools, host: Host) -> None:
    async with listening("127.0.0.2") as port:
        vote = await seen(tools, host, shop_at("127.0.0.2", "127.0.0.3"), tcp(port))
    assert vote.detail == f"connected to 127.0.0.2 port {port}"


@asynccontextmanager
async def full(address: str, port: int) -> AsyncIterator[None]:
    """Listen on an address where no handshake ends any more: its queue of connections is full."""
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((address, port))
        yield


async def test_the_next_address_is_tried_when_one_is_silent(tools: Tools, host: Host) -> None:
    async with listening("127.0.0.3") as port, full("127.0.0.2", port):
        vote = await seen(tools, host, shop_at("127.0.0.2", "127.0.0.3"), tcp(port))
    assert vote.outcome is Outcome.OK
    assert vote.detail.endswith("; not reached: 127.0.0.2 (no answer)")
    assert vote.latency_ms is not None
    assert vote.latency_ms >= ATTEMPT_DELAY_S * 1000, "latency counts from the start"


async def test_a_name_is_down_when_no_address_accepts(tools: Tools, host: Host) -> None:
    port = free_port()
    vote = await seen(tools, host, shop_at("127.0.0.2", "::1"), tcp(port))
    assert vote.outcome is Outcome.FAIL
    assert vote.detail == (
        f"shop.test port {port} is not reached:"
        " ::1 (connection refused), 127.0.0.2 (connection refused)"
    )


async def test_all_addresses_share_the_checks_timeout(tools: Tools, host: Host) -> None:
    port = free_port()
    async with full("127.0.0.2", port), full("127.0.0.3", port):
        check = tcp(port, timeout_s=0.6)
        vote = await seen(tools, host, shop_at("127.0.0.2", "127.0.0.3"), check)
    assert vote.outcome is Outcome.FAIL
    assert vote.detail == (
        f"no answer within 0.6s while connecting to shop.test port {port}:"
        " 127.0.0.2 (no answer), 127.0.0.3 (no answer)"
    )


async def test_many_failing_addresses_are_summarised(tools: Tools, host: Host) -> None:
    addresses = [f"127.0.0.{number}" for number in range(2, 9)]
    vote = await seen(tools, host, shop_at(*addresses), tcp(free_port()))
    assert vote.detail.count("refused") == 4
    assert vote.detail.endswith(" and 3 more")


async def test_what_follows_the_handshake_is_the_verdict(tools: Tools, host: Host) -> None:
    """The first address accepts and answers 500; the second one would be fine."""
    broken = answering(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
    async with listening("127.0.0.2", handler=broken) as port:
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(trio.serve_tcp, answering(OK), port, host="127.0.0.3"))
            vote = await seen(tools, host, shop_at("127.0.0.2", "127.0.0.3"), http(port))
            nursery.cancel_scope.cancel()
    assert (vote.outcome, vote.detail) == (Outcome.FAIL, "HTTP 500, expected 200-299")


@routeless
async def test_a_missing_route_counts_neither_way(tools: Tools, host: Host) -> None:
    async with listening("127.0.0.3") as port:
        good = await seen(tools, host, shop_at("127.0.0.3", UNROUTED), tcp(port))
    bad = await seen(tools, host, shop_at("127.0.0.3", UNROUTED), tcp(port))
    none = await seen(tools, host, shop_at("2001:db8:dead::2", UNROUTED), tcp(port))
    one = await seen(tools, host, shop_at(UNROUTED), tcp(port))
    assert (good.outcome, good.detail) == (Outcome.OK, f"connected to 127.0.0.3 port {port}")
    assert (bad.outcome, bad.detail) == (
        Outcome.FAIL,
        f"shop.test port {port} is not reached: 127.0.0.3 (connection refused)",
    )
    assert none.detail.startswith("this node has no route to shop.test: ")
    assert one.outcome is Outcome.ABSTAIN


async def test_the_other_family_is_asked_for_again_before_a_failure(
    tools: Tools, host: Host
) -> None:
    """The look-up of IPv6 fails at first; IPv4 refuses, so the other family matters."""
    async with listening("::1") as port:
        vote = await seen(tools, host, late_in_ipv6(), tcp(port))
    assert vote.outcome is Outcome.OK
    assert vote.detail.startswith(f"connected to ::1 port {port}; not reached: 127.0.0.2 ")


async def test_a_family_whose_look_up_keeps_failing_does_not_hide_the_failure(
    tools: Tools, host: Host
) -> None:
    def react(query: bytes) -> list[bytes]:
        if asked_type(query) == 1:
            return shop_at("127.0.0.2")(query)
        return [answer(query, rcode=2)]

    vote = await seen(tools, host, react, tcp(free_port()))
    assert vote.outcome is Outcome.FAIL
    assert "127.0.0.2 (connection refused)" in vote.detail


async def test_localhost_is_reached_on_either_family(tools: Tools) -> None:
    for address in ("127.0.0.1", "::1"):
        async with listening(address) as port:
            vote = await probe(tcp(port, address=f"localhost:{port}"), tools)
        assert vote.outcome is Outcome.OK
        assert vote.detail.startswith(f"connected to {address} port {port}")


async def test_each_address_must_answer_where_a_check_says_so(tools: Tools, host: Host) -> None:
    zone = shop_at("127.0.0.2", "127.0.0.3", "::1")
    async with listening("127.0.0.2", "127.0.0.3", "::1", handler=answering(OK)) as port:
        for check in (tcp(port, each_address=True), http(port, each_address=True)):
            vote = await seen(tools, host, zone, check)
            assert vote.outcome is Outcome.OK
            assert vote.detail.startswith("all 3 addresses: ")
            assert vote.latency_ms is not None
    async with listening("127.0.0.2", "::1", handler=answering(OK)) as port:
        for check in (tcp(port, each_address=True), http(port, each_address=True)):
            vote = await seen(tools, host, zone, check)
            refused = f"connection refused while connecting to 127.0.0.3:{port}"
            assert (vote.outcome, vote.detail) == (
                Outcome.FAIL, f"1 of 3 addresses: 127.0.0.3: {refused}",
            )  # fmt: skip


async def test_each_address_is_judged_to_the_end_and_in_its_time(tools: Tools, host: Host) -> None:
    """One address answers with an error, one is silent, one is fine."""
    broken = answering(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
    zone = shop_at("127.0.0.2", "127.0.0.3", "127.0.0.4")
    async with listening("127.0.0.2", handler=answering(OK)) as port:
        async with trio.open_nursery() as nursery:
            for address, handler in (("127.0.0.3", broken), ("127.0.0.4", silent)):
                await nursery.start(partial(trio.serve_tcp, handler, port, host=address))
            vote = await seen(tools, host, zone, http(port, each_address=True, timeout_s=1.0))
            nursery.cancel_scope.cancel()
    assert vote.outcome is Outcome.FAIL
    assert vote.detail.startswith("2 of 3 addresses: ")
    assert "127.0.0.3: HTTP 503, expected 200-299" in vote.detail
    assert "127.0.0.4: no answer within 1s while waiting for the answer" in vote.detail


@routeless
async def test_an_address_without_a_route_is_not_among_those_that_must_answer(
    tools: Tools, host: Host
) -> None:
    async with listening("127.0.0.2") as port:
        check = tcp(port, each_address=True)
        vote = await seen(tools, host, shop_at("127.0.0.2", UNROUTED), check)
        nowhere = await seen(tools, host, shop_at("2001:db8:dead::2", UNROUTED), check)
    assert vote.outcome is Outcome.OK
    assert nowhere.detail.startswith("2 of 2 addresses: ")


async def test_each_address_needs_every_address_to_be_known(tools: Tools, host: Host) -> None:
    def react(query: bytes) -> list[bytes]:
        if asked_type(query) == 1 or not query[13:].startswith(b"shop"):
            return shop_at("127.0.0.2")(query)
        return [answer(query, rcode=2)]

    async with listening("127.0.0.2") as port:
        vote = await seen(tools, host, react, tcp(port, each_address=True))
    assert vote.outcome is Outcome.FAIL
    assert vote.detail.startswith("the name servers of shop.test fail (")


async def test_each_address_finds_the_family_that_was_late(tools: Tools, host: Host) -> None:
    async with listening("127.0.0.2", "::1") as port:
        vote = await seen(tools, host, late_in_ipv6(), tcp(port, each_address=True))
    assert (vote.outcome, vote.detail.partition(":")[0]) == (Outcome.OK, "all 2 addresses")


async def test_each_address_of_one_family_can_be_asked_for(tools: Tools, host: Host) -> None:
    async with listening("127.0.0.2") as port:
        check = tcp(port, each_address=True, ip_family=IpFamily.V4)
        vote = await seen(tools, host, shop_at("127.0.0.2", "::1"), check)
    assert vote.outcome is Outcome.OK
    missing = await seen(tools, host, Zone({}), check)
    assert missing.detail == "shop.test does not exist or has no IPv4 address"


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "::ffff:0.0.0.0"])
async def test_a_name_that_is_blocked_does_not_stand_for_this_machine(
    tools: Tools, host: Host, address: str
) -> None:
    async with listening("127.0.0.1", "::1") as port:
        blocked = await seen(tools, host, shop_at(address), tcp(port))
        partly = await seen(tools, host, shop_at(address, "127.0.0.1"), tcp(port))
    assert blocked.outcome is Outcome.FAIL
    assert blocked.detail.endswith("which is not a host's address")
    assert (partly.outcome, partly.detail) == (
        Outcome.OK, f"connected to 127.0.0.1 port {port}",
    )  # fmt: skip


async def test_an_unspecified_address_is_no_target(tools: Tools) -> None:
    async with listening("127.0.0.1") as port:
        vote = await probe(tcp(port, address=f"0.0.0.0:{port}"), tools)
    assert vote.outcome is Outcome.FAIL


async def test_a_probe_that_reached_itself_was_refused(
    tools: Tools, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The probe's socket gets the target's port as its own, as the kernel sometimes chooses."""
    del host
    port = free_port()
    real = socket.socket.connect_ex

    def from_the_same_port(self: socket.socket, address: Any) -> int:
        self.bind((address[0], port))
        return real(self, address)

    monkeypatch.setattr(socket.socket, "connect_ex", from_the_same_port)
    for _ in range(2):  # the port is free again at once
        vote = await probe(tcp(port, address=f"127.0.0.1:{port}"), tools)
        assert (vote.outcome, vote.detail) == (
            Outcome.FAIL, f"connection refused while connecting to 127.0.0.1:{port}",
        )  # fmt: skip
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(errno.EADDRNOTAVAIL, Outcome.ABSTAIN), (errno.EMFILE, Outcome.ABSTAIN)],
)
async def test_a_shortage_of_this_node_is_an_abstention(
    tools: Tools,
    host: Host,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    outcome: Outcome,
) -> None:
    """The first address refuses, and for the second one no port is left."""
    real = socket.socket.connect_ex

    def short_of_ports(self: socket.socket, address: Any) -> int:
        return code if address[0] == "127.0.0.3" else real(self, address)

    monkeypatch.setattr(socket.socket, "connect_ex", short_of_ports)
    vote = await seen(tools, host, shop_at("127.0.0.2", "127.0.0.3"), tcp(free_port()))
    assert vote.outcome is outcome

"""The resolver of the probes: sources in the host's order, sharing, memory, and literals."""

import errno
import socket
from pathlib import Path

import pytest
import trio
import trio.testing

from qutrio.model.check_base import IpFamily
from qutrio.plumbing.clock import BootClock, TrioClock
from qutrio.probes.observations import Addresses, NoAnswer, Resolution, abstain, fail
from qutrio.probes.resolver import (
    ANSWERS_CACHED_MAX,
    FOUND_TTL_S,
    MISSING_TTL_S,
    HostResolver,
)
from tests.probes.name_servers import (
    Host,
    Reaction,
    Zone,
    address_record,
    answer,
    asked_name,
    asked_type,
    at,
    hand_made,
    record,
)
from tests.workers import free_port


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A machine that asks the name server on a loopback port."""
    return Host(tmp_path)


async def resolved(
    host: Host, react: Reaction, name: str, family: IpFamily = IpFamily.ANY
) -> Resolution:
    """Return what a new resolver finds with the help of one name server."""
    async with hand_made(react) as server:
        return await host.resolver(server.port).resolve(name, family)


SHOP = Zone({"shop.test": ["192.0.2.1", "2001:db8::1", "192.0.2.2"]})


@pytest.mark.parametrize(
    ("name", "family", "expected"),
    [
        ("127.0.0.1", IpFamily.ANY, at("127.0.0.1")),
        ("127.1", IpFamily.ANY, at("127.0.0.1")),
        ("0x7f000001", IpFamily.V4, at("127.0.0.1")),
        ("::1", IpFamily.V6, at("::1")),
        ("::1", IpFamily.V4, fail("::1 is not an IPv4 address, as the check demands")),
        ("127.1", IpFamily.V6, fail("127.0.0.1 is not an IPv6 address, as the check demands")),
        (
            "fe80::1%nosuchlink",
            IpFamily.ANY,
            abstain("fe80::1%nosuchlink names a network interface that this node does not have"),
        ),
    ],
)
async def test_literal_addresses_are_never_looked_up(
    host: Host, name: str, family: IpFamily, expected: Resolution
) -> None:
    async with hand_made(SHOP) as server:
        assert await host.resolver(server.port).resolve(name, family) == expected
    assert server.asked == []


async def test_a_literal_address_may_have_an_interface(host: Host) -> None:
    found = await host.resolver(free_port()).resolve("fe80::1%lo", IpFamily.ANY)
    assert isinstance(found, Addresses)
    assert found.endpoints[0].scope == socket.if_nametoindex("lo")


async def test_a_literal_address_is_shown_with_its_zone_and_can_be_dialled(host: Host) -> None:
    found = await host.resolver(free_port()).resolve("FE80::1%lo", IpFamily.ANY)
    assert isinstance(found, Addresses)
    (endpoint,) = found.endpoints
    assert endpoint.bracketed == "[fe80::1%lo]"
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as dialling:
        assert dialling.connect_ex(endpoint.at(9)) in {0, errno.ENETUNREACH}  # but not EINVAL


async def test_every_address_of_both_families_is_found(host: Host) -> None:
    found = await resolved(host, SHOP, "shop.test")
    assert found == at("2001:db8::1", "192.0.2.1", "192.0.2.2")
    assert await resolved(host, SHOP, "shop.test", IpFamily.V4) == at("192.0.2.1", "192.0.2.2")
    assert await resolved(host, SHOP, "Shop.Test.", IpFamily.V6) == at("2001:db8::1")


@pytest.mark.parametrize(
    ("name", "family", "words"),
    [
        ("none.test", IpFamily.ANY, "has no address"),
        ("v6.test", IpFamily.V4, "has no IPv4 address"),
        ("shop6.test", IpFamily.V6, "has no IPv6 address"),
    ],
)
async def test_a_name_without_addresses_is_a_failure(
    host: Host, name: str, family: IpFamily, words: str
) -> None:
    zone = Zone({"v6.test": ["2001:db8::1"], "shop6.test": ["192.0.2.1"]})
    assert await resolved(host, zone, name, family) == fail(f"{name} does not exist or {words}")


async def test_a_failing_name_server_is_not_yet_a_verdict(host: Host) -> None:
    found = await resolved(host, Zone({"shop.test": 2}), "shop.test")
    assert isinstance(found, NoAnswer)
    assert found.host == "shop.test"
    assert found.why.endswith("answers SERVFAIL")


async def test_the_hosts_file_comes_first_and_hides_dns(host: Host) -> None:
    host.write("hosts: files dns", "192.0.2.9 shop.test\n2001:db8::9 shop.test\n", "")
    found = await resolved(host, SHOP, "shop.test")
    assert found == at("192.0.2.9", "2001:db8::9")
    host.write("hosts: files dns", "192.0.2.9 shop.test\n", "")
    assert await resolved(host, SHOP, "shop.test", IpFamily.V6) == at("2001:db8::1")
    host.write("hosts: dns files", "192.0.2.9 shop.test\n", "")
    assert await resolved(host, SHOP, "shop.test", IpFamily.V6) == at("2001:db8::1")


async def test_the_hosts_file_answers_where_dns_fails_before_it(host: Host) -> None:
    host.write("hosts: dns files", "192.0.2.9 shop.test\n", "")
    for react in (Zone({"shop.test": 2}), Zone({})):
        assert await resolved(host, react, "shop.test") == at("192.0.2.9")


async def test_a_source_may_end_the_search(host: Host) -> None:
    host.write("hosts: dns [NOTFOUND=return] files", "192.0.2.9 shop.test\n", "")
    seen = await resolved(host, Zone({}), "shop.test")
    assert seen == fail("shop.test does not exist or has no address")
    host.write("hosts: dns [TRYAGAIN=return] files", "192.0.2.9 shop.test\n", "")
    assert isinstance(await resolved(host, Zone({"shop.test": 2}), "shop.test"), NoAnswer)


async def test_a_machine_without_dns_knows_the_names_of_its_file(host: Host) -> None:
    host.write("hosts: files", "192.0.2.9 shop.test\n", "")
    resolver = host.resolver(free_port())
    assert await resolver.resolve("shop.test", IpFamily.ANY) == at("192.0.2.9")
    missing = await resolver.resolve("other.test", IpFamily.ANY)
    assert missing == fail("other.test does not exist or has no address")
    host.write("hosts:", "", "")
    assert await host.resolver(free_port()).resolve("shop.test", IpFamily.ANY) == fail(
        "shop.test does not exist or has no address"
    )


async def test_localhost_means_both_families_whatever_the_file_says(host: Host) -> None:
    host.write("hosts: files dns", "127.0.0.1 localhost\n127.0.0.7 localhost\n", "")
    resolver = host.resolver(free_port())
    found = await resolver.resolve("localhost", IpFamily.ANY)
    assert found == at("127.0.0.1", "127.0.0.7", "::1")
    assert await resolver.resolve("localhost", IpFamily.V6) == at("::1")
    assert await resolver.resolve("www.localhost.", IpFamily.ANY) == at("::1", "127.0.0.1")


SEARCHED = Zone({"db.a.test": 2, "db.b.test": ["192.0.2.5"], "x.y": ["192.0.2.6"]})


@pytest.mark.parametrize(
    ("name", "asked", "expected"),
    [
        ("db", ["db.a.test", "db.b.test"], at("192.0.2.5")),
        ("x.y", ["x.y"], at("192.0.2.6")),
        ("x.y.", ["x.y"], at("192.0.2.6")),
        ("db.b", ["db.b", "db.b.a.test", "db.b.b.test"], None),
        ("db.", ["db"], None),
    ],
)
async def test_the_search_list_is_tried_in_order(
    host: Host, name: str, asked: list[str], expected: Resolution | None
) -> None:
    host.write("hosts: dns", "", "search a.test b.test\noptions attempts:1\n")
    async with hand_made(SEARCHED) as server:
        found = await host.resolver(server.port).resolve(name, IpFamily.V4)
    assert [asked_name(query) for query in server.asked] == asked
    assert found == expected or expected is None


async def test_a_failing_search_domain_leaves_a_name_undecided(host: Host) -> None:
    host.write("hosts: dns", "", "search a.test c.test\n")
    found = await resolved(host, SEARCHED, "db")
    assert isinstance(found, NoAnswer)
    assert found.host == "db.a.test"
    host.write("hosts: dns", "", "search test\n")
    zone = Zone({"shop.example.test": 2})
    assert await resolved(host, zone, "shop.example") == fail(
        "shop.example does not exist or has no address"
    )


async def test_a_host_that_forbids_it_is_not_asked_for_ipv6(host: Host) -> None:
    host.write("hosts: dns", "", "options no-aaaa\n")
    assert await resolved(host, SHOP, "shop.test") == at("192.0.2.1", "192.0.2.2")


async def test_rotation_spreads_look_ups_over_the_servers(host: Host) -> None:
    host.write("hosts: dns", "", "nameserver 127.0.0.2\noptions rotate\n")
    async with hand_made(SHOP) as first, hand_made(SHOP, address="127.0.0.2", port=first.port) as b:
        for number in range(40):
            await host.resolver(first.port).resolve(f"n{number}.test", IpFamily.V4)
    assert len(first.asked) >= 5
    assert len(b.asked) >= 5


@pytest.mark.parametrize("name", ["a\0b", "a b", "a" * 100 + ".test", "..", "a..b", "\\065.test"])
async def test_what_can_be_no_name_is_a_failure(host: Host, name: str) -> None:
    assert await resolved(host, SHOP, name) == fail(f"{name[:80]!r} is not a host name")


async def test_a_name_of_another_script_is_asked_for_in_its_ascii_form(host: Host) -> None:
    zone = Zone({"xn--mnchen-3ya.test": ["192.0.2.8"]})
    assert await resolved(host, zone, "m\u00fcnchen.test", IpFamily.V4) == at("192.0.2.8")


@pytest.mark.parametrize(
    ("zone_ttl_s", "name", "kept_s"),
    [
        (60, "shop.test", FOUND_TTL_S),
        (5, "shop.test", 5.0),
        (60, "none.test", MISSING_TTL_S),
    ],
)
async def test_answers_are_remembered_briefly_and_no_longer_than_dns_says(
    host: Host, zone_ttl_s: int, name: str, kept_s: float, mock_clock: trio.testing.MockClock
) -> None:
    zone = Zone({"shop.test": ["192.0.2.1"]}, zone_ttl_s)
    mock_clock.rate = 0.0
    async with hand_made(zone) as server:
        resolver = HostResolver(TrioClock(), etc=host.etc, dns_port=server.port)
        for seconds, questions in ((0.0, 1), (kept_s - 0.1, 1), (0.2, 2)):
            mock_clock.jump(seconds)
            await resolver.resolve(name, IpFamily.V4)
            assert len(server.asked) == questions


async def test_an_answer_that_may_not_be_kept_is_asked_for_again(host: Host) -> None:
    async with hand_made(Zone({"shop.test": ["192.0.2.1"]}, ttl_s=0)) as server:
        resolver = host.resolver(server.port)
        for _ in range(2):
            await resolver.resolve("shop.test", IpFamily.V4)
    assert len(server.asked) == 2


async def test_failures_that_may_be_local_are_not_remembered(host: Host) -> None:
    host.write("hosts: dns", "", "options attempts:1\n")
    async with hand_made(Zone({"shop.test": 2})) as server:
        resolver = host.resolver(server.port)
        for _ in range(2):
            assert isinstance(await resolver.resolve("shop.test", IpFamily.V4), NoAnswer)
    assert len(server.asked) == 2


async def test_memory_for_answers_is_bounded(host: Host) -> None:
    async with hand_made(Zone({})) as server:
        resolver = host.resolver(server.port)
        for number in range(ANSWERS_CACHED_MAX + 10):
            await resolver.resolve(f"h{number}.localhost", IpFamily.ANY)
    assert len(resolver._cache) == ANSWERS_CACHED_MAX


async def test_probes_of_one_name_share_one_look_up(host: Host) -> None:
    found: list[Resolution] = []
    async with hand_made(SHOP) as server:
        resolver = host.resolver(server.port)

        async def ask() -> None:
            found.append(await resolver.resolve("shop.test", IpFamily.V4))

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(ask)
    assert found == [at("192.0.2.1", "192.0.2.2")] * 20
    assert len(server.asked) == 1


async def test_a_waiting_look_up_goes_on_when_the_first_is_cancelled(host: Host) -> None:
    heard = trio.Event()

    async def on_query(query: bytes, who: tuple[str, int]) -> None:
        del query, who
        heard.set()

    async with hand_made(lambda _: []) as server, trio.open_nursery() as nursery:
        server.heard = on_query
        resolver = host.resolver(server.port)
        first = trio.CancelScope()
        found: list[Resolution] = []

        async def give_up() -> None:
            with first:
                await resolver.resolve("shop.test", IpFamily.V4)

        async def go_on() -> None:
            found.append(await resolver.resolve("shop.test", IpFamily.V4))

        nursery.start_soon(give_up)
        await heard.wait()
        nursery.start_soon(go_on)
        await trio.testing.wait_all_tasks_blocked()
        server.react = SHOP
        first.cancel()
    assert found == [at("192.0.2.1", "192.0.2.2")]


async def test_one_family_that_is_late_is_told_and_remembered_for_less(host: Host) -> None:
    def react(query: bytes) -> list[bytes]:
        return SHOP(query) if asked_type(query) == 1 else [answer(query, rcode=2)]

    async with hand_made(react) as server:
        resolver = host.resolver(server.port)
        found = await resolver.resolve("shop.test", IpFamily.ANY)
    assert isinstance(found, Addresses)
    assert (len(found.endpoints), found.unanswered) == (2, IpFamily.V6)
    assert resolver._cache["shop.test", IpFamily.ANY].until <= BootClock().now() + MISSING_TTL_S


async def test_an_alias_leads_to_the_addresses(host: Host) -> None:
    def react(query: bytes) -> list[bytes]:
        alias = record(5, b"\x03web\xc0\x0c")
        return [answer(query, alias, address_record("192.0.2.4", owner=b"\x03web\xc0\x0c"))]

    assert await resolved(host, react, "shop.test", IpFamily.V4) == at("192.0.2.4")

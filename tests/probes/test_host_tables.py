"""The host's settings for look-ups: what each line of the four files means."""

import socket
from pathlib import Path

import pytest
import trio
import trio.testing

from qutrio.probes.dns.host_settings import POLL_S, SettingsFiles
from qutrio.probes.dns.host_tables import HostsFile, Source, parse_multi, parse_nsswitch
from qutrio.probes.dns.resolv_conf import parse_resolv_conf

RETURNS_ON_SUCCESS = frozenset({"success"})


def servers(text: str) -> list[str]:
    return [server.endpoint.address for server in parse_resolv_conf(text).servers]


def test_servers_are_asked_in_their_order_and_no_more_than_three() -> None:
    lines = "".join(f"nameserver 192.0.2.{n}\n" for n in range(1, 6))
    assert servers(lines) == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "nameserver\n", "nameserver dns.example\n"])
def test_without_a_server_this_machine_itself_is_asked(text: str) -> None:
    assert servers(text) == ["127.0.0.1"]


def test_a_server_may_have_an_interface() -> None:
    (server,) = parse_resolv_conf("nameserver fe80::1%lo\n").servers
    assert server.endpoint.at(53) == ("fe80::1%lo", 53, 0, socket.if_nametoindex("lo"))
    (server,) = parse_resolv_conf("nameserver fe80::1%7\n").servers
    assert server.endpoint.scope == 7
    (server,) = parse_resolv_conf("nameserver fe80::1%nosuchlink\n").servers
    assert server.endpoint.scope == 0


def test_comments_and_indented_or_unknown_lines_are_passed_over() -> None:
    text = "; nameserver 192.0.2.9\n#nameserver 192.0.2.8\n nameserver 192.0.2.7\nsortlist 1\n\n"
    assert servers(text + "nameserver 192.0.2.1 # here\n") == ["192.0.2.1"]


def test_options_are_read_and_kept_within_the_c_librarys_bounds() -> None:
    read = parse_resolv_conf("options ndots:3 timeout:2\noptions attempts:4 rotate edns0 use-vc\n")
    assert (read.ndots, read.timeout_s, read.attempts) == (3, 2.0, 4)
    assert (read.rotate, read.edns, read.tcp, read.single, read.no_aaaa) == (
        True, True, True, False, False,
    )  # fmt: skip
    read = parse_resolv_conf(
        "options ndots:99999 timeout:999 attempts:99 single-request no-aaaa x:y\n"
    )
    assert (read.ndots, read.timeout_s, read.attempts) == (15, 30.0, 5)
    assert (read.single, read.no_aaaa) == (True, True)
    read = parse_resolv_conf("options timeout:0 attempts:0\n")
    assert (read.timeout_s, read.attempts) == (1.0, 1)


@pytest.mark.parametrize(
    ("text", "hostname", "search"),
    [
        ("search a.example B.example.\n", "n1", ("a.example", "b.example")),
        ("domain a.example\n", "n1", ("a.example",)),
        ("domain a.example\nsearch b.example\n", "n1", ("b.example",)),
        ("search b.example\ndomain a.example\n", "n1", ("a.example",)),
        ("", "n1.site.example", ("site.example",)),
        ("search\n", "n1.site.example", ()),
        ("", "n1", ()),
    ],
)
def test_the_last_word_on_the_search_list_counts(
    text: str, hostname: str, search: tuple[str, ...]
) -> None:
    assert parse_resolv_conf(text, hostname).search == search


@pytest.mark.parametrize(
    ("host", "ndots", "candidates"),
    [
        ("shop.example", 1, ("shop.example", "shop.example.a.test", "shop.example.b.test")),
        ("shop.example.", 1, ("shop.example",)),
        ("shop", 1, ("shop.a.test", "shop.b.test", "shop")),
        ("shop.example", 2, ("shop.example.a.test", "shop.example.b.test", "shop.example")),
    ],
)
def test_a_name_with_too_few_dots_is_searched_first(
    host: str, ndots: int, candidates: tuple[str, ...]
) -> None:
    read = parse_resolv_conf(f"search a.test b.test\noptions ndots:{ndots}\n")
    assert read.candidates(host) == candidates


def test_sources_are_asked_in_the_order_of_nsswitch() -> None:
    text = "passwd: files\nhosts:\tfiles mdns4_minimal [NOTFOUND=return] dns # x\n"
    assert parse_nsswitch(text) == (
        Source("files"),
        Source("mdns4_minimal", frozenset({"success", "notfound"})),
        Source("dns"),
    )


def test_a_negated_status_stands_for_the_others() -> None:
    (resolve, files) = parse_nsswitch("hosts: resolve [!UNAVAIL=return] files\n")
    assert resolve.returns == {"success", "notfound", "tryagain"}
    assert files.returns == RETURNS_ON_SUCCESS


def test_a_search_can_go_on_after_a_success_and_add_to_it() -> None:
    (files, dns) = parse_nsswitch("hosts: files [SUCCESS=merge] dns [SUCCESS=continue]\n")
    assert (files.returns, files.merges) == (frozenset(), True)
    assert (dns.returns, dns.merges) == (frozenset(), False)


def test_without_a_line_for_hosts_the_file_comes_before_dns() -> None:
    assert parse_nsswitch("passwd: files\n") == (Source("files"), Source("dns"))
    assert parse_nsswitch("hosts:\n") == ()
    assert parse_nsswitch("hosts: [NOTFOUND=return] dns\n") == (Source("dns"),)


@pytest.mark.parametrize(
    ("text", "multi"),
    [("", False), ("multi on\n", True), ("MULTI ON # yes\n", True), ("multi off\n", False),
     ("multi\n", False), ("order hosts,bind\n", False)],
)  # fmt: skip
def test_host_conf_says_whether_a_name_may_have_several_lines(text: str, *, multi: bool) -> None:
    assert parse_multi(text) is multi


HOSTS = b"""\
127.0.0.1\tlocalhost
192.0.2.1 shop.example Shop # www.example
2001:db8::1 shop.example
fe80::1%lo link.example
fe80::2%nosuchlink link.example
not-an-address odd.example
#192.0.2.7 gone.example
192.0.2.3 myshop.example shop.example.org
192.0.2.1 again.example again.example
192.0.2.1 again.example"""


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("shop.example", ["192.0.2.1", "2001:db8::1"]),
        ("SHOP", ["192.0.2.1"]),
        ("link.example", ["fe80::1%lo"]),
        ("again.example", ["192.0.2.1"]),
        ("www.example", []),
        ("odd.example", []),
        ("gone.example", []),
        ("example", []),
        ("192.0.2.1", []),
        ("", []),
    ],
)
def test_a_name_is_found_as_a_whole_word_of_a_line(host: str, addresses: list[str]) -> None:
    assert [endpoint.address for endpoint in HostsFile(HOSTS).find(host)] == addresses


async def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    files = SettingsFiles(tmp_path, poll_s=0.0)
    before = await files.current()
    assert [server.endpoint.address for server in before.resolv.servers] == ["127.0.0.1"]
    assert await files.current() is before
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.1\n")
    (tmp_path / "hosts").write_text("192.0.2.2 shop.example\n")
    after = await files.current()
    assert [server.endpoint.address for server in after.resolv.servers] == ["192.0.2.1"]
    assert after.hosts.find("shop.example")
    (tmp_path / "new").write_text("nameserver 192.0.2.3\n")
    (tmp_path / "new").rename(tmp_path / "resolv.conf")
    assert (await files.current()).resolv.servers[0].endpoint.address == "192.0.2.3"
    (tmp_path / "hosts").unlink()
    assert (await files.current()).hosts.find("shop.example") == []


async def test_changes_are_looked_for_once_in_a_while(
    tmp_path: Path, mock_clock: trio.testing.MockClock
) -> None:
    files = SettingsFiles(tmp_path)
    await files.current()
    (tmp_path / "hosts").write_text("192.0.2.2 shop.example\n")
    assert not (await files.current()).hosts.find("shop.example")
    mock_clock.jump(POLL_S)
    assert (await files.current()).hosts.find("shop.example")


async def test_a_change_is_read_once_for_all_who_wait(tmp_path: Path) -> None:
    files = SettingsFiles(tmp_path)
    (tmp_path / "hosts").write_text("192.0.2.2 shop.example\n")
    seen = []

    async def look() -> None:
        seen.append(await files.current())

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(look)
    assert len({id(settings.hosts) for settings in seen}) == 1
    assert seen[0].hosts.find("shop.example"), "nobody gets settings that were not read yet"


async def test_a_file_that_cannot_be_read_means_nothing(tmp_path: Path) -> None:
    (tmp_path / "hosts").mkdir()
    assert (await SettingsFiles(tmp_path).current()).hosts.find("shop.example") == []

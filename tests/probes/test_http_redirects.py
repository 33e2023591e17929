"""Redirects lead where a browser would go, whatever bytes Location holds."""

from typing import Any
from urllib.parse import urlsplit

import pytest
import trio
from attrs import evolve

from qutrio.model.checks import HttpCheck
from qutrio.model.ids import CheckId
from qutrio.model.results import Outcome
from qutrio.model.urls import host_to_dial
from qutrio.probes.http import probe_http
from qutrio.probes.http_redirect import next_url
from qutrio.probes.http_request import host_field, redirected
from qutrio.probes.interface import Tools
from tests.probes.servers import OneAddress, answering, read_head, served

BASE = urlsplit("http://a.test:81/dir/page?q=1#top")
OK_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.parametrize(
    ("location", "url"),
    [
        (b"/x", "http://a.test:81/x"),
        (b"x", "http://a.test:81/dir/x"),
        (b"../x", "http://a.test:81/x"),
        (b"?x=1", "http://a.test:81/dir/page?x=1"),
        (b"#x", "http://a.test:81/dir/page?q=1#x"),
        (b"//b.test/x", "http://b.test/x"),
        (b"https://b.test/x", "https://b.test/x"),
        (b"HTTPS://b.test/x", "https://b.test/x"),
        (b" \t /x \r", "http://a.test:81/x"),
        (b"/a\tb", "http://a.test:81/ab"),
        (b"/a b", "http://a.test:81/a%20b"),
        (b"/a%20b%", "http://a.test:81/a%20b%"),
        (b"\\x", "http://a.test:81/x"),
        (b"\\\\b.test\\x", "http://b.test/x"),
        (b"http:\\\\b.test\\x?a=\\", "http://b.test/x?a=%5C"),
        (b"///b.test/x", "http://b.test/x"),
        (b"http:///b.test/x", "http://b.test/x"),
        (b"https:/b.test/x", "https://b.test/x"),
        (b"https:b.test/x", "https://b.test/x"),
        (b"?", "http://a.test:81/dir/page"),
        (b"?#x", "http://a.test:81/dir/page"),
        (b"http://b.test/./c/../d/.", "http://b.test/d/"),
        (b"http://b.test/../../d/..", "http://b.test/"),
        (b"/a/%2e%2E/c//./d", "http://a.test:81/c//d"),
        (b"http://b.test?x#y", "http://b.test?x#y"),
        (b"http://XN--mnchen-3ya.test/", "http://XN--mnchen-3ya.test/"),
        (b"http:x", "http://a.test:81/dir/x"),
        (b"http:/x", "http://a.test:81/x"),
        (b"/?to=http://b.test/", "http://a.test:81/?to=http://b.test/"),
        ("http://münchen.test/".encode(), "http://xn--mnchen-3ya.test/"),
        ("http://münchen.test/".encode("latin-1"), "http://xn--mnchen-3ya.test/"),
        (b"//m%C3%BCnchen.test/", "http://xn--mnchen-3ya.test/"),
        ("/straße?ü".encode(), "http://a.test:81/stra%C3%9Fe?%C3%BC"),
        ("/straße".encode("latin-1"), "http://a.test:81/stra%DFe"),
        ("//münchen.test/straße".encode("latin-1"), "http://xn--mnchen-3ya.test/stra%DFe"),
    ],
)
def test_a_location_leads_where_a_browser_would_go(location: bytes, url: str) -> None:
    assert next_url(BASE, location).geturl() == url


@pytest.mark.parametrize(
    "location",
    [b"http://[::1", b"http://a%00\xc3\xbc/", b"http://%ff/", b"//", b"///", b"https:", b"\\\\"],
)
def test_a_location_that_is_no_url_is_an_error(location: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        next_url(BASE, location)


@pytest.mark.parametrize(
    ("url", "host", "shown"),
    [
        ("http://[fe80::77%25d0]:8085/", "fe80::77%d0", "[fe80::77]:8085"),
        ("http://[fe80::77%d0]:8085/", "fe80::77%d0", "[fe80::77]:8085"),
        ("http://[FE80::77%25Eth0]/", "fe80::77%Eth0", "[fe80::77]"),
        ("http://[::1]/", "::1", "[::1]"),
        ("http://Example.ORG:80/", "example.org", "example.org"),
    ],
)
def test_a_zone_is_dialled_and_never_told_to_the_server(url: str, host: str, shown: str) -> None:
    parts = urlsplit(url)
    assert (host_to_dial(parts), host_field(parts)) == (host, shown)


async def test_a_redirect_to_an_internationalized_host_is_followed(tools: Tools) -> None:
    heard = []

    async def site(stream: trio.abc.Stream) -> None:
        heard.append(await read_head(stream))
        await stream.send_all(OK_ANSWER)

    async with served(site) as port:
        location = f"http://münchen.test:{port}/straße".encode()
        answer = b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"
        async with served(answering(answer)) as start:
            seen = await probe_http(
                HttpCheck(id=CheckId("c1"), name="web", url=f"http://a.test:{start}/"),
                evolve(tools, resolver=OneAddress()),
            )
    assert (seen.outcome, seen.detail) == (Outcome.OK, "HTTP 200 after 1 redirect")
    assert heard[0].startswith(b"GET /stra%C3%9Fe HTTP/1.1\r\n")
    assert f"\r\nHost: xn--mnchen-3ya.test:{port}\r\n".encode() in heard[0]


async def test_an_empty_location_is_no_redirect(tools: Tools) -> None:
    async with served(answering(b"HTTP/1.1 302 Found\r\nLocation:\r\n\r\n")) as port:
        check = HttpCheck(id=CheckId("c1"), name="web", url=f"http://127.0.0.1:{port}/")
        seen = await probe_http(check, tools)
    assert seen.detail == "HTTP 302, expected 200-299"


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (302, "PUT", "PUT"),
        (301, "DELETE", "DELETE"),
        (303, "HEAD", "HEAD"),
        (302, "GET", "GET"),
        (303, "GET", "GET"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
    ],
)
def test_the_method_after_a_redirect_is_that_of_a_browser(
    status: int, method: str, then: str
) -> None:
    own = (("Content-Type", "text/xml"), ("X-Own", "1"))
    check = HttpCheck(
        id=CheckId("c1"), name="web", url="http://a.test/", method=method, body="hi", headers=own
    )
    after = redirected(check, status)
    assert after.method == then
    kept = then == method
    assert (after.body, after.headers) == (("hi", own) if kept else (None, own[1:]))


@pytest.mark.parametrize(
    "secret",
    [
        {"bearer_token": "hush"},
        {"basic_user": "hush", "basic_password": "hush"},
        {"headers": (("Cookie", "hush"), ("Authorization", "hush"), ("X-Own", "hush"))},
    ],
)
@pytest.mark.parametrize("place", ["http://b.test:{}/", "http://sub.a.test:{}/", "//a.test:{}/"])
async def test_no_credential_goes_to_another_origin(
    tools: Tools, secret: dict[str, Any], place: str
) -> None:
    heard = []

    async def foreign(stream: trio.abc.Stream) -> None:
        heard.append(await read_head(stream))
        await stream.send_all(OK_ANSWER)

    async with served(foreign) as port:
        location = place.format(port).encode()
        away = b"HTTP/1.1 307 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"
        async with served(answering(away)) as start:
            url = f"http://a.test:{start}/"
            check = HttpCheck(id=CheckId("c1"), name="web", url=url, **secret)
            await probe_http(check, evolve(tools, resolver=OneAddress()))
    assert heard
    assert b"hush" not in heard[0]
    assert b"aHVzaDpodXNo" not in heard[0]

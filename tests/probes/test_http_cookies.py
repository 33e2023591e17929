"""Cookies that a redirect sets go back to the same site within the probe, and nowhere else."""

from urllib.parse import urlsplit

import pytest
import trio
from attrs import evolve

from qutrio.model.checks import HttpCheck
from qutrio.model.ids import CheckId, UnixTime
from qutrio.model.results import Outcome
from qutrio.probes.http import probe_http
from qutrio.probes.http_cookies import (
    COOKIE_BYTES_MAX,
    COOKIES_MAX,
    COOKIES_SENT_BYTES_MAX,
    CookieJar,
)
from qutrio.probes.interface import Tools
from tests.probes.servers import Handler, OneAddress, read_head, served

NOW = UnixTime(1_800_000_000.0)


async def sent(url: str, *fields: bytes, set_by: str = "http://www.a.test/dir/page") -> bytes:
    """Return what is sent to `url` after `set_by` answered with these values of Set-Cookie."""
    jar = CookieJar()
    jar.store(fields, urlsplit(set_by), NOW)
    return await jar.cookies_for(urlsplit(url))


@pytest.mark.parametrize(
    ("field", "url"),
    [
        (b"a=1", "http://www.a.test/dir/"),
        (b"a=1", "http://WWW.a.test:8080/dir/x"),
        (b"a=1", "https://www.a.test/dir/"),
        (b" a = 1 ; Path = /", "http://www.a.test/"),
        (b"a=1; path=/x", "http://www.a.test/x"),
        (b"a=1; path=/x", "http://www.a.test/x/y"),
        (b"a=1; path=x", "http://www.a.test/dir/"),
        (b"a=1; path=/; domain=a.test", "http://a.test/"),
        (b"a=1; path=/; domain=.A.test", "http://www.a.test/"),
        (b"a=1; path=/; domain=a.test", "http://app.a.test/"),
        (b"a=1; path=/; domain=www.a.test", "http://x.www.a.test/"),
        (b"a=1; path=/; domain=", "http://www.a.test/"),
        (b"a=1; path=/; max-age=60; expires=Thu, 01 Jan 1970 00:00:00 GMT", "http://www.a.test/"),
        (b"a=1; path=/; expires=Fri, 01-Jan-2038 00:00:00 GMT", "http://www.a.test/"),
        (b"a=1; path=/; expires=whenever", "http://www.a.test/"),
        (b"a=1; path=/; max-age=soon; HttpOnly; SameSite=Strict", "http://www.a.test/"),
    ],
)
async def test_a_cookie_goes_back_to_its_site(field: bytes, url: str) -> None:
    assert await sent(url, field) == b"a=1"


@pytest.mark.parametrize(
    ("field", "url"),
    [
        (b"a=1; path=/", "http://a.test/"),
        (b"a=1; path=/", "http://x.www.a.test/"),
        (b"a=1; path=/", "http://b.test/"),
        (b"a=1", "http://www.a.test/"),
        (b"a=1", "http://www.a.test/directory"),
        (b"a=1; path=/x", "http://www.a.test/xy"),
        (b"a=1; path=/; domain=b.test", "http://b.test/"),
        (b"a=1; path=/; domain=x.www.a.test", "http://x.www.a.test/"),
        (b"a=1; path=/; domain=ww.a.test", "http://www.a.test/"),
        (b"a=1; path=/; domain=test", "http://b.test/"),
        (b"a=1; path=/; domain=test", "http://test/"),
        (b"a=1; path=/; max-age=0", "http://www.a.test/"),
        (b"a=1; path=/; max-age=-1", "http://www.a.test/"),
        (b"a=1; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT", "http://www.a.test/"),
        (b"a=1; path=/; expires=Thu, 01-Jan-70 00:00:00 GMT", "http://www.a.test/"),
        (b"a=1; path=/; secure", "http://www.a.test/"),
        (b"a=1; path=/; secure", "https://www.a.test/"),
        (b"__Host-a=1; path=/", "http://www.a.test/"),
        (b"__Secure-a=1; path=/", "http://www.a.test/"),
        (b"a=\x011; path=/", "http://www.a.test/"),
        (b"=; path=/", "http://www.a.test/"),
        (b"a=" + b"1" * COOKIE_BYTES_MAX + b"; path=/", "http://www.a.test/"),
        (b"", "http://www.a.test/"),
    ],
)
async def test_a_cookie_goes_nowhere_else(field: bytes, url: str) -> None:
    assert await sent(url, field) == b""


@pytest.mark.parametrize(
    ("set_by", "domain", "url"),
    [
        ("http://a.github.io/", b"github.io", "http://b.github.io/"),
        ("http://a.co.uk/", b"co.uk", "http://b.co.uk/"),
        ("http://a.co.uk/", b"uk", "http://b.co.uk/"),
        ("http://127.0.0.1/", b"0.0.1", "http://1.0.0.1/"),
        ("http://[::1]/", b"1", "http://[::1]:81/"),
    ],
)
async def test_a_domain_that_many_share_gets_no_cookie(
    set_by: str, domain: bytes, url: str
) -> None:
    assert await sent(url, b"a=1; path=/; domain=" + domain, set_by=set_by) == b""


async def test_secure_cookies_stay_within_tls() -> None:
    fields = (b"a=1; secure", b"__Host-b=2; secure; path=/", b"__Secure-c=3; secure")
    at = "https://www.a.test/"
    assert await sent("https://www.a.test/", *fields, set_by=at) == b"a=1; __Host-b=2; __Secure-c=3"
    assert await sent("http://www.a.test/", *fields, set_by=at) == b""


async def test_a_later_cookie_replaces_one_of_the_same_name_and_longer_paths_go_first() -> None:
    fields = (b"a=1; path=/", b"b=2; path=/dir", b"a=3; path=/", b"=4; path=/", b"5; path=/dir")
    assert await sent("http://www.a.test/dir/", *fields) == b"b=2; 5; a=3; 4"


async def test_a_cookie_that_expires_is_taken_back() -> None:
    assert await sent("http://www.a.test/", b"a=1; path=/", b"a=; path=/; max-age=0") == b""


async def test_cookies_are_bounded_in_number_and_size() -> None:
    many = [b"%d=x; path=/" % number for number in range(COOKIES_MAX + 9)]
    assert (await sent("http://www.a.test/", *many)).count(b"=") == COOKIES_MAX
    large = [b"%d=%s; path=/" % (n, b"x" * 4000) for n in range(9)]
    assert len(await sent("http://www.a.test/", *large)) <= COOKIES_SENT_BYTES_MAX


def login(heard: list[bytes]) -> Handler:
    """Return a site that sends everyone who has no cookie to a page that sets one."""

    async def handler(stream: trio.abc.Stream) -> None:
        request = await read_head(stream)
        heard.append(request)
        if b"\r\nCookie: " in request and b"seen=1" in request:
            await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        else:
            cookies = b"Set-Cookie: seen=1; Path=/; HttpOnly\r\nSet-Cookie: lang=d\xe9; Path=/\r\n"
            await stream.send_all(
                b"HTTP/1.1 302 Found\r\n" + cookies + b"Location: /\r\nContent-Length: 0\r\n\r\n"
            )

    return handler


async def test_a_page_that_wants_its_cookie_back_is_up(tools: Tools) -> None:
    heard: list[bytes] = []
    async with served(login(heard)) as port:
        check = HttpCheck(id=CheckId("c1"), name="web", url=f"http://127.0.0.1:{port}/")
        seen = await probe_http(check, tools)
        again = await probe_http(evolve(check, headers=(("cookie", "own=1"),)), tools)
    assert (seen.outcome, seen.detail) == (Outcome.OK, "HTTP 200 after 1 redirect")
    assert again.outcome is Outcome.OK
    first, second, third, fourth = heard
    assert b"Cookie" not in first
    assert b"\r\nCookie: seen=1; lang=d\xe9\r\n" in second
    assert b"\r\ncookie: own=1\r\n" in third, "nothing is kept between two probes"
    assert b"\r\nCookie: own=1; seen=1; lang=d\xe9\r\n" in fourth


async def test_another_site_never_sees_the_cookie(tools: Tools) -> None:
    heard: list[bytes] = []

    async def foreign(stream: trio.abc.Stream) -> None:
        heard.append(await read_head(stream))
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with served(foreign) as port:

        async def home(stream: trio.abc.Stream) -> None:
            await read_head(stream)
            await stream.send_all(
                b"HTTP/1.1 302 Found\r\nSet-Cookie: seen=1; Path=/; Domain=test\r\n"
                b"Set-Cookie: own=1; Path=/\r\n"
                b"Location: http://b.test:%d/\r\nContent-Length: 0\r\n\r\n" % port
            )

        async with served(home) as start:
            check = HttpCheck(id=CheckId("c1"), name="web", url=f"http://a.test:{start}/")
            seen = await probe_http(check, evolve(tools, resolver=OneAddress()))
    assert seen.outcome is Outcome.OK
    assert b"ookie" not in heard[0]

"""The HTTP prober against a real web server."""

from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve

from qutrio.model.check_base import IpFamily
from qutrio.model.checks import HttpCheck, StatusRange
from qutrio.model.ids import CheckId
from qutrio.model.results import Outcome
from qutrio.probes.http import probe_http
from qutrio.probes.interface import Tools
from qutrio.probes.observations import fail
from qutrio.probes.resolver import HostResolver
from tests.probes.conftest import Nginx
from tests.probes.servers import answering, read_head, served
from tests.workers import free_port

OK_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def http(url: str, **changes: Any) -> HttpCheck:
    check = HttpCheck(id=CheckId("c1"), name="web", url=url, timeout_s=10.0)
    return evolve(check, **changes)


async def test_an_expected_status_is_ok_with_a_latency(tools: Tools, nginx: Nginx) -> None:
    seen = await probe_http(http(nginx.url("/")), tools)
    assert (seen.outcome, seen.detail) == (Outcome.OK, "HTTP 200")
    assert seen.latency_ms is not None
    assert 0 < seen.latency_ms < 10_000


async def test_an_unexpected_status_is_a_failure_that_names_both(
    tools: Tools, nginx: Nginx
) -> None:
    seen = await probe_http(http(nginx.url("/status/503")), tools)
    assert seen.outcome is Outcome.FAIL
    assert seen.detail == "HTTP 503, expected 200-299"


async def test_a_verified_tls_target_is_ok(tools: Tools, nginx: Nginx) -> None:
    seen = await probe_http(http(nginx.tls_url("/"), ip_family=IpFamily.V4), tools)
    assert (seen.outcome, seen.detail) == (Outcome.OK, "HTTP 200")


async def test_redirects_are_followed_and_told(tools: Tools, nginx: Nginx) -> None:
    seen = await probe_http(http(nginx.url("/moved")), tools)
    assert (seen.outcome, seen.detail) == (Outcome.OK, "HTTP 200 after 1 redirect")


async def test_a_site_that_wants_its_cookie_back_is_up(tools: Tools, nginx: Nginx) -> None:
    check = http(nginx.tls_url("/door"), ip_family=IpFamily.V4, body_contains="welcome back")
    seen = await probe_http(check, tools)
    assert (seen.outcome, seen.detail) == (Outcome.OK, "HTTP 200 after 1 redirect")


async def test_a_redirect_loop_ends_after_the_allowed_number(tools: Tools, nginx: Nginx) -> None:
    seen = await probe_http(http(nginx.url("/loop"), redirects_max=3), tools)
    assert (seen.outcome, seen.detail) == (Outcome.FAIL, "more than 3 redirects")


async def test_an_expected_redirect_is_not_followed(tools: Tools, nginx: Nginx) -> None:
    check = http(nginx.url("/loop"), expect_status=(StatusRange(302, 302),))
    assert (await probe_http(check, tools)).detail == "HTTP 302"


async def test_without_redirects_allowed_the_redirect_itself_is_judged(
    tools: Tools, nginx: Nginx
) -> None:
    seen = await probe_http(http(nginx.url("/moved"), redirects_max=0), tools)
    assert (seen.outcome, seen.detail) == (Outcome.FAIL, "HTTP 302, expected 200-299")


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"body_contains": "all is well"}, Outcome.OK),
        ({"body_contains": "on fire"}, Outcome.FAIL),
        ({"body_not_contains": "on fire"}, Outcome.OK),
        ({"body_not_contains": "is well"}, Outcome.FAIL),
        ({"body_regex": r"^all\s+is"}, Outcome.OK),
        ({"body_regex": r"^is"}, Outcome.FAIL),
    ],
)
async def test_body_patterns_decide(
    tools: Tools, nginx: Nginx, changes: dict[str, Any], outcome: Outcome
) -> None:
    assert (await probe_http(http(nginx.url("/"), **changes), tools)).outcome is outcome


async def test_a_compressed_body_is_read(tools: Tools, nginx: Nginx) -> None:
    asks = (("Accept-Encoding", "gzip"),)
    check = http(nginx.url("/"), headers=asks, body_contains="all is well")
    assert (await probe_http(check, tools)).outcome is Outcome.OK


async def test_credentials_headers_and_host_reach_the_target(tools: Tools, nginx: Nginx) -> None:
    check = http(
        nginx.url("/echo"),
        headers=(("X-Own", "yes"), ("Host", "shop.example")),
        basic_user="me",
        basic_password="secret",
        body_contains="GET Basic bWU6c2VjcmV0 yes shop.example",
    )
    assert (await probe_http(check, tools)).outcome is Outcome.OK


async def test_a_head_request_does_not_wait_for_a_body(tools: Tools, nginx: Nginx) -> None:
    assert (await probe_http(http(nginx.url("/"), method="HEAD"), tools)).outcome is Outcome.OK


async def test_a_refused_connection_says_so(tools: Tools) -> None:
    port = free_port()
    seen = await probe_http(http(f"http://127.0.0.1:{port}/"), tools)
    assert (seen.outcome, seen.latency_ms) == (Outcome.FAIL, None)
    assert seen.detail == f"connection refused while connecting to 127.0.0.1:{port}"


async def test_a_name_that_does_not_exist_is_a_failure(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "nsswitch.conf").write_text("hosts: files\n")
    lonely = evolve(tools, resolver=HostResolver(tools.clock, etc=tmp_path))
    seen = await probe_http(http("http://shop.example/"), lonely)
    assert seen == fail("shop.example does not exist or has no address")


async def test_a_switch_of_protocols_is_an_unexpected_status(tools: Tools) -> None:
    answer = b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
    async with served(answering(answer)) as port:
        seen = await probe_http(http(f"http://127.0.0.1:{port}/"), tools)
    assert (seen.outcome, seen.detail) == (Outcome.FAIL, "HTTP 101, expected 200-299")


async def test_a_posted_body_arrives_whole(tools: Tools) -> None:
    heard = []

    async def handler(stream: trio.abc.Stream) -> None:
        heard.append(await read_head(stream))
        await stream.send_all(OK_ANSWER)

    async with served(handler) as port:
        check = http(f"http://127.0.0.1:{port}/a?b=c", method="POST", body="grüße")
        assert (await probe_http(check, tools)).outcome is Outcome.OK
    assert heard[0].startswith(b"POST /a?b=c HTTP/1.1\r\n")
    assert b"Content-Length: 7\r\n" in heard[0]
    assert heard[0].endswith("grüße".encode())


async def test_no_secret_follows_a_redirect_to_another_server(tools: Tools) -> None:
    heard = []

    async def foreign(stream: trio.abc.Stream) -> None:
        heard.append(await read_head(stream))
        await stream.send_all(OK_ANSWER)

    async with served(foreign) as port:
        away = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{port}/x\r\n\r\n".encode()
        async with served(answering(away)) as home:
            check = http(
                f"http://127.0.0.1:{home}/",
                headers=(("X-Api-Key", "hush"), ("User-Agent", "monitor")),
                bearer_token="hush",
            )
            assert (await probe_http(check, tools)).outcome is Outcome.OK
    assert b"hush" not in heard[0]
    assert b"User-Agent: monitor\r\n" in heard[0]


@pytest.mark.parametrize(
    ("location", "detail"),
    [
        (b"ftp://127.0.0.1/", "redirected to 'ftp', which is not followed"),
        (b"http://[::1", "redirected to something that is not a URL"),
        (b"http://h:99999/", "redirected to something that is not a URL"),
        (b"/" + b"a" * 3000, "redirected to a URL that is too long"),
    ],
)
async def test_a_redirect_to_nowhere_is_a_failure(
    tools: Tools, location: bytes, detail: str
) -> None:
    answer = b"HTTP/1.1 301 Moved\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"
    async with served(answering(answer)) as port:
        seen = await probe_http(http(f"http://127.0.0.1:{port}/"), tools)
    assert (seen.outcome, seen.detail) == (Outcome.FAIL, detail)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK_ANSWER,
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloAND MORE",
    ],
    ids=["interim", "until-close", "bare-line-feeds", "chunked", "trailing-bytes"],
)
async def test_every_ordinary_framing_is_understood(tools: Tools, answer: bytes) -> None:
    async with served(answering(answer)) as port:
        check = http(f"http://127.0.0.1:{port}/", body_regex="^hello$")
        seen = await probe_http(check, tools)
    assert (seen.outcome, seen.detail) == (Outcome.OK, "HTTP 200")


@pytest.mark.parametrize(
    ("charset", "body"),
    [
        ("", "grüße".encode()),
        ("; charset=ISO-8859-1", "grüße".encode("latin-1")),
        ('; charset="windows-1252"', "grüße".encode("cp1252")),
        ("; charset=no-such-thing", "grüße".encode()),
    ],
)
async def test_the_charset_of_the_answer_is_honoured(
    tools: Tools, charset: str, body: bytes
) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain{charset}\r\n\r\n".encode()
    async with served(answering(head + body)) as port:
        check = http(f"http://127.0.0.1:{port}/", body_contains="grüße")
        assert (await probe_http(check, tools)).outcome is Outcome.OK

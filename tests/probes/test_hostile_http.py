"""The HTTP prober against hostile servers: bounded time, bounded memory, clear sentences."""

import re
import zlib
from typing import Any

import pytest
import trio
from attrs import evolve

from qutrio.model.checks import HttpCheck
from qutrio.model.ids import CheckId
from qutrio.model.results import Outcome
from qutrio.probes.http import probe_http
from qutrio.probes.http_answer import PIECES_MIN, HttpResponse
from qutrio.probes.http_body import Body
from qutrio.probes.interface import Tools
from qutrio.probes.observations import Observation
from tests.patience import HANG_S
from tests.probes.servers import Handler, answering, endless, read_head, served, silent

SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

LACKING = "HTTP 200, but the body lacks the text of body_contains in its first"


async def seen_of(handler: Handler, tools: Tools, **changes: Any) -> Observation:
    """Probe a server of this kind once, with a timeout that only a bug would reach."""
    async with served(handler) as port:
        check = HttpCheck(id=CheckId("c1"), name="web", url=f"http://127.0.0.1:{port}/")
        with trio.fail_after(HANG_S):
            return await probe_http(evolve(check, timeout_s=30.0, **changes), tools)


@pytest.mark.parametrize(
    ("handler", "detail"),
    [
        (endless(b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"a" * 900 + b"\r\n"), "headers are longer"),
        (endless(b"HTTP/1.1 200 OK\r\n", b"A:\r\n" * 64), "more than 256 headers"),
        (endless(b"HTTP/1.1 200 OK\r\nX: ", b"a" * 4096), "headers are longer than 64 KiB"),
        (endless(b"HTTP/1.1 200 ", b"a" * 4096), "headers are longer than 64 KiB"),
        (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "more than 8 interim answers"),
        (endless(b"", bytes(range(256))), "not a valid HTTP answer"),
        (answering(b"SSH-2.0-OpenSSH_9.2\r\n"), "not a valid HTTP answer"),
        (answering(SHORT), "in the middle of its answer"),
        (answering(CHUNKED + b"5\r\nhel"), "in the middle of its answer"),
        (answering(CHUNKED + b"nonsense\r\n"), "not a valid HTTP answer"),
        (answering(b"HTTP/1.1 200 OK\r\nX: "), "in the middle of the headers"),
        (answering(b""), "without an answer"),
        (
            answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
            "not a valid HTTP answer",
        ),
    ],
    ids=[
        "endless-headers", "header-count", "endless-value", "endless-reason", "endless-interim",
        "binary", "ssh", "short-body", "short-chunk", "bad-chunk", "short-head", "empty",
        "two-lengths",
    ],
)  # fmt: skip
async def test_a_broken_answer_is_a_failure_with_a_sentence(
    tools: Tools, handler: Handler, detail: str
) -> None:
    seen = await seen_of(handler, tools)
    assert seen.outcome is Outcome.FAIL
    assert detail in seen.detail


async def test_an_endless_body_is_read_up_to_its_limit_and_judged(tools: Tools) -> None:
    handler = endless(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 65536)
    seen = await seen_of(handler, tools, body_bytes_max=100_000)
    assert (seen.outcome, seen.detail) == (Outcome.OK, "HTTP 200")


async def test_what_lies_beyond_the_limit_is_not_found_and_the_vote_says_so(tools: Tools) -> None:
    body = b"a" * 5000 + b"needle"
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    seen = await seen_of(answering(head + body), tools, body_contains="needle", body_bytes_max=5000)
    assert seen.outcome is Outcome.FAIL
    assert (
        seen.detail
        == "HTTP 200, but the body lacks the text of body_contains in its first 5000 bytes"
    )


async def test_endless_chunk_framing_is_cut(tools: Tools) -> None:
    handler = endless(CHUNKED + b"1;x=", b"y" * 30_000)
    seen = await seen_of(handler, tools, body_bytes_max=1000)
    assert seen.outcome is Outcome.FAIL
    assert "framing of the body is longer" in seen.detail


@pytest.mark.parametrize("wanted", [None, "needle"])
async def test_a_body_in_absurdly_many_pieces_is_cut(tools: Tools, wanted: str | None) -> None:
    handler = endless(CHUNKED, b"1\r\na\r\n" * 2000)
    seen = await seen_of(handler, tools, body_contains=wanted)
    assert seen.outcome is (Outcome.FAIL if wanted else Outcome.OK)
    cut = LACKING + r" [45]\d\d\d bytes"
    assert re.fullmatch(cut if wanted else "HTTP 200", seen.detail)


def test_a_head_in_absurdly_many_pieces_is_a_failure() -> None:
    answer = HttpResponse(Body(1, wanted=False), head_only=False)
    answer.feed(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(PIECES_MIN):
        answer.feed(b"a")
    assert answer.broken == "the answer has too many pieces"


async def test_a_compressed_bomb_is_inflated_only_up_to_the_limit(tools: Tools) -> None:
    bomb = zlib.compress(b"\0" * 50_000_000, 9)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n"
    seen = await seen_of(answering(head + bomb), tools, body_contains="needle")
    assert seen.outcome is Outcome.FAIL
    assert (
        seen.detail
        == "HTTP 200, but the body lacks the text of body_contains in its first 1048576 bytes"
    )


@pytest.mark.parametrize(
    ("encoding", "body", "detail"),
    [
        (b"gzip", b"this is not gzip", "not validly compressed"),
        (b"br", b"whatever", "is encoded as 'br'"),
    ],
)
async def test_an_unreadable_encoding_fails_a_check_that_looks_into_the_body(
    tools: Tools, encoding: bytes, body: bytes, detail: str
) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: " + encoding + b"\r\n\r\n" + body
    looking = await seen_of(answering(answer), tools, body_contains="x")
    blind = await seen_of(answering(answer), tools)
    assert detail in looking.detail
    assert (looking.outcome, blind.outcome) == (Outcome.FAIL, Outcome.OK)


async def test_invalid_bytes_in_the_body_do_not_hide_the_valid_ones(tools: Tools) -> None:
    answer = b"HTTP/1.1 200 OK\r\n\r\n\xfe\x80 all is well \xc3"
    assert (await seen_of(answering(answer), tools, body_contains="is well")).outcome is Outcome.OK


async def silent_after_request(stream: trio.abc.Stream) -> None:
    await read_head(stream)
    await trio.sleep_forever()


@pytest.mark.parametrize(
    ("handler", "scheme", "phase"),
    [
        (silent, "https", "shaking hands (TLS)"),
        (silent_after_request, "http", "waiting for the answer"),
        (endless(b"HTTP/1.1 200", b" ", 0.05), "http", "waiting for the answer"),
        (endless(b"HTTP/1.1 200 OK\r\n\r\n", b"a", 0.05), "http", "reading the body"),
        (endless(CHUNKED, b"1\r\na\r\n", 0.05), "http", "reading the body"),
    ],
    ids=["silent-tls", "silent", "dripping-head", "dripping-body", "dripping-chunks"],
)
async def test_silence_and_dripping_end_at_the_timeout_in_every_phase(
    tools: Tools, handler: Handler, scheme: str, phase: str
) -> None:
    async with served(handler) as port:
        url = f"{scheme}://127.0.0.1:{port}/"
        check = HttpCheck(id=CheckId("c1"), name="web", url=url, timeout_s=0.3)
        with trio.fail_after(HANG_S):
            seen = await probe_http(check, tools)
    assert (seen.outcome, seen.latency_ms) == (Outcome.FAIL, None)
    assert seen.detail == f"no answer within 0.3s while {phase}"


async def test_a_target_that_never_accepts_times_out_while_connecting(tools: Tools) -> None:
    with trio.socket.socket() as full:
        await full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with trio.socket.socket() as first:  # takes the only place in the backlog
            await first.connect(("127.0.0.1", port))
            check = HttpCheck(
                id=CheckId("c1"), name="web", url=f"http://127.0.0.1:{port}/", timeout_s=0.3
            )
            seen = await probe_http(check, tools)
    assert seen.outcome is Outcome.FAIL
    assert seen.detail == f"no answer within 0.3s while connecting to 127.0.0.1:{port}"


async def test_a_plain_server_behind_an_https_url_is_named(tools: Tools) -> None:
    async def plain(stream: trio.abc.Stream) -> None:
        await stream.receive_some(1)
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with served(plain) as port:
        check = HttpCheck(id=CheckId("c1"), name="web", url=f"https://127.0.0.1:{port}/")
        seen = await probe_http(check, tools)
    assert seen.outcome is Outcome.FAIL
    assert seen.detail.startswith("TLS error while shaking hands (TLS): ")


async def test_a_server_that_hangs_up_during_the_handshake_is_named(tools: Tools) -> None:
    async def rude(stream: trio.abc.Stream) -> None:
        await stream.receive_some(10_000)

    async with served(rude) as port:
        check = HttpCheck(id=CheckId("c1"), name="web", url=f"https://127.0.0.1:{port}/")
        seen = await probe_http(check, tools)
    assert seen.outcome is Outcome.FAIL
    assert seen.detail == "connection closed by the target while shaking hands (TLS)"


async def test_a_pattern_that_would_run_forever_is_an_abstention(tools: Tools) -> None:
    answer = b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 60 + b"!"
    seen = await seen_of(answering(answer), tools, body_regex="(a+)+$")
    again = await seen_of(answering(answer), tools, body_regex="a+!")
    assert seen.outcome is Outcome.ABSTAIN
    assert seen.detail == "body_regex took more than 1s; simplify it"
    assert again.outcome is Outcome.OK

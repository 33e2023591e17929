"""Webhooks, against a real server on loopback."""

import hmac
import json
import ssl
from hashlib import sha256

import pytest
import trio
from attrs import evolve

from qutrio import __version__
from qutrio.alerts.senders import Senders
from qutrio.errors import DeliveryError
from qutrio.model.ids import NodeId, UnixTime
from tests.alerts.samples import DOWN, HOOK, LETTER, RECOVERED
from tests.alerts.servers import rough_server, web_server
from tests.patience import HANG_S

HUNG_S = 0.3
"""How long an attempt that will never end is looked at before it is given up."""


async def test_a_notice_arrives_as_a_document_with_its_evidence(senders: Senders) -> None:
    with web_server() as server:
        channel = evolve(HOOK, url=f"http://127.0.0.1:{server.port}/secret-path?x=1")
        assert (await senders.send(channel, LETTER)).detail == "HTTP 204"
        post = server.posts.get_nowait()
    document = json.loads(post.content)
    assert post.path == "/secret-path?x=1"
    assert post.headers["content-type"] == "application/json"
    assert post.headers["user-agent"] == f"qutrio/{__version__}"
    assert "x-qutrio-signature" not in post.headers
    assert document["schema"] == 1
    assert document["event"] == post.headers["x-qutrio-event"] == "down"
    assert document["notice_id"] == "notice-1"
    assert document["check"] == {"id": "c1", "name": "web", "target": "https://example.org/"}
    assert document["since"] == "2026-01-01 12:00:00 UTC"
    assert document["duration_s"] is None
    assert [e["outcome"] for e in document["evidence"]] == ["fail", "fail", "ok", "abstain"]
    assert document["sent_by"] == {"id": LETTER.node, "name": "alpha"}


async def test_a_notice_of_a_minority_is_marked(senders: Senders) -> None:
    with web_server() as server:
        channel = evolve(HOOK, url=f"http://127.0.0.1:{server.port}/")
        for minority in ("", "1 of 3"):
            notice = evolve(DOWN, minority=minority)
            await senders.send(channel, evolve(LETTER, notice=notice))
        usual, few = (json.loads(server.posts.get_nowait().content) for _ in range(2))
    assert usual["minority"] is None
    assert few["minority"] == "1 of 3"
    assert "from a minority: 1 of 3 members" in few["summary"]


async def test_a_recovery_says_how_long_it_lasted(senders: Senders) -> None:
    with web_server() as server:
        channel = evolve(HOOK, url=f"http://127.0.0.1:{server.port}/")
        await senders.send(channel, evolve(LETTER, notice=RECOVERED))
        document = json.loads(server.posts.get_nowait().content)
    assert document["event"] == "recovered"
    assert document["duration_s"] == 312.0


async def test_the_receiver_can_verify_the_signature(senders: Senders) -> None:
    """The test does what the documentation tells receivers to do."""
    with web_server() as server:
        channel = evolve(HOOK, url=f"http://127.0.0.1:{server.port}/", secret="schlüssel")
        await senders.send(channel, LETTER)
        post = server.posts.get_nowait()
    stamp = post.headers["x-qutrio-timestamp"]
    expected = hmac.new("schlüssel".encode(), stamp.encode() + b"." + post.content, sha256)
    assert post.headers["x-qutrio-signature"] == "sha256=" + expected.hexdigest()
    assert int(stamp) == int(LETTER.sent_unix)
    assert b"schl" not in post.content


async def test_signature_covers_the_timestamp(senders: Senders) -> None:
    """A captured request cannot be replayed under a fresh timestamp."""
    with web_server() as server:
        channel = evolve(HOOK, url=f"http://127.0.0.1:{server.port}/", secret="s")
        await senders.send(channel, LETTER)
        await senders.send(channel, evolve(LETTER, sent_unix=UnixTime(LETTER.sent_unix + 60)))
        first, second = server.posts.get_nowait(), server.posts.get_nowait()
    assert first.content == second.content
    assert first.headers["x-qutrio-signature"] != second.headers["x-qutrio-signature"]


async def test_delivery_id_is_the_same_at_every_attempt_by_every_node(senders: Senders) -> None:
    with web_server() as server:
        channel = evolve(HOOK, url=f"http://127.0.0.1:{server.port}/")
        other = evolve(LETTER, node=NodeId("n2"), node_name="beta", sent_unix=UnixTime(2e9))
        for envelope in [LETTER, other, evolve(LETTER, notice=RECOVERED)]:
            await senders.send(channel, envelope)
        ids = [server.posts.get_nowait().headers["x-qutrio-delivery"] for _ in range(3)]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
async def test_a_refusal_quotes_the_status_and_the_answer_but_not_the_path(
    senders: Senders, status: int
) -> None:
    with web_server(status=status, body=b'{"error":\r\n"invalid_\x1bpayload"}') as server:
        channel = evolve(HOOK, url=f"http://127.0.0.1:{server.port}/secret-path")
        with pytest.raises(DeliveryError, match=f"HTTP {status}: .*invalid_ payload") as caught:
            await senders.send(channel, LETTER)
    assert "secret-path" not in str(caught.value)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (b"<html><head><title>Bad &amp; wrong</title></head><body>x</body>", "Bad & wrong"),
        (b"\n<!DOCTYPE html><style>p {}</style><!-- no --><p>Too\nbusy</p><script>a<b", "Too busy"),
        (b"<html><title> </title><h1>Gone</h1><img src=", "Gone"),
    ],
    ids=["title", "no title", "empty title"],
)
async def test_a_refusal_with_an_html_page_quotes_its_text(
    senders: Senders, page: bytes, words: str
) -> None:
    with web_server(status=502, body=page) as server:
        channel = evolve(HOOK, url=f"http://127.0.0.1:{server.port}/")
        with pytest.raises(DeliveryError) as caught:
            await senders.send(channel, LETTER)
    assert str(caught.value) == f"127.0.0.1:{server.port} answered HTTP 502: {words}"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_a_failure_and_is_not_followed(senders: Senders, status: int) -> None:
    """Following it would send the notice and its signature to another server."""
    with web_server() as elsewhere:
        target = f"http://127.0.0.1:{elsewhere.port}/"
        with web_server(status=status, headers={"Location": target}) as server:
            channel = evolve(HOOK, url=f"http://127.0.0.1:{server.port}/")
            with pytest.raises(DeliveryError, match=f"HTTP {status}"):
                await senders.send(channel, LETTER)
        assert elsewhere.posts.empty()


async def test_https_needs_a_trusted_certificate_unless_verification_is_off(
    senders: Senders, server_tls: ssl.SSLContext, stranger_tls: ssl.SSLContext
) -> None:
    with web_server(server_tls) as server:
        channel = evolve(HOOK, url=f"https://127.0.0.1:{server.port}/")
        assert (await senders.send(channel, LETTER)).detail == "HTTP 204"
    with web_server(stranger_tls) as server:
        channel = evolve(HOOK, url=f"https://127.0.0.1:{server.port}/secret-path")
        with pytest.raises(DeliveryError, match="certificate is not trusted") as caught:
            await senders.send(channel, LETTER)
        assert server.posts.empty()
        assert (await senders.send(evolve(channel, verify_tls=False), LETTER)).detail == "HTTP 204"
    assert "secret-path" not in str(caught.value)


async def test_nobody_listening_is_an_ordinary_failure(senders: Senders) -> None:
    with web_server() as server:
        port = server.port
    with pytest.raises(DeliveryError, match=f"127.0.0.1:{port}: ") as caught:
        await senders.send(evolve(HOOK, url=f"http://127.0.0.1:{port}/secret-path"), LETTER)
    assert "secret-path" not in str(caught.value)


async def test_an_answer_that_is_no_http_is_an_ordinary_failure(senders: Senders) -> None:
    async with rough_server(b"220 mail here\r\n\r\n") as server:
        with pytest.raises(DeliveryError):
            await senders.send(evolve(HOOK, url=f"http://127.0.0.1:{server.port}/"), LETTER)


async def test_endless_bodies_are_not_read(senders: Senders) -> None:
    opening = b"HTTP/1.1 500 no\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with rough_server(opening, b"1000\r\n" + b"x" * 4096 + b"\r\n") as server:
        with trio.fail_after(HANG_S), pytest.raises(DeliveryError, match="HTTP 500: xxx"):
            await senders.send(evolve(HOOK, url=f"http://127.0.0.1:{server.port}/"), LETTER)


async def test_endless_headers_are_not_kept(senders: Senders) -> None:
    async with rough_server(b"HTTP/1.1 200 OK\r\n", b"X-More: more\r\n" * 500) as server:
        with trio.fail_after(HANG_S), pytest.raises(DeliveryError):
            await senders.send(evolve(HOOK, url=f"http://127.0.0.1:{server.port}/"), LETTER)


async def test_giving_up_on_a_hung_server_closes_the_connection(senders: Senders) -> None:
    async with rough_server() as server:
        async with trio.open_nursery() as nursery:
            channel = evolve(HOOK, url=f"http://127.0.0.1:{server.port}/")
            nursery.start_soon(senders.send, channel, LETTER)
            with trio.fail_after(HANG_S):
                await server.asked.wait()
            with trio.move_on_after(HUNG_S) as scope:
                await server.left.wait()
            assert scope.cancelled_caught
            nursery.cancel_scope.cancel()
        with trio.fail_after(HANG_S):
            await server.left.wait()


async def test_hostile_text_stays_inside_its_json_strings(senders: Senders) -> None:
    nasty = 'x"}\r\nX-Evil: 1\r\n\r\nüñ\ud800'
    with web_server() as server:
        channel = evolve(HOOK, url=f"http://127.0.0.1:{server.port}/")
        await senders.send(channel, evolve(LETTER, notice=evolve(DOWN, target=nasty)))
        post = server.posts.get_nowait()
    assert json.loads(post.content)["check"]["target"] == nasty
    assert "x-evil" not in post.headers


async def test_a_port_where_nobody_listens_is_reported_with_a_sentence(senders: Senders) -> None:
    with web_server() as server:
        channel = evolve(HOOK, url=f"http://127.0.0.1:{server.port}/")
    with pytest.raises(DeliveryError, match=r"Connection refused$"):
        await senders.send(channel, LETTER)

"""How long receivers ask to wait, over real HTTP."""

import json
from email.utils import formatdate
from typing import Any

import pytest
from attrs import evolve

from qutrio.alerts.senders import Senders
from qutrio.errors import DeliveryError
from qutrio.model.channels import Channel, DiscordChannel
from qutrio.model.ids import ChannelId
from qutrio.model.parts import WAIT_S_MAX
from tests.alerts.samples import HOOK, LETTER, NOON
from tests.alerts.servers import web_server


def channel_at(kind: str, port: int) -> Channel:
    url = f"http://127.0.0.1:{port}/secret-path"
    if kind == "discord":
        return DiscordChannel(id=ChannelId("d"), name="d", url=url)
    return evolve(HOOK, url=url)


async def refused(senders: Senders, kind: str, **answer: Any) -> DeliveryError:
    with web_server(**answer) as server:
        with pytest.raises(DeliveryError) as caught:
            await senders.send(channel_at(kind, server.port), LETTER)
    return caught.value


SENT = LETTER.sent_unix
HEADERS: list[tuple[dict[str, str], float]] = [
    ({"Retry-After": "60"}, 60),
    ({"Retry-After": " 60 "}, 60),
    ({"Retry-After": "0.65"}, 0.65),
    ({"Retry-After": "0"}, 0),
    ({"Retry-After": "7200"}, WAIT_S_MAX),
    ({"Retry-After": "9" * 400}, WAIT_S_MAX),
    ({"Retry-After": "-5"}, 0),
    ({"Retry-After": "1e9"}, 0),
    ({"Retry-After": "nan"}, 0),
    ({"Retry-After": "soon"}, 0),
    ({"Retry-After": ""}, 0),
    ({}, 0),
    ({"Date": "x", "Retry-After": formatdate(SENT + 90, usegmt=True)}, 90),
    ({"Date": formatdate(NOON, usegmt=True), "Retry-After": formatdate(NOON + 90)}, 90),
    ({"Date": formatdate(NOON, usegmt=True), "Retry-After": formatdate(NOON - 90)}, 0),
    ({"Date": formatdate(NOON), "Retry-After": formatdate(NOON + 1e8)}, WAIT_S_MAX),
    ({"Date": "x", "Retry-After": "Fri, 99 Foo 2026 99:99:99 GMT"}, 0),
]


@pytest.mark.parametrize("kind", ["webhook", "discord"])
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("headers", "wait_s"), HEADERS, ids=[str(h)[:60] for h, _ in HEADERS])
async def test_the_wait_that_a_header_asks_for_is_reported(
    senders: Senders, kind: str, status: int, headers: dict[str, str], wait_s: float
) -> None:
    error = await refused(senders, kind, status=status, headers=headers)
    assert error.wait_s == pytest.approx(wait_s, abs=0.01)
    assert f"HTTP {status}" in str(error)
    assert ("asks to wait" in str(error)) is bool(wait_s)
    assert "secret-path" not in str(error)


@pytest.mark.parametrize("status", [301, 404, 410, 500, 502])
@pytest.mark.parametrize("kind", ["webhook", "discord"])
async def test_other_refusals_ask_for_nothing(senders: Senders, kind: str, status: int) -> None:
    headers = {"Retry-After": "60", "Location": "http://127.0.0.1:1/"}
    body = json.dumps({"retry_after": 60}).encode()
    assert (await refused(senders, kind, status=status, headers=headers, body=body)).wait_s == 0


BODIES: list[tuple[bytes, float]] = [
    (b'{"message": "You are being rate limited.", "retry_after": 64.57, "global": false}', 64.57),
    (b'{"retry_after": 1e12}', WAIT_S_MAX),
    (b'{"retry_after": 1' + b"0" * 400 + b"}", WAIT_S_MAX),
    (b'{"retry_after": Infinity}', WAIT_S_MAX),
    (b'{"retry_after": NaN}', 0),
    (b'{"retry_after": -1}', 0),
    (b'{"retry_after": true}', 0),
    (b'{"retry_after": "60"}', 0),
    (b'{"retry_after": null}', 0),
    (b"[1]", 0),
    (b'"x"', 0),
    (b"<html>limited</html>", 0),
    (b"[" * 2000, 0),
    (b"\xff", 0),
    (b"", 0),
]


@pytest.mark.parametrize(("body", "wait_s"), BODIES, ids=[str(b)[:40] for b, _ in BODIES])
async def test_discords_own_field_is_read(senders: Senders, body: bytes, wait_s: float) -> None:
    error = await refused(senders, "discord", status=429, body=body)
    assert error.wait_s == pytest.approx(wait_s)


@pytest.mark.parametrize(("header", "field", "wait_s"), [("65", 64.57, 65), ("1", 64.57, 64.57)])
async def test_the_longer_wait_of_header_and_field_counts(
    senders: Senders, header: str, field: float, wait_s: float
) -> None:
    error = await refused(
        senders,
        "discord",
        status=429,
        headers={"Retry-After": header},
        body=json.dumps({"retry_after": field}).encode(),
    )
    assert error.wait_s == pytest.approx(wait_s)


async def test_a_webhooks_body_asks_for_nothing(senders: Senders) -> None:
    error = await refused(senders, "webhook", status=429, body=b'{"retry_after": 60}')
    assert error.wait_s == 0

"""The answer of a receiver is shown without the secrets of its channel."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qutrio.alerts.dispatcher import attempt
from qutrio.alerts.hiding import hidden, secrets_of
from qutrio.alerts.send_result import SendResult
from qutrio.alerts.senders import Senders
from qutrio.model.channels import Channel, DiscordChannel, SmtpChannel, UnknownChannel
from qutrio.model.channels import WebhookChannel as Webhook
from qutrio.model.ids import ChannelId
from qutrio.model.parts import Fate, Part
from qutrio.model.results import DETAIL_CHARS_MAX, clip
from tests.alerts.samples import LETTER
from tests.alerts.servers import web_server

SECRET = "Zx9planted"


@pytest.mark.parametrize("kind", [Webhook, DiscordChannel])
async def test_an_error_page_that_echoes_the_path_does_not_show_it(
    kind: type[Webhook | DiscordChannel], senders: Senders
) -> None:
    path = f"/hooks/{SECRET}?key={SECRET}"
    with web_server(status=404, body=f"Cannot POST {path}".encode()) as web:
        url = f"http://127.0.0.1:{web.port}{path}"
        channel = kind(id=ChannelId("a"), name="h", url=url)
        done = await attempt(channel, LETTER, senders, lambda *_, **__: None)
    assert not done.delivered
    assert "HTTP 404: Cannot POST ********" in done.detail
    assert SECRET not in done.detail


MAIL = SmtpChannel(
    id=ChannelId("a"), name="m", host="h", username="u", password=SECRET, sender="a@b",
    recipients=("c@d",),
)  # fmt: skip


@pytest.mark.parametrize(
    "sent",
    [
        SECRET,
        b64encode(SECRET.encode()).decode(),
        b64encode(f"\0u\0{SECRET}".encode()).decode(),
    ],
)
async def test_a_mail_server_that_echoes_the_login_does_not_show_it(sent: str) -> None:
    async def send(_: Channel, __: object) -> SendResult:
        said = f"502 unknown command {sent}"
        part = Part("c@d", Fate.REFUSED, said)
        return SendResult(delivered=False, detail=said, parts=(part,))

    done = await attempt(MAIL, LETTER, Senders({SmtpChannel: send}), lambda *_, **__: None)
    assert done.detail == done.parts[0].said == "502 unknown command ********"


@given(st.integers(0, DETAIL_CHARS_MAX + 5))
def test_a_truncated_secret_is_hidden_too(before: int) -> None:
    words = clip("x" * before + SECRET + " and more" * 10)
    shown = hidden(words, secrets_of(MAIL))
    assert SECRET[:6] not in shown


def test_short_words_and_channels_without_secrets_hide_nothing() -> None:
    hook = Webhook(id=ChannelId("a"), name="h", url="https://h/in")
    unknown = UnknownChannel(id=ChannelId("a"), name="h", kind_name="pigeon")
    assert hidden("Cannot POST /in…", secrets_of(hook)) == "Cannot POST /in…"
    assert secrets_of(unknown) == ()

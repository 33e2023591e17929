"""Alert channels that a person gives: what nobody can have meant is refused, with a hint."""

from typing import Any

import pytest
from attrs import evolve

from qutrio.codec.new_channels import require_new_channel
from qutrio.errors import InvalidValueError
from qutrio.model.channels import DiscordChannel, SmtpChannel, WebhookChannel
from qutrio.model.ids import ChannelId

ID = ChannelId("a1")


def mail(**fields: Any) -> SmtpChannel:
    given = {"host": "mail.example.org", "sender": "q@example.org", "recipients": ("a@b.example",)}
    return SmtpChannel(id=ID, name="mail", **{**given, **fields})


@pytest.mark.parametrize(
    ("half", "missing"), [({"password": "hush"}, "username"), ({"username": "hush"}, "password")]
)
def test_half_of_a_login_is_refused_with_a_hint(half: dict[str, str], missing: str) -> None:
    words = r"is missing, although .*; give both \(--username, --password\) or neither"
    with pytest.raises(InvalidValueError, match=words) as caught:
        require_new_channel(mail(**half))
    assert caught.value.field == missing
    assert "hush" not in str(caught.value)
    require_new_channel(mail(username="ann", password="hush"))


def test_an_empty_secret_of_a_channel_is_refused() -> None:
    hook = WebhookChannel(id=ID, name="hook", url="https://example.org/", secret="")
    wrong: list[tuple[str, WebhookChannel | SmtpChannel]] = [
        ("secret", hook),
        ("password", mail(username="ann", password="")),
        ("username", mail(username="", password="hush")),
    ]
    for field, channel in wrong:
        with pytest.raises(InvalidValueError, match=f"is empty; .*--unset {field}") as caught:
            require_new_channel(channel)
        assert caught.value.field == field
        require_new_channel(evolve(channel, default=False), channel)


@pytest.mark.parametrize("kind", [WebhookChannel, DiscordChannel])
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://0.0.0.0/x", "'0.0.0.0' is where a server listens"),
        ("https://[::]/x", "'::' is where a server listens"),
        ("https://a..b/x", "is no name of a host"),
        ("https://example.org:0443/x", "write 443"),
    ],
)
def test_a_hook_that_nobody_can_dial_is_refused(
    kind: type[WebhookChannel] | type[DiscordChannel], url: str, words: str
) -> None:
    wrong = kind(id=ID, name="hook", url=url)
    with pytest.raises(InvalidValueError, match=words) as caught:
        require_new_channel(wrong)
    assert caught.value.field == "url"
    require_new_channel(evolve(wrong, default=False), wrong)


@pytest.mark.parametrize("kind", [WebhookChannel, DiscordChannel])
def test_credentials_in_the_url_of_a_hook_are_refused_as_in_that_of_a_check(
    kind: type[WebhookChannel] | type[DiscordChannel],
) -> None:
    for url in ("https://ann:hush@example.org/x", "https://ann@example.org/"):
        with pytest.raises(InvalidValueError, match="holds credentials") as caught:
            require_new_channel(kind(id=ID, name="hook", url=url))
        assert caught.value.field == "url"
        assert "ann" not in str(caught.value)
    require_new_channel(kind(id=ID, name="hook", url="https://example.org/x?a@b"))


def test_what_a_channel_had_already_does_not_hinder_other_edits() -> None:
    old = mail(password="hush")
    require_new_channel(evolve(old, port=25), old)
    with pytest.raises(InvalidValueError):
        require_new_channel(evolve(old, password="other"), old)
    hook = WebhookChannel(id=ID, name="hook", url="https://ann@example.org/")
    require_new_channel(evolve(hook, default=False), hook)
    with pytest.raises(InvalidValueError):
        require_new_channel(evolve(hook, url="https://bob@example.org/"), hook)

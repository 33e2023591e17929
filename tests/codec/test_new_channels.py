"""New alert channels: an obvious mistake is refused with a hint."""

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


def test_a_password_without_a_user_is_refused_with_a_hint() -> None:
    with pytest.raises(InvalidValueError, match=r"give both .* or neither") as caught:
        require_new_channel(mail(password="hush"))
    assert caught.value.field == "username"
    assert "hush" not in str(caught.value)
    require_new_channel(mail(username="ann", password="hush"))
    require_new_channel(mail(username="ann"))


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


def test_an_old_value_of_a_channel_does_not_prevent_other_edits() -> None:
    old = mail(password="hush")
    require_new_channel(evolve(old, port=25), old)
    with pytest.raises(InvalidValueError):
        require_new_channel(evolve(old, password="other"), old)
    hook = WebhookChannel(id=ID, name="hook", url="https://ann@example.org/")
    require_new_channel(evolve(hook, default=False), hook)
    with pytest.raises(InvalidValueError):
        require_new_channel(evolve(hook, url="https://bob@example.org/"), hook)

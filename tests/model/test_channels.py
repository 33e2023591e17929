"""Channels: what no server would take is refused, and no secret is shown."""

from typing import Any

import pytest

from qutrio.core.mutations import PutChannel
from qutrio.errors import InvalidValueError
from qutrio.model.channels import (
    ChannelBase,
    DiscordChannel,
    MailSecurity,
    SmtpChannel,
    UnknownChannel,
    WebhookChannel,
    odd_port_words,
    recipients_of,
)
from qutrio.model.ids import ChannelId
from qutrio.model.levels import LEVEL_UNSAID, MAIL_NAMES, needed

ID = ChannelId("c1")


def smtp(**fields: Any) -> SmtpChannel:
    defaults = {"host": "mail.example.org", "sender": "q@example.org", "recipients": ("a@b", "c@d")}
    return SmtpChannel(id=ID, name="mail", **{**defaults, **fields})


def test_a_mail_channel_shows_its_recipients_and_hides_its_password() -> None:
    channel = smtp(username="ann", password="hush")
    assert channel.target == "a@b, c@d"
    assert "hush" not in repr(channel)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", ""),
        ("recipients", ()),
        ("recipients", ("a@b", "nobody")),
        ("recipients", ("a@b",) * 51),
        ("recipients", ("@b",)),
        ("recipients", ("a@",)),
        ("recipients", ("a@b\r\nBcc: c@d",)),
        ("sender", "q\n@example.org"),
        ("port", 0),
    ],
)
def test_mail_that_no_server_would_take_is_refused(field: str, value: object) -> None:
    with pytest.raises(InvalidValueError) as caught:
        smtp(**{field: value})
    assert caught.value.field == field


@pytest.mark.parametrize(
    "address", ["a@x;b@x", "a;b@example.org", "a@exa:mple.org", 'a"b@c', "a\x7f@b", "ä@b", "a@b.."]
)
def test_an_address_that_an_older_version_took_can_still_be_read(address: str) -> None:
    smtp(sender=address, recipients=(address,))


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({}, LEVEL_UNSAID),
        ({"sender": "jörg;x@b"}, LEVEL_UNSAID),
        ({"sender": "Q <q@b>"}, MAIL_NAMES),
        ({"recipients": ("a@b", "Ops <ops@b>")}, MAIL_NAMES),
        ({"recipients": ('"a b"@c',)}, MAIL_NAMES),
        ({"recipients": ('"a,b"@c',)}, MAIL_NAMES),
    ],
)
def test_what_older_programs_cannot_read_needs_a_level(fields: dict[str, Any], level: int) -> None:
    channel = smtp(**fields)
    assert channel.needs_level == level
    assert needed(PutChannel(channel=channel)) == level


def test_only_a_mail_channel_has_recipients() -> None:
    assert recipients_of(smtp()) == ("a@b", "c@d")
    assert recipients_of(WebhookChannel(id=ID, name="hook", url="https://example.org/")) == ()
    assert recipients_of(None) == ()


def test_a_password_never_travels_in_the_clear() -> None:
    with pytest.raises(InvalidValueError, match="needs starttls or tls"):
        smtp(password="hush", security=MailSecurity.NONE)
    smtp(security=MailSecurity.NONE)
    smtp(password="hush", security=MailSecurity.TLS)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hooks.example.org/secret/path", "hooks.example.org"),
        ("http://ann:hush@127.0.0.1:81/", "127.0.0.1:81"),
    ],
)
def test_a_hook_shows_its_host_alone(url: str, shown: str) -> None:
    assert WebhookChannel(id=ID, name="hook", url=url).target == shown
    discord = DiscordChannel(id=ID, name="hook", url=url)
    assert discord.target == shown
    assert "hush" not in repr(discord)
    assert "secret" not in repr(discord)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.org",
        "ftp://h/",
        "https://",
        "https://h:0/",
        "https://h:x/",
        "http://[::1/",
        "https://h/ü",
        "https://h/a b",
    ],
)
def test_a_hook_that_could_not_be_posted_to_is_refused(url: str) -> None:
    with pytest.raises(InvalidValueError, match="is not a URL"):
        WebhookChannel(id=ID, name="hook", url=url)
    with pytest.raises(InvalidValueError, match="is not a URL"):
        DiscordChannel(id=ID, name="hook", url=url)


@pytest.mark.parametrize("url", ["https://d.example/x", "http://127.0.0.1:8/", "http://[::1]/"])
def test_a_discord_url_may_travel_encrypted_or_not_at_all(url: str) -> None:
    DiscordChannel(id=ID, name="team", url=url).require_private()


@pytest.mark.parametrize("url", ["http://d.example/x", "http://10.0.0.1/", "HTTP://[fe80::1]/"])
def test_a_discord_url_that_would_travel_in_the_open_is_refused(url: str) -> None:
    with pytest.raises(InvalidValueError, match="must begin with https://"):
        DiscordChannel(id=ID, name="team", url=url).require_private()


def test_a_channel_of_an_unknown_kind_shows_its_kind() -> None:
    assert UnknownChannel(id=ID, name="x", kind_name="pigeon").target == "(pigeon)"


def test_every_kind_of_channel_must_say_where_it_goes() -> None:
    with pytest.raises(NotImplementedError):
        _ = ChannelBase(id=ID, name="x").target


@pytest.mark.parametrize(
    ("port", "security", "option"),
    [
        (465, MailSecurity.STARTTLS, "--security tls, or --port 587"),
        (465, MailSecurity.NONE, "--security tls"),
        (587, MailSecurity.TLS, "--security starttls, or --port 465"),
        (25, MailSecurity.TLS, "--security starttls"),
        (465, MailSecurity.TLS, ""),
        (587, MailSecurity.STARTTLS, ""),
        (25, MailSecurity.NONE, ""),
        (2525, MailSecurity.TLS, ""),
    ],
)
def test_a_mail_port_that_usually_speaks_otherwise_is_warned_of(
    port: int, security: MailSecurity, option: str
) -> None:
    told = odd_port_words(smtp(port=port, security=security))
    assert (option in told) if option else not told


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "it begins with neither http:// nor https://"),
        ("hush.example/hook", "it begins with neither http:// nor https://"),
        ("https:///hush", "it names no host"),
        ("https://h:0/hush", "its port is not a number from 1 to 65535"),
        ("https://h:x/hush", "its port is not a number from 1 to 65535"),
        ("https://h/ hush", "it holds a blank"),
        ("https://m\u00fcnchen.example/hush", "it holds letters beyond ASCII"),
        ("https://[::1/hush", "its host cannot be read"),
    ],
)
def test_a_hook_is_refused_for_the_reason_that_a_check_would_be(url: str, why: str) -> None:
    with pytest.raises(InvalidValueError, match=f"such as https://.*: {why}") as caught:
        WebhookChannel(id=ID, name="hook", url=url)
    assert caught.value.field == "url"
    assert "hush" not in str(caught.value)

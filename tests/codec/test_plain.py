"""The shape that people see: there and back, with secrets masked, and slips of the pen named."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from qutrio.codec.plain import (
    channel_from_plain,
    channel_to_plain,
    check_from_plain,
    check_to_plain,
    document_from_plain,
    document_to_plain,
    member_from_plain,
    member_to_plain,
    settings_from_plain,
    settings_to_plain,
    token_from_plain,
    token_to_plain,
)
from qutrio.errors import InvalidDocumentError
from qutrio.model.channels import Channel, DiscordChannel, SmtpChannel, WebhookChannel
from qutrio.model.checks import Check, HttpCheck, UnknownCheck
from qutrio.model.document import ClusterDocument, Settings
from qutrio.model.ids import ChannelId, CheckId
from qutrio.model.members import Member, Token
from qutrio.model.rules import MASK
from tests.codec import values

quick = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
WEB: dict[str, Any] = {"id": "c1", "name": "web", "kind": "http", "url": "https://example.org/"}


@quick
@given(values.checks)
def test_checks_come_back(check: Check) -> None:
    assert check_from_plain(check_to_plain(check, secrets=True), "x") == check


@quick
@given(values.channels)
def test_channels_come_back(channel: Channel) -> None:
    assert channel_from_plain(channel_to_plain(channel, secrets=True), "x") == channel


@quick
@given(values.settings, values.members, values.tokens)
def test_settings_members_and_tokens_come_back(
    settings: Settings, member: Member, token: Token
) -> None:
    assert settings_from_plain(settings_to_plain(settings), "x") == settings
    assert member_from_plain(member_to_plain(member), "x") == member
    assert token_from_plain(token_to_plain(token, secrets=True), "x") == token


@quick
@given(values.documents)
def test_documents_come_back(document: ClusterDocument) -> None:
    assert document_from_plain(document_to_plain(document, secrets=True), "x") == document


def test_what_is_left_out_takes_the_default_of_the_model() -> None:
    expected = HttpCheck(id=CheckId("c1"), name="web", url="https://example.org/")
    assert check_from_plain(WEB, "x", strict=True) == expected


def test_no_secret_shows_without_being_asked_for() -> None:
    check = check_from_plain(
        WEB
        | {
            "headers": {"Authorization": "geheim", "Accept": "*/*"},
            "basic_user": "u",
            "basic_password": "geheim",
            "x_future": "geheim",
        },
        "x",
    )
    plain = check_to_plain(check, secrets=False)
    assert "geheim" not in str(plain)
    assert plain["basic_password"] == plain["x_future"] == MASK
    assert plain["headers"] == {"Authorization": MASK, "Accept": MASK}


@pytest.mark.parametrize(
    "channel",
    [
        SmtpChannel(
            id=ChannelId("a"),
            name="m",
            host="h",
            password="geheim",
            sender="a@b",
            recipients=("c@d",),
        ),
        WebhookChannel(id=ChannelId("a"), name="w", url="https://u:geheim@h/x", secret="geheim"),
        WebhookChannel(id=ChannelId("a"), name="w", url="https://h?key=geheim"),
        DiscordChannel(id=ChannelId("a"), name="d", url="https://discord.com/api/geheim"),
    ],
    ids=lambda channel: channel.kind,
)
def test_no_secret_of_a_channel_shows_either(channel: Channel) -> None:
    assert "geheim" in str(channel_to_plain(channel, secrets=True))
    assert "geheim" not in str(channel_to_plain(channel, secrets=False))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"intervall": "30s"}, r"^web: intervall: is not a field here; did you mean 'interval'\?"),
        ({"zzz": 1}, "known are .*timeout"),
        ({"kind": "telepathy"}, "kind: 'telepathy' is not one of http, tcp"),
        ({"interval": "30 parsecs"}, "^web: interval: '30 parsecs' is not a duration"),
        ({"timeout": "1h"}, "^web: timeout: 1h is out of range: 100ms to 5m"),
        ({"body_max": "100MiB"}, "^web: body_max: .* out of range"),
        ({"retries": "3"}, "^web: retries: '3' is not a whole number"),
        ({"retries": True}, "^web: retries: True is not a whole number"),
        ({"enabled": "yes"}, "^web: enabled: 'yes' is neither true nor false"),
        ({"name": 12}, "^web: name: 12 is not text; put it in quotes"),
        ({"name": None}, "^web: name: None is not text$"),
        ({"body": "\ud800"}, "half of a character"),
        ({"headers": "A: b"}, "^web: headers: a text is not a mapping"),
        ({"headers": [["A"]]}, "is not a pair of name and value"),
        ({"headers": {"A b": "c"}}, "cannot be sent as a header"),
        ({"expect_status": ["4xx"]}, "'4xx' is not a status such as"),
        ({"expect_status": []}, "needs at least one"),
        ({"url": "example.org"}, "^web: url: is not a URL such as .*: it begins with neither"),
        ({"alerts": {"a": 1}}, "is not a list of texts"),
        ({"ip_family": "6to4"}, "'6to4' is not one of any, 4, 6"),
    ],
)
def test_what_a_person_gets_wrong_is_named(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidDocumentError, match=problem):
        check_from_plain(WEB | change, "web", strict=True)


@pytest.mark.parametrize("missing", ["id", "name", "kind", "url"])
def test_what_is_missing_is_named(missing: str) -> None:
    data = {name: value for name, value in WEB.items() if name != missing}
    with pytest.raises(InvalidDocumentError, match=f"{missing}: is missing"):
        check_from_plain(data, "x")


def test_in_a_file_fields_and_kinds_of_a_newer_version_are_kept() -> None:
    check = check_from_plain(WEB | {"kind": "sip", "count": 3}, "x")
    assert isinstance(check, UnknownCheck)
    assert check.extra == (("count", "3"), ("url", '"https://example.org/"'))
    assert check_to_plain(check, secrets=True)["count"] == 3


def test_headers_given_twice_stay_two() -> None:
    pairs = [["Cookie", "a"], ["Cookie", "b"]]
    check = check_from_plain(WEB | {"headers": pairs}, "x")
    assert check_to_plain(check, secrets=True)["headers"] == pairs


@pytest.mark.parametrize(
    ("text", "count"), [("1MiB", 1 << 20), ("64KiB", 65536), ("2kB", 2000), (7, 7)]
)
def test_sizes_are_read(text: object, count: int) -> None:
    check = check_from_plain(WEB | {"body_max": text}, "x")
    assert isinstance(check, HttpCheck)
    assert check.body_bytes_max == count


@pytest.mark.parametrize(
    ("given", "servers"),
    [
        ("192.0.2.53", ("192.0.2.53",)),
        ("192.0.2.53, [2001:db8::53]:53", ("192.0.2.53", "[2001:db8::53]:53")),
        (["192.0.2.53", "192.0.2.54"], ("192.0.2.53", "192.0.2.54")),
        ("", ()),
    ],
)
def test_name_servers_are_a_list_or_one_text_with_commas(
    given: object, servers: tuple[str, ...]
) -> None:
    assert check_from_plain(WEB | {"resolvers": given}, "x").resolvers == servers


def test_a_word_of_a_list_is_taken_in_any_letter_case() -> None:
    zone = {"kind": "dns", "id": "c1", "name": "z", "host": "example.org", "record": "AAAA"}
    assert check_to_plain(check_from_plain(zone, "z"), secrets=True)["record"] == "aaaa"

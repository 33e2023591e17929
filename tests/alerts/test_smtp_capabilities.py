"""Servers with and without 8BITMIME, SMTPUTF8, logins and STARTTLS."""

import ssl
from email.utils import parseaddr

import pytest
from attrs import evolve

from qutrio.alerts.senders import Senders
from qutrio.alerts.text import body, subject
from qutrio.errors import DeliveryError
from qutrio.model.channels import MailSecurity, SmtpChannel
from qutrio.model.parts import Fate
from tests.alerts.samples import DOWN, FAIL, LETTER, MAIL
from tests.alerts.scripted_mail import Script, Taken, decoded, scripted_server

MODERN = ("8BITMIME", "SMTPUTF8", "SIZE 1000000")
PLAIN_ONLY = ("SIZE 1000000",)
JOERG = "jörg@example.org"
WORDS = {
    "umlauts": "Grüße fehlen in der Antwort",
    "japanese": "日本語の本文が見つかりません " * 20,
    "long": "x" * 3000,
    "long-umlauts": "ü" * 1500,
    "dots": ".\n..\n.\r\n.",
    "mixed": "\r a \x00 b \x85 c \u2028 d \ud800",
}


async def taken_by(senders: Senders, offers: tuple[str, ...], channel: SmtpChannel) -> Taken:
    async with scripted_server(Script(offers=offers)) as server:
        result = await senders.send(evolve(channel, port=server.port), LETTER)
        assert result.everybody
    [taken] = server.taken
    return taken


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS.keys())
@pytest.mark.parametrize("offers", [MODERN, PLAIN_ONLY, ()], ids=["modern", "size", "nothing"])
async def test_text_reaches_every_server_intact(
    senders: Senders, offers: tuple[str, ...], words: str
) -> None:
    """The server refuses 8-bit content that was not announced, and long lines."""
    evidence = evolve(FAIL, detail=words)
    notice = evolve(DOWN, target=f"https://bücher.example/{words}", evidence=(evidence,) * 3)
    envelope = evolve(LETTER, notice=notice, node_name="zürich")
    async with scripted_server(Script(offers=offers)) as server:
        await senders.send(evolve(MAIL, port=server.port), envelope)
    [taken] = server.taken
    assert decoded(taken.header("Subject")) == subject(notice)
    wanted = body(envelope).encode("utf-8", "replace").decode()
    assert taken.message.get_content().splitlines() == wanted.splitlines()


@pytest.mark.parametrize(
    ("sender", "name", "address"),
    [
        ("q@example.org", "qutrio", "q@example.org"),
        ("Qutrio <q@example.org>", "Qutrio", "q@example.org"),
        ('"Ops, night" <q@example.org>', "Ops, night", "q@example.org"),
        ("Überwachung Köln <q@bücher.example>", "Überwachung Köln", "q@xn--bcher-kva.example"),
        ("監視 " * 30 + "<q@example.org>", ("監視 " * 30).strip(), "q@example.org"),
        ('"Größe, \\"x\\" (y)" <q@example.org>', 'Größe, "x" (y)', "q@example.org"),
        ('"a b"@example.org', "qutrio", '"a b"@example.org'),
        ('"a@b;c"@example.org', "qutrio", '"a@b;c"@example.org'),
        ("q@[127.0.0.1]", "qutrio", "q@[127.0.0.1]"),
        ("q@localhost", "qutrio", "q@localhost"),
    ],
)
@pytest.mark.parametrize("offers", [MODERN, ()], ids=["modern", "nothing"])
async def test_a_sender_is_passed_on_exactly(
    senders: Senders, offers: tuple[str, ...], sender: str, name: str, address: str
) -> None:
    taken = await taken_by(senders, offers, evolve(MAIL, sender=sender))
    assert taken.opening.startswith(f"MAIL FROM:<{address}>")
    shown, bracket, sent_from = taken.header("From").rpartition("<")
    assert bracket + sent_from == f"<{address}>"
    # Some versions of Python read no address with a literal in it.
    assert decoded(parseaddr(f"{shown}<q@example.org>")[0]) == name
    assert taken.content.partition(b"\r\n\r\n")[0].isascii()


@pytest.mark.parametrize(
    ("recipient", "address"),
    [
        ("ops@bücher.example", "ops@xn--bcher-kva.example"),
        ("Nachtdienst <ops@example.org>", "ops@example.org"),
        ('"night shift"@example.org', '"night shift"@example.org'),
        ('"a;b"@example.org', '"a;b"@example.org'),
        ('"a\\"b\\\\c"@example.org', '"a\\"b\\\\c"@example.org'),
        ("ops+pager@example.org", "ops+pager@example.org"),
    ],
)
async def test_a_recipient_is_passed_on_exactly(
    senders: Senders, recipient: str, address: str
) -> None:
    taken = await taken_by(senders, (), evolve(MAIL, recipients=(recipient,)))
    assert taken.recipients == [address]
    [header] = taken.message["To"].addresses
    assert header.addr_spec == address
    assert parseaddr(taken.message["To"])[1] == address


async def test_a_mailbox_that_is_not_ascii_uses_smtputf8_in_a_message_of_its_own(
    senders: Senders,
) -> None:
    """The message for the others can still be relayed by any server."""
    async with scripted_server(Script(offers=MODERN)) as server:
        channel = evolve(MAIL, port=server.port, recipients=(JOERG, "ops@example.org"))
        result = await senders.send(channel, LETTER)
    assert result.everybody
    first, second = server.taken
    assert first.recipients == ["ops@example.org"]
    assert "SMTPUTF8" not in first.opening
    assert JOERG not in first.header("To")
    assert JOERG in second.header("To")
    assert second.recipients == [JOERG]
    assert "SMTPUTF8" in second.opening
    assert "BODY=8BITMIME" in second.opening


async def test_a_server_without_smtputf8_refuses_only_the_mailbox_that_needs_it(
    senders: Senders,
) -> None:
    async with scripted_server(Script(offers=PLAIN_ONLY)) as server:
        channel = evolve(MAIL, port=server.port, recipients=(JOERG, "ops@example.org"))
        result = await senders.send(channel, LETTER)
    assert {p.recipient: p.fate for p in result.parts} == {
        JOERG: Fate.REFUSED,
        "ops@example.org": Fate.TAKEN,
    }
    assert "SMTPUTF8" in result.detail


async def test_a_sender_that_is_not_ascii_needs_smtputf8_for_everybody(senders: Senders) -> None:
    async with scripted_server(Script(offers=PLAIN_ONLY)) as server:
        with pytest.raises(DeliveryError, match=r"cannot send from 'jörg@example\.org'.*SMTPUTF8"):
            await senders.send(evolve(MAIL, port=server.port, sender=JOERG), LETTER)
    taken = await taken_by(senders, MODERN, evolve(MAIL, sender=JOERG))
    assert "SMTPUTF8" in taken.opening
    assert parseaddr(taken.header("From")) == ("qutrio", JOERG)


ACCOUNTS = [("me", "s3cret"), ("jörg", "päss"), ("用户", "пароль " * 30), ("me", "a\0b")]


@pytest.mark.parametrize("account", ACCOUNTS, ids=["ascii", "umlauts", "long", "nul"])
@pytest.mark.parametrize(
    "logins",
    [("PLAIN",), ("LOGIN",), ("CRAM-MD5",), ("XOAUTH2", "GSSAPI", "LOGIN"), ("login", "PLAIN")],
    ids=",".join,
)
async def test_a_login_uses_a_mechanism_that_the_server_offers(
    senders: Senders, server_tls: ssl.SSLContext, logins: tuple[str, ...], account: tuple[str, str]
) -> None:
    script = Script(tls=server_tls, logins=logins, account=account)
    async with scripted_server(script) as server:
        channel = evolve(_with_login(*account), port=server.port)
        assert (await senders.send(channel, LETTER)).everybody
    assert server.logged_in == 1
    tried = [line.split(" ")[1] for line in server.said if line.startswith("AUTH")]
    assert len(tried) == 1


def _with_login(username: str = "me", password: str = "s3cret") -> SmtpChannel:
    return evolve(MAIL, security=MailSecurity.STARTTLS, username=username, password=password)


@pytest.mark.parametrize(
    ("logins", "words"),
    [
        (
            ("XOAUTH2", "GSSAPI"),
            r"offers logins XOAUTH2, GSSAPI, and none that qutrio supports",
        ),
        ((), "offers no login; leave the user name out"),
    ],
    ids=["others", "none"],
)
async def test_a_server_without_a_supported_login_is_reported_and_gets_no_password(
    senders: Senders, server_tls: ssl.SSLContext, logins: tuple[str, ...], words: str
) -> None:
    async with scripted_server(Script(tls=server_tls, logins=logins)) as server:
        with pytest.raises(DeliveryError, match=words):
            await senders.send(evolve(_with_login(), port=server.port), LETTER)
    assert not any(line.startswith(("AUTH", "MAIL")) for line in server.said)


async def test_a_login_that_is_offered_inside_tls_only_asks_for_starttls(
    senders: Senders, server_tls: ssl.SSLContext
) -> None:
    async with scripted_server(Script(tls=server_tls, logins=("PLAIN",))) as server:
        channel = evolve(MAIL, port=server.port, username="me")
        with pytest.raises(DeliveryError, match="no login before STARTTLS; set the channel's"):
            await senders.send(channel, LETTER)


async def test_offers_before_tls_do_not_count_inside(
    senders: Senders, server_tls: ssl.SSLContext
) -> None:
    """Someone in between may have sent them."""
    script = Script(tls=server_tls, clear_logins=("PLAIN",), logins=("LOGIN",), account=("me", "x"))
    async with scripted_server(script) as server:
        await senders.send(evolve(_with_login("me", "x"), port=server.port), LETTER)
    assert [line for line in server.said if line.startswith("AUTH")] == ["AUTH LOGIN"]


async def test_after_a_mechanism_that_does_not_work_the_next_is_tried(
    senders: Senders, server_tls: ssl.SSLContext
) -> None:
    script = Script(
        tls=server_tls,
        logins=("PLAIN", "LOGIN"),
        account=("me", "s3cret"),
        auth={"PLAIN": "504 5.5.4 unrecognized authentication type"},
    )
    async with scripted_server(script) as server:
        assert (await senders.send(evolve(_with_login(), port=server.port), LETTER)).everybody


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("password", ["hunter2", "wröng"])
async def test_a_refused_login_is_tried_once_and_quoted_without_the_password(
    senders: Senders, server_tls: ssl.SSLContext, mechanism: str, password: str
) -> None:
    """More tries with the same password may lock the account."""
    logins = (mechanism, *{"PLAIN", "LOGIN", "CRAM-MD5"} - {mechanism})
    only = dict.fromkeys({"PLAIN", "LOGIN", "CRAM-MD5"} - {mechanism}, "504 no")
    script = Script(tls=server_tls, logins=logins, account=("me", "s3cret"), auth=only)
    async with scripted_server(script) as server:
        with pytest.raises(DeliveryError, match=r"refused the login: 535 5\.7\.8") as caught:
            await senders.send(evolve(_with_login("me", password), port=server.port), LETTER)
    assert password not in str(caught.value)
    assert sum(mechanism in line for line in server.said) == 1


async def test_an_invalid_challenge_is_a_refused_login(
    senders: Senders, server_tls: ssl.SSLContext
) -> None:
    script = Script(tls=server_tls, logins=("CRAM-MD5",), auth={"CRAM-MD5": "334 !nonsense!"})
    async with scripted_server(script) as server:
        with pytest.raises(DeliveryError, match="its challenge is not base64"):
            await senders.send(evolve(_with_login(), port=server.port), LETTER)

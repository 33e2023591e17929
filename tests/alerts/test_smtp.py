"""Mail, against a real server on loopback."""

import ssl
from email.utils import parsedate_to_datetime

import pytest
import trio
from attrs import evolve

from qutrio.alerts.senders import Senders
from qutrio.alerts.text import subject
from qutrio.errors import DeliveryError
from qutrio.model.channels import MailSecurity
from qutrio.model.ids import ChannelId, IncidentId, NodeId, NoticeId, UnixTime
from tests import needs
from tests.alerts.samples import DOWN, LETTER, MAIL, RECOVERED, mail_of
from tests.alerts.servers import mail_server, rough_server
from tests.patience import HANG_S

TAKEN_S_MAX = HANG_S
HUNG_S = 0.3
"""How long an attempt that will never end is looked at before it is given up."""


async def test_a_notice_arrives_as_plain_text_with_its_evidence(senders: Senders) -> None:
    with mail_server() as server:
        channel = evolve(MAIL, port=server.port, recipients=("ops@example.org", "boss@example.org"))
        done = await senders.send(channel, LETTER)
        mail = server.taken.get(timeout=TAKEN_S_MAX)
    assert done.delivered
    assert done.detail == f"taken by 127.0.0.1:{server.port}"
    assert mail.sender == "qutrio@example.org"
    assert mail.recipients == ["ops@example.org", "boss@example.org"]
    assert mail.message["Subject"] == subject(DOWN)
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert mail.message.get_content_type() == "text/plain"
    assert "connection refused" in mail.message.get_content()
    assert parsedate_to_datetime(mail.message["Date"]).timestamp() == LETTER.sent_unix
    assert server.taken.empty()


async def test_starttls_encrypts_before_the_login(
    senders: Senders, server_tls: ssl.SSLContext
) -> None:
    with mail_server(starttls=server_tls, login=("me", "s3cret")) as server:
        channel = evolve(
            MAIL, port=server.port, security=MailSecurity.STARTTLS, username="me", password="s3cret"
        )
        await senders.send(channel, LETTER)
        mail = server.taken.get(timeout=TAKEN_S_MAX)
    assert mail.encrypted
    assert mail.login == b"s3cret"


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
async def test_implicit_tls_with_a_login(senders: Senders, server_tls: ssl.SSLContext) -> None:
    with mail_server(implicit=server_tls, login=("me", "s3cret")) as server:
        channel = evolve(
            MAIL, port=server.port, security=MailSecurity.TLS, username="me", password="s3cret"
        )
        await senders.send(channel, LETTER)
        mail = server.taken.get(timeout=TAKEN_S_MAX)
    assert mail.encrypted
    assert mail.login == b"s3cret"


async def test_a_login_that_is_not_ascii_is_sent_as_utf8(
    senders: Senders, server_tls: ssl.SSLContext
) -> None:
    with mail_server(starttls=server_tls, login=("jörg", "geheimnüß")) as server:
        channel = evolve(
            MAIL,
            port=server.port,
            security=MailSecurity.STARTTLS,
            username="jörg",
            password="geheimnüß",
        )
        await senders.send(channel, LETTER)
        assert server.taken.get(timeout=TAKEN_S_MAX).login == "geheimnüß".encode()


@pytest.mark.parametrize("password", ["wrong", "wröng"])
async def test_a_refused_login_says_so_without_the_password(
    senders: Senders, server_tls: ssl.SSLContext, password: str
) -> None:
    with mail_server(starttls=server_tls, login=("me", "s3cret")) as server:
        channel = evolve(
            MAIL, port=server.port, security=MailSecurity.STARTTLS, username="me", password=password
        )
        with pytest.raises(DeliveryError, match="refused the login: 535") as caught:
            await senders.send(channel, LETTER)
        assert password not in str(caught.value)
        assert server.taken.empty()


async def test_a_server_without_starttls_gets_nothing(senders: Senders) -> None:
    """Falling back to clear text would reveal the password to anyone in between."""
    with mail_server() as server:
        channel = evolve(
            MAIL, port=server.port, security=MailSecurity.STARTTLS, username="me", password="s3cret"
        )
        with pytest.raises(DeliveryError, match="STARTTLS"):
            await senders.send(channel, LETTER)
        assert server.taken.empty()


@pytest.mark.parametrize("security", [MailSecurity.STARTTLS, MailSecurity.TLS])
async def test_an_untrusted_certificate_is_refused_unless_verification_is_off(
    senders: Senders, stranger_tls: ssl.SSLContext, security: MailSecurity
) -> None:
    implicit = security is MailSecurity.TLS
    with mail_server(**{"implicit" if implicit else "starttls": stranger_tls}) as server:  # type: ignore[arg-type]
        channel = evolve(MAIL, port=server.port, security=security)
        with pytest.raises(
            DeliveryError, match=r"127\.0\.0\.1:\d+: the certificate is not trusted"
        ):
            await senders.send(channel, LETTER)
        assert server.taken.empty()
        await senders.send(evolve(channel, verify_tls=False), LETTER)
        assert server.taken.get(timeout=TAKEN_S_MAX).encrypted


@needs.because(needs.lacking_hosts())
async def test_a_certificate_for_another_name_is_refused(
    senders: Senders, server_tls: ssl.SSLContext
) -> None:
    with mail_server(implicit=server_tls) as server:
        channel = evolve(MAIL, host="localhost", port=server.port, security=MailSecurity.TLS)
        with pytest.raises(DeliveryError, match=r"not trusted.*localhost"):
            await senders.send(channel, LETTER)


async def test_nobody_listening_is_an_ordinary_failure(senders: Senders) -> None:
    with mail_server() as server:
        port = server.port
    with pytest.raises(DeliveryError, match=f"127.0.0.1:{port}: .*refused"):
        await senders.send(evolve(MAIL, port=port), LETTER)


@pytest.mark.parametrize(
    ("opening", "repeat", "security"),
    [
        (b"", b"", MailSecurity.NONE),
        (b"220-hello\r\n", b"2", MailSecurity.NONE),
        (b"220 hello\r\n", b"", MailSecurity.NONE),
        (b"220 hello\r\n250-x\r\n250 STARTTLS\r\n220 go\r\n", b"", MailSecurity.STARTTLS),
        (b"", b"", MailSecurity.TLS),
        (b"\x16\x03\x03\x40\x00", b"\x02", MailSecurity.TLS),
    ],
    ids=["silent", "dripping", "after-hello", "starttls", "handshake", "dripping-handshake"],
)
async def test_giving_up_on_a_hung_server_ends_the_thread_too(
    senders: Senders, opening: bytes, repeat: bytes, security: MailSecurity
) -> None:
    """Otherwise 32 such attempts would use up all threads."""
    async with rough_server(opening, repeat, pause_s=0.01) as server:
        async with trio.open_nursery() as nursery:
            channel = evolve(MAIL, port=server.port, security=security)
            nursery.start_soon(senders.send, channel, LETTER)
            with trio.fail_after(HANG_S):
                await server.connected.wait()
            with trio.move_on_after(HUNG_S) as scope:
                await server.left.wait()
            assert scope.cancelled_caught
            nursery.cancel_scope.cancel()
        with trio.fail_after(HANG_S):
            await server.left.wait()


async def test_endless_replies_are_cut_off_by_size(senders: Senders) -> None:
    async with rough_server(b"220-hello\r\n", b"220-more and more\r\n" * 500) as server:
        with trio.fail_after(HANG_S), pytest.raises(DeliveryError, match="more than 65536 bytes"):
            await senders.send(evolve(MAIL, port=server.port), LETTER)


def test_message_id_is_the_same_at_every_attempt_by_every_node() -> None:
    later = evolve(LETTER, node=NodeId("nffffffffffff"), node_name="z", sent_unix=UnixTime(2e9))
    first, again = mail_of(MAIL, LETTER), mail_of(MAIL, later)
    assert first["Message-ID"] == again["Message-ID"]
    assert first["Date"] != again["Date"]


def test_message_id_differs_by_notice_channel_and_cluster() -> None:
    letters = [LETTER, evolve(LETTER, notice=RECOVERED), evolve(LETTER, cluster_id="other")]
    ids = [mail_of(MAIL, envelope)["Message-ID"] for envelope in letters]
    ids += [mail_of(evolve(MAIL, id=ChannelId("mail2")), LETTER)["Message-ID"]]
    assert len(set(ids)) == len(ids)


def test_down_and_recovered_share_a_thread() -> None:
    down, recovered = mail_of(MAIL, LETTER), mail_of(MAIL, evolve(LETTER, notice=RECOVERED))
    assert down["References"] == recovered["References"] == recovered["In-Reply-To"]
    assert down["References"] != down["Message-ID"]


async def test_hostile_text_cannot_add_headers_or_recipients(senders: Senders) -> None:
    nasty = "x\r\nBcc: evil@example.org\r\n\r\n.\r\nMAIL FROM:<evil@example.org>"
    notice = evolve(
        DOWN, check_name=nasty, target=nasty, id=NoticeId(nasty), incident=IncidentId(nasty)
    )
    envelope = evolve(LETTER, notice=notice, cluster_id=nasty, node_name=nasty)
    with mail_server() as server:
        await senders.send(evolve(MAIL, port=server.port), envelope)
        mail = server.taken.get(timeout=TAKEN_S_MAX)
        assert server.taken.empty()
    assert mail.message["Bcc"] is None
    assert mail.recipients == ["ops@example.org"]
    added = {"X-Peer", "X-MailFrom", "X-RcptTo"}  # by the server
    assert set(mail.message.keys()) - added == set(mail_of(MAIL, LETTER).keys())


async def test_text_that_is_not_ascii_survives(senders: Senders) -> None:
    notice = evolve(DOWN, target="https://bücher.example/日本", check_name="bücher")
    with mail_server() as server:
        channel = evolve(MAIL, port=server.port, recipients=("ops@bücher.example",))
        await senders.send(channel, evolve(LETTER, notice=notice))
        mail = server.taken.get(timeout=TAKEN_S_MAX)
    assert "https://bücher.example/日本" in mail.message["Subject"]
    assert "https://bücher.example/日本" in mail.message.get_content()
    assert mail.recipients == ["ops@xn--bcher-kva.example"]
    headers = mail.content.partition(b"\r\n\r\n")[0]
    assert headers.isascii()
    assert max(len(line) for line in mail.content.split(b"\r\n")) <= 998


async def test_a_mailbox_that_is_not_ascii_needs_and_uses_smtputf8(senders: Senders) -> None:
    with mail_server() as server:
        channel = evolve(MAIL, port=server.port, recipients=("jörg@example.org",))
        await senders.send(channel, LETTER)
        assert server.taken.get(timeout=TAKEN_S_MAX).recipients == ["jörg@example.org"]

"""The mailbox of the demo, filled by Python's own SMTP client."""

import smtplib
from email.message import EmailMessage

import pytest
import trio

from qutrio.cli.demo.mailbox import HOST, LINE_BYTES_MAX, Mailbox, open_mailbox
from tests.patience import HANG_S

WAIT_S_MAX = HANG_S


def send(port: int, subject: str, body: str) -> None:
    message = EmailMessage()
    message["Subject"] = subject
    message["Message-ID"] = "<1@example.org>"
    message.set_content(body)
    with smtplib.SMTP(HOST, port, timeout=WAIT_S_MAX) as client:
        client.send_message(message, "qutrio@example.org", ["oncall@example.org"])


async def deliver(mailbox: Mailbox, subject: str, body: str = "text") -> None:
    with trio.fail_after(WAIT_S_MAX):
        await trio.to_thread.run_sync(send, mailbox.port, subject, body)


async def test_a_mail_is_kept_with_its_subject_and_text() -> None:
    async with open_mailbox() as mailbox:
        await deliver(mailbox, "[DOWN] größer", "one\n.dotted\n\nlast")
        (mail,) = mailbox.mails
    assert mail.subject == "[DOWN] größer"
    assert mail.message_id == "<1@example.org>"
    assert mail.body.strip() == "one\n.dotted\n\nlast"


async def test_waiting_for_a_mail_ends_when_it_arrives() -> None:
    async with open_mailbox() as mailbox, trio.open_nursery() as nursery:
        await deliver(mailbox, "[DOWN] a")
        nursery.start_soon(deliver, mailbox, "[RECOVERED] a")
        with trio.fail_after(WAIT_S_MAX):
            assert (await mailbox.first("RECOVERED")).subject == "[RECOVERED] a"
        assert len(mailbox.about("DOWN")) == 1


@pytest.mark.parametrize(
    "words",
    [b"\xff" * 2 * LINE_BYTES_MAX, b"DATA\r\nSubject: half", b"EHLO x\r\nVRFY y\r\n"],
    ids=["endless line", "broken off", "not spoken"],
)
async def test_a_rude_client_leaves_nothing_behind_and_the_next_is_served(words: bytes) -> None:
    async with open_mailbox() as mailbox:
        async with await trio.open_tcp_stream(HOST, mailbox.port) as stream:
            await stream.send_all(words)
        await deliver(mailbox, "fine")
        assert [mail.subject for mail in mailbox.mails] == ["fine"]

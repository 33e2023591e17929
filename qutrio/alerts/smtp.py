"""Sends a notice by mail with smtplib, and reports the result for each recipient.

The recipients share one message where the server allows it.  A refused recipient does not keep
the others from getting theirs.  Where the server limits the recipients of one message, several
are sent, and a message that it refuses for several is sent to each alone, as one may be the cause.
"""

import smtplib
import ssl
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import trio
from attrs import define, field

from qutrio.alerts.envelope import Envelope
from qutrio.alerts.mail import compose
from qutrio.alerts.send_result import SendResult, of_parts
from qutrio.alerts.smtp_connection import SmtpConnection, SmtpSession
from qutrio.alerts.smtp_login import log_in
from qutrio.alerts.tls import ClientContexts
from qutrio.codec.addresses import Mailbox, parse_mailbox
from qutrio.errors import DeliveryError, InvalidValueError, plain_reason
from qutrio.model.channels import MailSecurity, SmtpChannel
from qutrio.model.ids import Seconds
from qutrio.model.parts import Fate, Part
from qutrio.model.results import clip

MAIL_THREADS_MAX = 32
MAIL_S_MAX: Seconds = 28.0
"""For all recipients together.  Below `ATTEMPT_S_MAX`, so that partial results are reported."""
SERVICE_ENDS = 421
TOO_MANY_CODES = frozenset({452, 552})
TOO_MANY_WORDS = (b"4.5.3", b"5.5.3")
PERMANENT = 500


async def send_mail(
    channel: SmtpChannel,
    envelope: Envelope,
    *,
    contexts: ClientContexts,
    limiter: trio.CapacityLimiter,
) -> SendResult:
    """Send the notice to the channel's server once; cancelling cuts the connection.

    Raises:
        DeliveryError: there is no result for any recipient; the text says which step failed, and
            what the server answered.

    """
    context = await contexts.get(verify=channel.verify_tls)
    connection, results = SmtpConnection(), _Results()
    deliver = partial(_deliver, channel, envelope, context, connection, results)
    trouble = f"not done within {MAIL_S_MAX:g} s"
    try:
        with trio.move_on_after(MAIL_S_MAX):
            run = trio.to_thread.run_sync
            trouble = await run(deliver, limiter=limiter, abandon_on_cancel=True)
    finally:
        connection.cut()
    server = f"{channel.host}:{channel.port}"
    parts = results.parts_for(envelope.wanted(channel), trouble)
    if not parts:
        raise DeliveryError(f"{server}: {trouble}")
    return of_parts(server, parts, reached_before=envelope.reached_before)


@define
class _Results:
    """The result for each recipient, by its text in the channel; filled in another thread."""

    _parts: dict[str, Part] = field(factory=dict)

    def record(self, box: Mailbox | str, fate: Fate, said: str) -> None:
        text = box if isinstance(box, str) else box.text
        self._parts[text] = Part(text, fate, said)

    def record_refusal(self, boxes: Sequence[Mailbox], code: int, said: bytes) -> None:
        """Record the server's refusal of these recipients."""
        fate = Fate.REFUSED if code >= PERMANENT else Fate.PUT_OFF
        for box in boxes:
            self.record(box, fate, _answer(code, said))

    def parts_for(self, wanted: Sequence[str], trouble: str) -> list[Part]:
        """Return a part for each recipient, or none when there is no result for any."""
        parts = dict(self._parts)
        if not parts:
            return []
        return [parts.get(r) or Part(r, Fate.PUT_OFF, trouble) for r in wanted]


def _deliver(
    channel: SmtpChannel,
    envelope: Envelope,
    context: ssl.SSLContext,
    connection: SmtpConnection,
    results: _Results,
) -> str:
    """Deliver what can be delivered; return why the rest could not, or an empty text."""
    try:
        _converse(channel, envelope, context, connection, results)
    except smtplib.SMTPAuthenticationError as error:
        return f"refused the login: {_answer(error.smtp_code, error.smtp_error)}"
    except smtplib.SMTPResponseException as error:
        return f"refused: {_answer(error.smtp_code, error.smtp_error)}"
    except ssl.SSLCertVerificationError as error:
        return f"the certificate is not trusted: {clip(error.verify_message)}"
    except DeliveryError as error:
        return str(error)
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        return clip(plain_reason(error))
    finally:
        connection.close()
    return ""


def _converse(
    channel: SmtpChannel,
    envelope: Envelope,
    context: ssl.SSLContext,
    connection: SmtpConnection,
    results: _Results,
) -> None:
    sender, boxes = _sender(channel), list[Mailbox]()
    for text in envelope.wanted(channel):
        try:
            boxes.append(parse_mailbox(text, "recipients"))
        except InvalidValueError as error:
            results.record(text, Fate.REFUSED, error.problem)
    client = SmtpSession(channel, context, connection)
    try:
        _open(client, channel, context)
        delivery = _Delivery(client, channel, envelope, sender, results)
        delivery.send_to([b for b in boxes if not b.needs_utf8])
        delivery.send_to([b for b in boxes if b.needs_utf8])
        with suppress(smtplib.SMTPException, OSError):
            client.quit()
    finally:
        client.close()


def _sender(channel: SmtpChannel) -> Mailbox:
    try:
        return parse_mailbox(channel.sender, "sender")
    except InvalidValueError as error:
        raise DeliveryError(str(error)) from None


def _open(client: SmtpSession, channel: SmtpChannel, context: ssl.SSLContext) -> None:
    """Greet, encrypt and log in, as the channel is configured."""
    _greet(client)
    if channel.security is MailSecurity.STARTTLS:
        client.starttls(context=context)
        _greet(client)  # it may offer other extensions inside TLS
    if channel.username is not None:
        log_in(client, channel.username, channel.password or "")


def _greet(client: SmtpSession) -> None:
    code, said = client.ehlo()
    if code == SERVICE_ENDS:
        raise smtplib.SMTPResponseException(code, said)
    if not _good(code):
        code, said = client.helo()
    if not _good(code):
        raise smtplib.SMTPHeloError(code, said)


def _good(code: int) -> bool:
    return 200 <= code <= 299  # noqa: PLR2004 - the class of success


@define
class _Delivery:
    """One notice on an open connection."""

    _client: SmtpSession
    _channel: SmtpChannel
    _envelope: Envelope
    _sender: Mailbox
    _results: _Results

    def send_to(self, boxes: Sequence[Mailbox]) -> None:
        """Deliver to these, in as many messages as the server demands.

        Every message has a result for at least one recipient, so this ends.
        """
        if not boxes:
            return
        if self._sender.needs_utf8 or boxes[0].needs_utf8:
            if not self._client.has_extn("smtputf8"):
                self._refuse_non_ascii(boxes)
                return
            self._client.command_encoding = "utf-8"
        rounds = [list(boxes)]
        while rounds:
            rounds = self._send_message(rounds[0]) + rounds[1:]

    def _send_message(self, boxes: list[Mailbox]) -> list[list[Mailbox]]:
        """Send one message; return the groups of recipients that need messages of their own."""
        mail = compose(self._channel.id, self._envelope, self._sender, boxes)
        self._send_from(len(mail))
        accepted, later = self._send_recipients(boxes)
        code, said = self._send_data(mail) if accepted else (0, b"")
        if code == SERVICE_ENDS:
            raise smtplib.SMTPResponseException(code, said)
        if accepted and _good(code):
            for box in accepted:
                self._results.record(box, Fate.TAKEN, _answer(code, said))
            return [later] if later else []
        self._client.rset()
        if len(accepted) > 1:
            return [[box] for box in accepted] + ([later] if later else [])
        self._results.record_refusal(accepted, code, said)
        return [later] if later else []

    def _send_from(self, size: int) -> None:
        options = [f"SIZE={size}"] if self._client.has_extn("size") else []
        if self._client.command_encoding == "utf-8":
            options += ["SMTPUTF8"]
            options += ["BODY=8BITMIME"] if self._client.has_extn("8bitmime") else []
        words = " ".join([f"FROM:<{self._sender.address}>", *options])
        code, said = self._client.docmd("MAIL", words)
        if not _good(code):
            raise smtplib.SMTPSenderRefused(code, said, self._sender.address)

    def _send_recipients(self, boxes: list[Mailbox]) -> tuple[list[Mailbox], list[Mailbox]]:
        """Return the recipients that were accepted, and those that need another message."""
        accepted, later = list[Mailbox](), list[Mailbox]()
        for box in boxes:
            code, said = self._client.docmd("RCPT", f"TO:<{box.address}>")
            if code == SERVICE_ENDS:
                raise smtplib.SMTPResponseException(code, said)
            if _good(code):
                accepted.append(box)
            elif accepted and _too_many(code, said):
                later.append(box)
            else:
                self._results.record_refusal([box], code, said)
        return accepted, later

    def _send_data(self, mail: bytes) -> tuple[int, bytes]:
        try:
            return self._client.data(mail)
        except smtplib.SMTPDataError as error:  # the server refused the command itself
            said = error.smtp_error
            return error.smtp_code, said if isinstance(said, bytes) else said.encode()

    def _refuse_non_ascii(self, boxes: Sequence[Mailbox]) -> None:
        problem = "the server does not accept addresses that are not ASCII (it lacks SMTPUTF8)"
        if self._sender.needs_utf8:
            raise DeliveryError(f"cannot send from {self._sender.address!r}: {problem}")
        for box in boxes:
            self._results.record(box, Fate.REFUSED, problem)


def _too_many(code: int, said: bytes) -> bool:
    return code in TOO_MANY_CODES or said.startswith(TOO_MANY_WORDS)


def _answer(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return clip(f"{code} {text}")

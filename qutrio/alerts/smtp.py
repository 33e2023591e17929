"""Mail: hand a notice over with smtplib, to each recipient on its own account.

The recipients share one message where the server takes that.  One that it refuses does not keep
the others from theirs; where it takes only so many in one message there are several messages; and
a message that it refuses for several is offered to each alone, because it may be about one.
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
"""For all recipients together.  Less than an attempt may take, so that what was done is told."""
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
    """Hand the notice to the channel's server once; cancelling cuts the connection.

    Raises:
        DeliveryError: nothing was said about any recipient; the text says which step failed, and
            what the server answered.

    """
    context = await contexts.get(verify=channel.verify_tls)
    line, tally = SmtpConnection(), _Tally()
    talk = partial(_talk, channel, envelope, context, line, tally)
    trouble = f"not done within {MAIL_S_MAX:g} s"
    try:
        with trio.move_on_after(MAIL_S_MAX):
            trouble = await trio.to_thread.run_sync(talk, limiter=limiter, abandon_on_cancel=True)
    finally:
        line.cut()
    server = f"{channel.host}:{channel.port}"
    parts = tally.told(envelope.wanted(channel), trouble)
    if not parts:
        raise DeliveryError(f"{server}: {trouble}")
    return of_parts(server, parts, reached_before=envelope.reached_before)


@define
class _Tally:
    """What became of each recipient, by its text in the channel; filled in another thread."""

    _parts: dict[str, Part] = field(factory=dict)

    def note(self, box: Mailbox | str, fate: Fate, said: str) -> None:
        text = box if isinstance(box, str) else box.text
        self._parts[text] = Part(text, fate, said)

    def answered(self, boxes: Sequence[Mailbox], code: int, said: bytes) -> None:
        """Note the server's refusal for these."""
        fate = Fate.REFUSED if code >= PERMANENT else Fate.PUT_OFF
        for box in boxes:
            self.note(box, fate, _answer(code, said))

    def told(self, wanted: Sequence[str], trouble: str) -> list[Part]:
        """Return a part for each recipient, unless nothing is known of any."""
        parts = dict(self._parts)
        if not parts:
            return []
        return [parts.get(r) or Part(r, Fate.PUT_OFF, trouble) for r in wanted]


def _talk(
    channel: SmtpChannel,
    envelope: Envelope,
    context: ssl.SSLContext,
    line: SmtpConnection,
    tally: _Tally,
) -> str:
    """Deliver what can be delivered; return why the rest could not, if something is left."""
    try:
        _converse(channel, envelope, context, line, tally)
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
        line.close()
    return ""


def _converse(
    channel: SmtpChannel,
    envelope: Envelope,
    context: ssl.SSLContext,
    line: SmtpConnection,
    tally: _Tally,
) -> None:
    sender, boxes = _sender(channel), list[Mailbox]()
    for text in envelope.wanted(channel):
        try:
            boxes.append(parse_mailbox(text, "recipients"))
        except InvalidValueError as error:
            tally.note(text, Fate.REFUSED, error.problem)
    client = SmtpSession(channel, context, line)
    try:
        _open(client, channel, context)
        delivery = _Delivery(client, channel, envelope, sender, tally)
        delivery.to_all([b for b in boxes if not b.needs_utf8])
        delivery.to_all([b for b in boxes if b.needs_utf8])
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
    """Greet, encrypt and log in, as the channel wants it."""
    _greet(client)
    if channel.security is MailSecurity.STARTTLS:
        client.starttls(context=context)
        _greet(client)  # what it offers inside TLS may be something else
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
    _letter: Envelope
    _sender: Mailbox
    _tally: _Tally

    def to_all(self, boxes: Sequence[Mailbox]) -> None:
        """Deliver to these, in as many messages as the server wants.

        Every message settles at least one recipient, so this ends.
        """
        if not boxes:
            return
        if self._sender.needs_utf8 or boxes[0].needs_utf8:
            if not self._client.has_extn("smtputf8"):
                self._refuse_letters(boxes)
                return
            self._client.command_encoding = "utf-8"
        rounds = [list(boxes)]
        while rounds:
            rounds = self._message(rounds[0]) + rounds[1:]

    def _message(self, boxes: list[Mailbox]) -> list[list[Mailbox]]:
        """Send one message; return the groups of recipients that need messages of their own."""
        mail = compose(self._channel.id, self._letter, self._sender, boxes)
        self._begin(len(mail))
        accepted, later = self._name(boxes)
        code, said = self._data(mail) if accepted else (0, b"")
        if code == SERVICE_ENDS:
            raise smtplib.SMTPResponseException(code, said)
        if accepted and _good(code):
            for box in accepted:
                self._tally.note(box, Fate.TAKEN, _answer(code, said))
            return [later] if later else []
        self._client.rset()
        if len(accepted) > 1:
            return [[box] for box in accepted] + ([later] if later else [])
        self._tally.answered(accepted, code, said)
        return [later] if later else []

    def _begin(self, size: int) -> None:
        options = [f"SIZE={size}"] if self._client.has_extn("size") else []
        if self._client.command_encoding == "utf-8":
            options += ["SMTPUTF8"]
            options += ["BODY=8BITMIME"] if self._client.has_extn("8bitmime") else []
        words = " ".join([f"FROM:<{self._sender.address}>", *options])
        code, said = self._client.docmd("MAIL", words)
        if not _good(code):
            raise smtplib.SMTPSenderRefused(code, said, self._sender.address)

    def _name(self, boxes: list[Mailbox]) -> tuple[list[Mailbox], list[Mailbox]]:
        """Name the recipients; return who was accepted, and who has to go in another message."""
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
                self._tally.answered([box], code, said)
        return accepted, later

    def _data(self, mail: bytes) -> tuple[int, bytes]:
        try:
            return self._client.data(mail)
        except smtplib.SMTPDataError as error:  # it refused the command already
            said = error.smtp_error
            return error.smtp_code, said if isinstance(said, bytes) else said.encode()

    def _refuse_letters(self, boxes: Sequence[Mailbox]) -> None:
        problem = "the server does not take addresses that are not ASCII (it lacks SMTPUTF8)"
        if self._sender.needs_utf8:
            raise DeliveryError(f"cannot send from {self._sender.address!r}: {problem}")
        for box in boxes:
            self._tally.note(box, Fate.REFUSED, problem)


def _too_many(code: int, said: bytes) -> bool:
    return code in TOO_MANY_CODES or said.startswith(TOO_MANY_WORDS)


def _answer(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return clip(f"{code} {text}")

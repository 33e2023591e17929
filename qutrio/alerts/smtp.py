"""Mail: compose one message, and hand it over with smtplib in a thread that can be cut off.

smtplib has a time limit per read, not per conversation, so a server that drips one byte at a
time could hold a thread for ever.  A `Line` keeps a duplicate of the socket: shutting that
down from the event loop ends the thread, in whichever phase it is.
"""

import base64
import smtplib
import socket
import ssl
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as MAIL_POLICY
from email.utils import formatdate
from functools import partial
from typing import BinaryIO

import trio

from qutrio.alerts.letter import Letter
from qutrio.alerts.text import body, subject
from qutrio.alerts.tls import ClientContexts
from qutrio.errors import DeliveryError, plain_reason
from qutrio.model.channels import MailSecurity, SmtpChannel
from qutrio.model.results import clip

MAIL_THREADS_MAX = 32
SILENCE_S_MAX = 20.0
REPLY_BYTES_MAX = 64 * 1024
ACCEPTED = 250
LOGGED_IN = 235


class Line:
    """A handle on the socket of a conversation that runs in another thread."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._copy: socket.socket | None = None
        self._cut = False

    def attach(self, sock: socket.socket) -> None:
        """Keep a duplicate of the socket, which stays usable when TLS takes the original."""
        self._copy = sock.dup()
        if self._cut:
            self.cut()

    def cut(self) -> None:
        """End the conversation now, or as soon as it has a socket; harmless when it is over."""
        self._cut = True
        if self._copy is not None:
            with suppress(OSError):
                self._copy.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Forget the socket."""
        if self._copy is not None:
            self._copy.close()


class _ShortReplies:
    """A file that refuses to be read for ever."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = REPLY_BYTES_MAX

    def readline(self, size: int) -> bytes:
        line = self._file.readline(size)
        self._left -= len(line)
        if self._left < 0:
            raise OSError(f"the server sent more than {REPLY_BYTES_MAX} bytes of replies")
        return line

    def close(self) -> None:
        self._file.close()


class _Conversation(smtplib.SMTP):
    """smtplib on a socket of ours: implicit TLS if asked for, and replies of bounded length."""

    def __init__(self, channel: SmtpChannel, context: ssl.SSLContext, line: Line) -> None:
        self._implicit_tls = context if channel.security is MailSecurity.TLS else None
        self._line = line
        # Left to itself, smtplib would look up this host's own name in the DNS and might hang.
        name = "[127.0.0.1]"
        super().__init__(channel.host, channel.port, local_hostname=name, timeout=SILENCE_S_MAX)
        self.local_hostname = _own_name(self.sock)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock = socket.create_connection((host, port), timeout)
        self._line.attach(sock)
        if self._implicit_tls is None:
            return sock
        try:
            return self._implicit_tls.wrap_socket(sock, server_hostname=host)
        except BaseException:
            sock.close()
            raise

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _ShortReplies(self.sock.makefile("rb"))
        return super().getreply()


def compose(channel: SmtpChannel, letter: Letter) -> EmailMessage:
    """Return the mail for a notice.

    Its Message-ID is the same at every attempt by every node, so that repeats can be dropped;
    all mails of one incident refer to the same thread.
    """
    domain = f"{letter.cluster_id}.qutrio" if _is_label(letter.cluster_id) else "qutrio"
    thread = f"<{letter.thread_id(channel.id)}@{domain}>"
    mail = EmailMessage(policy=MAIL_POLICY)
    mail["From"] = Address("qutrio", *_split(channel.sender))
    mail["To"] = [Address("", *_split(r)) for r in channel.recipients]
    mail["Subject"] = subject(letter.notice)
    mail["Date"] = formatdate(letter.sent_unix)
    mail["Message-ID"] = f"<{letter.delivery_id(channel.id)}@{domain}>"
    mail["In-Reply-To"] = thread
    mail["References"] = thread
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["X-Qutrio-Event"] = letter.notice.kind.value
    mail.set_content(body(letter))
    return mail


async def send_mail(
    channel: SmtpChannel, letter: Letter, *, contexts: ClientContexts, limiter: trio.CapacityLimiter
) -> str:
    """Hand the notice to the channel's server once; cancelling cuts the connection.

    Raises:
        DeliveryError: says in which step it failed, and what the server answered.

    """
    context = await contexts.get(verify=channel.verify_tls)
    line = Line()
    talk = partial(_talk, channel, compose(channel, letter), context, line)
    try:
        return await trio.to_thread.run_sync(talk, limiter=limiter, abandon_on_cancel=True)
    finally:
        line.cut()


def _talk(channel: SmtpChannel, mail: EmailMessage, context: ssl.SSLContext, line: Line) -> str:
    server = f"{channel.host}:{channel.port}"
    try:
        return _converse(channel, mail, context, line)
    except smtplib.SMTPRecipientsRefused as error:
        whom = _refusals(error.recipients)
        raise DeliveryError(f"{server} refused every recipient: {whom}") from None
    except smtplib.SMTPAuthenticationError as error:
        raise DeliveryError(f"{server} refused the login: {_answer(error)}") from None
    except smtplib.SMTPResponseException as error:
        raise DeliveryError(f"{server} refused: {_answer(error)}") from None
    except ssl.SSLCertVerificationError as error:
        why = error.verify_message
        raise DeliveryError(f"the certificate of {server} is not trusted: {why}") from None
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        raise DeliveryError(f"{server}: {clip(plain_reason(error))}") from None
    finally:
        line.close()


def _converse(channel: SmtpChannel, mail: EmailMessage, context: ssl.SSLContext, line: Line) -> str:
    client = _Conversation(channel, context, line)
    try:
        if channel.security is MailSecurity.STARTTLS:
            client.starttls(context=context)
        if channel.username is not None:
            _log_in(client, channel.username, channel.password or "")
        sender, *recipients = ("@".join(_split(a)) for a in (channel.sender, *channel.recipients))
        refused = client.send_message(mail, sender, recipients)
        with suppress(smtplib.SMTPException, OSError):
            client.quit()
    finally:
        client.close()
    taken = f"taken by {channel.host}:{channel.port}"
    return f"{taken}, but refused for {_refusals(refused)}" if refused else taken


def _log_in(client: smtplib.SMTP, username: str, password: str) -> None:
    """Log in; smtplib itself cannot send a name or password that is not ASCII."""
    if username.isascii() and password.isascii():
        client.login(username, password)
        return
    client.ehlo_or_helo_if_needed()
    secret = base64.b64encode(f"\0{username}\0{password}".encode()).decode("ascii")
    code, answer = client.docmd("AUTH", f"PLAIN {secret}")
    if code != LOGGED_IN:
        raise smtplib.SMTPAuthenticationError(code, answer)


def _answer(error: smtplib.SMTPResponseException) -> str:
    return f"{error.smtp_code} {_readable(error.smtp_error)}"


def _refusals(recipients: dict[str, tuple[int, bytes]]) -> str:
    return "; ".join(f"{who}: {code} {_readable(text)}" for who, (code, text) in recipients.items())


def _readable(answer: bytes | str) -> str:
    return clip(answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer)


def _split(address: str) -> tuple[str, str]:
    """Return local part and domain; the domain in ASCII, as servers without SMTPUTF8 need it."""
    local, _, domain = address.rpartition("@")
    with suppress(UnicodeError):
        domain = domain.encode("idna").decode("ascii")
    return local, domain


def _own_name(sock: socket.socket | None) -> str:
    """Return what to say in EHLO without asking the DNS: a full host name, or an address."""
    name = socket.gethostname()
    if "." in name and name.isascii():
        return name
    address = sock.getsockname()[0] if sock is not None else "127.0.0.1"
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _is_label(text: str) -> bool:
    return text.isascii() and text.replace("-", "").isalnum()

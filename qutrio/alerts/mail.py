"""Composes the mail for a notice, in a form that every server accepts.

The body is ASCII on the wire (quoted-printable or base64 where necessary), so no server needs
8BITMIME.  Header text is ASCII or encoded words; only an address that is not ASCII is written
as it is, and such a mail needs a server with SMTPUTF8.

The headers are written here because the standard library's newer `EmailMessage` loses blanks
between the encoded words of a long name; its older `Header` does not.
"""

from collections.abc import Sequence
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP as MAIL_POLICY
from email.utils import formatdate

from qutrio.alerts.envelope import Envelope
from qutrio.alerts.text import body, subject
from qutrio.codec.addresses import Mailbox
from qutrio.model.ids import ChannelId

DISPLAY_NAME = "qutrio"
"""The sender's name, unless the channel sets another."""
_BODY_POLICY = MAIL_POLICY.clone(cte_type="7bit")


def compose(
    channel: ChannelId, envelope: Envelope, sender: Mailbox, recipients: Sequence[Mailbox]
) -> bytes:
    """Return the mail for a notice to these recipients.

    Its Message-ID is the same at every attempt by every node, so that repeats can be dropped.
    All mails of one incident belong to the same thread.
    """
    domain = f"{envelope.cluster_id}.qutrio" if _is_label(envelope.cluster_id) else "qutrio"
    thread = f"<{envelope.thread_id(channel)}@{domain}>"
    headers = {
        "From": _named(sender.display or DISPLAY_NAME, sender),
        "To": ",\r\n ".join(_named(box.display, box) for box in recipients),
        "Subject": _words(subject(envelope.notice), "Subject"),
        "Date": formatdate(envelope.sent_unix),
        "Message-ID": f"<{envelope.delivery_id(channel)}@{domain}>",
        "In-Reply-To": thread,
        "References": thread,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Qutrio-Event": envelope.notice.kind.value,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return head.encode() + _content(envelope)


def _content(envelope: Envelope) -> bytes:
    """Return the body, after the headers that describe it."""
    content = EmailMessage(policy=_BODY_POLICY)
    content.set_content(body(envelope).encode("utf-8", "replace").decode())
    return content.as_bytes()


def _named(display: str, box: Mailbox) -> str:
    if not display:
        return box.address
    if display.isascii():
        escaped = display.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"\r\n <{box.address}>'
    return f"{_words(display, 'From')}\r\n <{box.address}>"


def _words(text: str, header: str) -> str:
    """Return `text` folded at about 76 columns, as encoded words unless it is plain ASCII."""
    line = "".join(c if c.isprintable() else " " for c in text)
    charset = "us-ascii" if line.isascii() and "=?" not in line else "utf-8"
    return Header(line, charset, header_name=header).encode(linesep="\r\n")


def _is_label(text: str) -> bool:
    return text.isascii() and text.replace("-", "").isalnum()

"""Values that the alert tests share."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from attrs import evolve

from qutrio.alerts.envelope import Envelope
from qutrio.alerts.mail import compose
from qutrio.codec.addresses import parse_mailbox
from qutrio.core.api.view import View
from qutrio.model.channels import Channel, MailSecurity, SmtpChannel, WebhookChannel
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import (
    ChannelId,
    CheckId,
    Fingerprint,
    IncidentId,
    Instant,
    NodeId,
    NoticeId,
    Revision,
    Term,
    UnixTime,
)
from qutrio.model.incidents import Notice, NoticeKind
from qutrio.model.members import Member
from qutrio.model.results import Evidence, Outcome
from qutrio.model.stable import Position

ALPHA = NodeId("n000000000001")
NOON = UnixTime(1_767_268_800.0)
"""2026-01-01 12:00:00 UTC."""

FAIL = Evidence(
    node=ALPHA,
    name="alpha",
    outcome=Outcome.FAIL,
    latency_ms=None,
    detail="connection refused",
    age_s=1.2,
    counted=True,
)
OK = Evidence(
    node=NodeId("n000000000002"),
    name="beta",
    outcome=Outcome.OK,
    latency_ms=12.4,
    detail="HTTP 200",
    age_s=4.0,
    counted=True,
)
QUIET = Evidence(
    node=NodeId("n000000000003"),
    name="gamma",
    outcome=Outcome.ABSTAIN,
    latency_ms=None,
    detail="no resolver answers here",
    age_s=2.0,
    counted=True,
)
DOWN = Notice(
    id=NoticeId("notice-1"),
    kind=NoticeKind.DOWN,
    incident=IncidentId("incident-1"),
    check=CheckId("c1"),
    check_name="web",
    target="https://example.org/",
    term=Term(3),
    sequence=7,
    since_unix=NOON,
    at_unix=UnixTime(NOON + 2),
    evidence=(FAIL, evolve(FAIL, name="delta"), OK, QUIET),
)
RECOVERED = evolve(
    DOWN,
    id=NoticeId("notice-2"),
    kind=NoticeKind.RECOVERED,
    sequence=8,
    at_unix=UnixTime(NOON + 312),
    evidence=(OK,),
)
LETTER = Envelope(
    notice=DOWN, cluster_id="c0ffee", node=ALPHA, node_name="alpha", sent_unix=UnixTime(NOON + 3)
)
MAIL = SmtpChannel(
    id=ChannelId("mail"),
    name="mail",
    host="127.0.0.1",
    port=25,
    security=MailSecurity.NONE,
    sender="qutrio@example.org",
    recipients=("ops@example.org",),
)
HOOK = WebhookChannel(id=ChannelId("hook"), name="hook", url="http://127.0.0.1/secret-path")


def mail_of(channel: SmtpChannel, envelope: Envelope) -> EmailMessage:
    """Return the mail to all recipients of a channel."""
    sender = parse_mailbox(channel.sender, "sender")
    boxes = [parse_mailbox(r, "recipients") for r in channel.recipients]
    mail = message_from_bytes(compose(channel.id, envelope, sender, boxes), policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def view_of(*channels: Channel, acting_until: float | None = 1e9, term: int = 3) -> View:
    """Return the view of a node that is master by default."""
    member = Member(
        id=ALPHA,
        name="alpha",
        address="127.0.0.1:9901",
        fingerprint=Fingerprint("0" * 64),
        certificate="",
    )
    return View(
        node=ALPHA,
        document=ClusterDocument(
            cluster_id="c0ffee",
            revision=Revision(1),
            members=(member,),
            channels=tuple(sorted(channels, key=lambda c: c.id)),
        ),
        position=Position(),
        term=Term(term),
        master=ALPHA,
        acting_until=None if acting_until is None else Instant(acting_until),
        live=frozenset({ALPHA}),
        removed=False,
    )

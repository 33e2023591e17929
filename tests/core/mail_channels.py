"""A mail channel with two recipients, and a delivery scheduler that serves it."""

from random import Random

from qutrio.core.alerting.scheduler import DeliveryScheduler
from qutrio.core.api.events import Attempted
from qutrio.model.channels import Channel, MailSecurity, SmtpChannel
from qutrio.model.document import ClusterDocument
from qutrio.model.incidents import Ledger
from qutrio.model.parts import (
    Fate,
    Part,
)
from tests.core.samples import DB, MAIL, A, at, delivery, document

ANN, BOB, CARL = "ann@example.org", "bob@example.org", "carl@example.org"
BOTH = (ANN, BOB)


def taken(*recipients: str) -> tuple[Part, ...]:
    return tuple(Part(r, Fate.TAKEN, "250 queued") for r in recipients)


def refused(recipient: str, said: str = "550 no such user") -> Part:
    return Part(recipient, Fate.REFUSED, said)


def put_off(recipient: str) -> Part:
    return Part(recipient, Fate.PUT_OFF, "451 later")


def mail(*recipients: str, port: int = 25) -> SmtpChannel:
    return SmtpChannel(
        id=MAIL,
        name="mail",
        host="h",
        port=port,
        security=MailSecurity.NONE,
        sender="q@example.org",
        recipients=recipients,
    )


def held(*channels: Channel) -> ClusterDocument:
    return document(A, channels=channels or [mail(*BOTH)])


ONE = delivery(channel=MAIL)
OTHER = delivery(DB, 2, channel=MAIL)
LEDGER = Ledger(sequence=9, outbox=(ONE,))


def scheduler(on: ClusterDocument | None = None) -> DeliveryScheduler:
    messenger = DeliveryScheduler(Random(1))
    messenger.take_over(at(0), inherited=False)
    messenger.set_channels(on or held(), LEDGER, at(0))
    return messenger


def attempted(*parts: Part, delivered: bool = False, wait_s: float = 0.0) -> Attempted:
    return Attempted(ONE.notice.id, MAIL, delivered, "said", parts=parts, wait_s=wait_s)

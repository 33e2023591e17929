"""What was done for single recipients outlives the master that knew it."""

from qutrio.core.effects import Notify
from qutrio.core.events import Attempted
from qutrio.model.channels import SmtpChannel
from qutrio.model.ids import NodeId
from qutrio.model.incidents import NoticeKind
from qutrio.model.parts import WAIT_S_MAX, Fate, Part
from qutrio.model.results import Outcome
from tests.core.company import Company
from tests.core.samples import MAIL, WALL, WEB, A, B, C, check, document

ANN, BOB = "ann@example.org", "bob@example.org"
POST = SmtpChannel(id=MAIL, name="mail", host="h", sender="q@example.org", recipients=(ANN, BOB))
HALF = (Part(ANN, Fate.TAKEN, "250 ok"), Part(BOB, Fate.PUT_OFF, "451 later"))
REST = (Part(BOB, Fate.TAKEN, "250 ok"),)
GONE = (Part(ANN, Fate.TAKEN, "250 ok"), Part(BOB, Fate.REFUSED, "550 no such user"))


def in_an_outage(*channels: SmtpChannel) -> Company:
    """Three nodes whose master was just told to mail that a check is down."""
    company = Company(document(A, B, C, checks=[check()], channels=channels or [POST]))
    company.channel_works = None
    company.run(3)
    company.see(WEB, Outcome.OK)
    company.run(2)
    company.see(WEB, Outcome.FAIL)
    company.run(3)
    return company


def orders(company: Company) -> list[tuple[NodeId, Notify]]:
    return company.performed(Notify)


def end(company: Company, *parts: Part, delivered: bool = False, wait_s: float = 0.0) -> None:
    """Let the attempt that was ordered last end so."""
    node, order = orders(company)[-1]
    one = order.delivery
    event = Attempted(one.notice.id, one.channel, delivered, "as told", parts=parts, wait_s=wait_s)
    company.give(node, event)


def test_the_next_master_goes_on_with_those_who_are_left() -> None:
    company = in_an_outage()
    assert len(orders(company)) == 1
    end(company, *HALF)
    company.run(1)
    company.crash(A)
    company.run(20)
    node, order = orders(company)[1]
    assert node == B
    assert order.delivery.reached == (ANN,)
    assert order.delivery.pending((ANN, BOB)) == (BOB,)
    end(company, *REST, delivered=True)
    company.run(1)
    assert company.status(B).ledger.outbox == ()


def test_what_was_reached_right_before_the_master_fell_silent_is_passed_on() -> None:
    company = in_an_outage()
    company.cut_off(A)
    company.run(10)
    end(company, *HALF)  # A delivered it, and can tell nobody yet
    company.cut.clear()
    company.run(30)
    later = [order for node, order in orders(company)[1:] if order.delivery.reached]
    assert later, "the new master heard of it"


def test_a_recovery_waits_until_every_recipient_is_settled() -> None:
    company = in_an_outage()
    end(company, *HALF)
    company.see(WEB, Outcome.OK)
    company.run(4)
    assert {o.delivery.notice.kind for _, o in orders(company)} == {NoticeKind.DOWN}
    while orders(company)[-1][1].delivery.reached != (ANN,):
        company.run(1)
    end(company, Part(BOB, Fate.REFUSED, "550 gone"), delivered=True)
    company.run(10)
    assert orders(company)[-1][1].delivery.notice.kind is NoticeKind.RECOVERED


def test_every_node_shows_who_is_refused_until_a_notice_is_taken() -> None:
    company = in_an_outage()
    end(company, *GONE, delivered=True)
    company.run(2)
    for node in (A, B, C):
        [shown] = company.status(node).channels
        [refused] = shown.refusals
        assert (refused.recipient, refused.said) == (BOB, "550 no such user")
        assert shown.waiting == 0
    company.see(WEB, Outcome.OK)
    company.run(5)
    end(company, Part(ANN, Fate.TAKEN), Part(BOB, Fate.TAKEN), delivered=True)
    company.run(2)
    assert [company.status(n).channels[0].refusals for n in (A, B, C)] == [(), (), ()]


def test_the_master_shows_when_the_next_try_is_and_why_the_last_one_failed() -> None:
    company = in_an_outage()
    [shown] = company.status(A).channels
    assert (shown.waiting, shown.trying, shown.next_try_s) == (1, True, None)
    end(company, wait_s=60.0)
    company.run(10)
    [shown] = company.status(A).channels
    assert (shown.trying, shown.error) == (False, "as told")
    assert shown.next_try_s == 50.0
    [other] = company.status(B).channels
    assert (other.trying, other.next_try_s, other.error) == (False, None, "")
    assert shown.asked_until_unix == other.asked_until_unix
    assert other.asked_until_unix is not None
    assert abs(other.asked_until_unix - (WALL + company.now + 50)) < 1


def test_the_next_master_leaves_a_receiver_alone_as_long_as_it_asked() -> None:
    company = in_an_outage()
    end(company, wait_s=120.0)
    asked = company.now
    company.run(5)
    company.crash(A)
    while len(orders(company)) == 1 and company.now < asked + WAIT_S_MAX:
        company.run(1)
    assert len(orders(company)) == 2
    assert 119 <= company.now - asked <= 125

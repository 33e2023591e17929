"""What one member says of deliveries that it was never asked to make."""

import pytest

from qutrio.core.alerting import ATTEMPT_S_MAX, OTHERS_WAIT_S_MAX, RETRY_FIRST_S
from qutrio.core.effects import Notify, Send
from qutrio.core.events import Received
from qutrio.core.messages import Deliver, Delivered, Heartbeat
from qutrio.model.ids import NodeId, Term, UnixTime
from qutrio.model.incidents import Delivery, NoticeKind
from qutrio.model.results import Outcome
from tests.core.company import Company, settled
from tests.core.samples import WALL, WEB, A, B, C, at

ROUNDS_S = 3.0


def looks(company: Company, outcome: Outcome) -> None:
    """Let everybody see the same for some rounds."""
    for _ in range(3):
        company.see(WEB, outcome)
        company.run(ROUNDS_S / 3)


def down(*, works: bool | None = None) -> Company:
    """Return three nodes of which A acts, with an outage just opened."""
    company = settled()
    looks(company, Outcome.OK)
    company.channel_works = works
    looks(company, Outcome.FAIL)
    return company


def entrusted() -> Company:
    """Return the same after A failed and asked B, whose attempt is under way."""
    company = down()
    ((_, mine),) = company.performed(Notify)
    company.give(A, mine.ended(delivered=False, detail="no answer"))
    company.run(RETRY_FIRST_S)
    ((_, to, _),) = company.said(Deliver)
    assert to == B
    return company


def waiting(company: Company) -> tuple[Delivery, ...]:
    return company.nodes[A].register.committed.ledger.outbox


def says(company: Company, liar: NodeId, to: NodeId = A, **what: object) -> None:
    """Let a member say how an attempt at the first notice that waits ended."""
    (first, *_) = waiting(company)
    fields = {"delivered": True, "detail": "as forged"} | what
    told = Delivered(notice=first.notice.id, channel=first.channel, **fields)  # type: ignore[arg-type] # its own fields
    company.give(to, Received(liar, told))


def outpace(company: Company) -> None:
    """Let C name a higher term than everybody knows, and time pass for A to claim again."""
    seat = company.nodes[A].seat
    beat = Heartbeat(
        number=-1,
        heard_term=Term(seat.mandate.heard_term + 1),
        claim=None,
        acting=False,
        able=True,
        committed=company.nodes[A].register.committed.position,
        wall=UnixTime(WALL + company.now),
    )
    company.give(A, Received(C, beat))


@pytest.mark.parametrize("through", [A, B])
def test_a_notice_is_not_crossed_off_on_the_word_of_one_who_was_not_asked(
    through: NodeId,
) -> None:
    company = down()
    says(company, C, to=through)
    company.run(2 * ATTEMPT_S_MAX)
    assert [d.notice.kind for d in waiting(company)] == [NoticeKind.DOWN]


def test_one_who_claims_to_have_delivered_for_another_does_not_end_its_errand() -> None:
    company = entrusted()
    says(company, C, to=B)
    assert waiting(company)
    (errand,) = [n for name, n in company.performed(Notify) if name == B]
    company.give(B, errand.ended(delivered=True, detail="ok"))
    company.run(1)
    assert waiting(company) == ()


def test_nobody_who_was_not_asked_can_make_the_master_wait() -> None:
    company = down()
    for _ in range(10):
        says(company, C, delivered=False, wait_s=3600.0)
    courier = company.nodes[A].pager.courier
    assert courier.errors == {}
    assert courier.busy(at(company.now))
    assert courier.holds.until(waiting(company)[0].channel) < at(company.now)


def test_one_who_was_asked_makes_the_master_wait_for_a_short_while_only() -> None:
    company = entrusted()
    for _ in range(10):
        says(company, B, delivered=False, wait_s=3600.0)
    company.effects.clear()
    company.run(OTHERS_WAIT_S_MAX)
    told = [(name, n.delivery.notice.kind) for name, n in company.performed(Notify)]
    assert [t for t in told if t[1] is NoticeKind.DOWN] == [(A, NoticeKind.DOWN)]


def test_the_late_word_of_one_who_was_asked_ends_nothing_that_another_began() -> None:
    company = entrusted()
    company.run(ATTEMPT_S_MAX + 2 * RETRY_FIRST_S)
    assert company.nodes[A].pager.courier.busy(at(company.now)), "A tries again itself"
    says(company, B, delivered=False)
    assert company.nodes[A].pager.courier.busy(at(company.now))
    says(company, B, delivered=True)
    company.run(1)
    assert waiting(company) == ()


def test_terms_that_rise_while_the_master_acts_hold_no_end_of_an_outage_back() -> None:
    company = down(works=True)
    company.effects.clear()
    for _ in range(12):
        outpace(company)
        company.see(WEB, Outcome.OK)
        company.run(0.5)
    assert company.masters() == [A]
    told = [n.delivery.notice.kind for _, n in company.performed(Notify)]
    assert told == [NoticeKind.RECOVERED]


def test_what_waited_before_the_master_acted_is_crossed_off_on_a_members_word() -> None:
    """An earlier master may have asked anybody; nobody can know whom."""
    company = down()
    company.cut_off(A)
    company.run(20)
    (master,) = [n for n in company.masters() if n != A]
    other = C if master == B else B
    (first,) = company.nodes[master].register.committed.ledger.outbox
    told = Delivered(notice=first.notice.id, channel=first.channel, delivered=True, detail="")
    company.give(master, Received(other, told))
    company.run(1)
    assert company.nodes[master].register.committed.ledger.outbox == ()
    assert not [m for m in company.performed(Send) if isinstance(m[1].message, Delivered)]

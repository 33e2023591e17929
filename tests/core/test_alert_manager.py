"""The alert manager: only the master alerts; others make and report delegated deliveries."""

from random import Random

import pytest
from attrs import evolve

from qutrio.core.alerting.alert_manager import DELEGATED_MAX, AlertManager
from qutrio.core.alerting.scheduler import DeliveryScheduler
from qutrio.core.api.effects import Effect, LogFact, Notify, Send
from qutrio.core.api.events import Attempted
from qutrio.core.api.facts import NoticeUndelivered
from qutrio.core.api.messages import Deliver, Delivered
from qutrio.core.checks.result_exchange import ResultExchange
from qutrio.core.consensus.lease import CLAIM_AGAIN_DEADS
from qutrio.core.election.engines import ENGINES
from qutrio.model.channels import SmtpChannel
from qutrio.model.document import ClusterDocument, Settings
from qutrio.model.ids import NodeId, Term
from qutrio.model.incidents import ENDS, Delivery, Ledger, NoticeKind, UnknownKind
from qutrio.model.parts import Fate, Part
from qutrio.model.stable import Record
from tests.core.leaderships import leadership, win
from tests.core.samples import (
    DEAD_S,
    HOOK,
    MAIL,
    WALL,
    WEB,
    A,
    B,
    C,
    at,
    check,
    delivery,
    document,
    heartbeat,
    hook,
    incident,
    pos,
    record,
)

HELD = document(A, B, C, checks=[check()], channels=[hook()])
ONE = delivery()
DELIVERED = Delivered(notice=ONE.notice.id, channel=HOOK, delivered=True, detail="")
FAILED = Delivered(notice=ONE.notice.id, channel=HOOK, delivered=False, detail="refused")


def alerts(me: NodeId, *, acting: bool = False, held: ClusterDocument = HELD) -> AlertManager:
    node = leadership(me, held)
    if acting:
        win(node, 0.0, *({A, B, C} - {me}))
    return AlertManager(me, node, node.register, ResultExchange(me), DeliveryScheduler(Random(1)))


def master_of(follower: AlertManager, node: NodeId) -> None:
    beat = heartbeat(claim=Term(3), acting=True)
    follower.leadership.on_heartbeat(node, beat, at(0), WALL)


def delegated(follower: AlertManager, sender: NodeId, one: Delivery = ONE) -> list[Effect]:
    """Let a node delegate a delivery at 0 s, right after it heard a heartbeat."""
    heard = follower.leadership.next_heartbeat(at(0), WALL).number
    return follower.on_deliver(sender, Deliver(term=Term(3), delivery=one, heard=heard), at(0))


def hold(master: AlertManager, held: Record) -> None:
    """Let a node hold a record as committed."""
    master.register.accepted = master.register.committed = held


def attempted(*, delivered: bool) -> Attempted:
    return Attempted(ONE.notice.id, HOOK, delivered, "refused")


def has_more_to_do(one: AlertManager) -> bool:
    """Return the property as it is now; mypy would assume that it never changes."""
    return one.is_urgent


# --- the master -----------------------------------------------------------------------------


def test_only_a_master_without_a_write_in_flight_may_write() -> None:
    assert not alerts(A).may_write(at(0))
    master = alerts(A, acting=True)
    assert master.may_write(at(0))
    assert not master.may_write(at(DEAD_S))
    master.register.write_next(Ledger(sequence=1), at(0), WALL)
    assert not master.may_write(at(0))


def test_a_master_that_claims_a_higher_term_writes_nothing_new_until_it_is_established() -> None:
    master = alerts(A, acting=True)
    master.leadership.lease.record_term(Term(5))
    later = at(DEAD_S * CLAIM_AGAIN_DEADS)
    assert master.may_write(later)
    master.leadership.advance(later, WALL)
    assert master.leadership.acting_until(later) is not None
    assert not master.may_write(later)


def test_a_new_master_evaluates_every_check_once_per_term() -> None:
    master = alerts(A, acting=True)
    assert master.may_write(at(0))
    assert has_more_to_do(master)
    assert master.next_ledger(at(0), WALL) == Ledger()
    assert not has_more_to_do(master)
    assert master.may_write(at(1))
    assert not has_more_to_do(master)


def test_only_committed_notices_are_sent() -> None:
    master = alerts(A, acting=True)
    master.may_write(at(0))
    master.register.write_next(Ledger(outbox=(ONE,)), at(0), WALL)
    assert master.start_attempts([], at(0)) == []
    master.register.mark_committed()
    assert master.start_attempts([], at(0)) == [Notify(ONE, Term(1), delegated=False)]
    assert master.scheduler.is_busy(at(0))


def test_a_master_that_cannot_reach_a_channel_delegates_to_another_member() -> None:
    master = alerts(A, acting=True)
    master.register.accepted = master.register.committed = record(
        HELD, pos(1), Ledger(outbox=(ONE,))
    )
    master.start_attempts([B, C], at(0))
    (note,) = master.on_attempted(attempted(delivered=False), at(0))
    assert note == LogFact(NoticeUndelivered(HOOK, "refused"))
    later = master.scheduler.deadline()
    assert master.start_attempts([B, C], later) == [Send(B, Deliver(term=Term(1), delivery=ONE))]


def test_a_delivery_by_any_member_under_an_earlier_master_counts() -> None:
    master = alerts(A, acting=True)
    master.register.accepted = master.register.committed = record(
        HELD, pos(1), Ledger(outbox=(ONE,))
    )
    master.may_write(at(0))
    assert master.on_delivered(C, DELIVERED, at(0)) == []
    assert master.next_ledger(at(0), WALL).outbox == ()


def test_a_new_master_waits_before_it_delivers_the_outbox_of_the_last_one() -> None:
    master = alerts(A, acting=True)
    master.register.accepted = master.register.committed = record(
        HELD, pos(1), Ledger(outbox=(ONE,))
    )
    master.may_write(at(0))
    assert master.start_attempts([], at(0)) == []
    assert len(master.start_attempts([], at(2))) == 1


@pytest.mark.parametrize("engine", sorted(ENGINES))
@pytest.mark.parametrize("kind", sorted(ENDS, key=str))
def test_a_new_master_sends_no_end_while_a_delegated_delivery_of_the_last_one_may_begin(
    engine: str, kind: NoticeKind
) -> None:
    """A delegated delivery lasts as long under each engine, whatever the length of a grant."""
    held = document(A, B, C, checks=[check()], channels=[hook()], settings=Settings(engine=engine))
    runner = alerts(C, held=held)
    master_of(runner, B)
    (order,) = delegated(runner, B)
    assert isinstance(order, Notify)
    assert order.until is not None
    master, end = alerts(A, acting=True), delivery(kind=kind)
    inherited = record(held, pos(1), Ledger(outbox=(end,)))
    master.register.accepted = master.register.committed = inherited
    master.leadership.lease.add_grant(B, Term(1), pos(1), at(DEAD_S))
    assert master.may_write(at(0))
    assert master.start_attempts([], order.until) == []
    (told,) = master.start_attempts([], at(2 * DEAD_S))
    assert isinstance(told, Notify)
    assert told.delivery == end


def test_a_later_notice_waits_while_a_delegated_delivery_of_the_last_master_may_begin() -> None:
    master, second = alerts(A, acting=True), delivery(number=3)
    master.register.accepted = master.register.committed = record(
        HELD, pos(1), Ledger(outbox=(ONE, second))
    )
    master.may_write(at(0))
    assert master.start_attempts([], at(2)) == [Notify(ONE, Term(1), delegated=False)]
    master.on_attempted(attempted(delivered=True), at(2))
    master.register.accepted = master.register.committed = record(
        HELD, pos(2), Ledger(outbox=(second,))
    )
    assert master.start_attempts([], at(DEAD_S)) == []
    assert master.start_attempts([], at(2 * DEAD_S)) == [Notify(second, Term(1), delegated=False)]


def test_a_new_master_assumes_that_waiting_notices_were_tried_by_the_last_one() -> None:
    """If the check is removed just then, people are told that monitoring ended."""
    master, open_ = alerts(A, acting=True), incident()
    ledger = Ledger(sequence=1, incidents=(evolve(open_, channels=(HOOK,)),), outbox=(ONE,))
    gone = record(document(A, B, C, channels=[hook()]), pos(1), ledger)
    master.register.accepted = master.register.committed = gone
    assert master.may_write(at(0))
    (left,) = master.next_ledger(at(0), WALL).outbox
    assert (left.notice.kind, left.channel) == (NoticeKind.CLOSED, HOOK)


# --- the others -----------------------------------------------------------------------------


def test_a_member_makes_delegated_deliveries_for_the_master_only() -> None:
    follower = alerts(C)
    assert delegated(follower, A) == []
    master_of(follower, A)
    assert delegated(follower, B) == []
    assert delegated(follower, A) == [Notify(ONE, Term(3), delegated=True, until=at(DEAD_S))]


def test_a_delegated_delivery_is_as_old_as_the_last_heartbeat_that_its_master_heard() -> None:
    follower = alerts(C)
    master_of(follower, A)
    heard = follower.leadership.next_heartbeat(at(0), WALL).number
    old = Deliver(term=Term(3), delivery=ONE, heard=heard)
    (order,) = follower.on_deliver(A, old, at(DEAD_S - 0.01))
    assert isinstance(order, Notify)
    assert order.until == at(DEAD_S)
    late = Send(A, evolve(FAILED, detail="the request came too late"))
    follower.leadership.on_heartbeat(A, heartbeat(claim=Term(3), acting=True), at(DEAD_S), WALL)
    assert follower.on_deliver(A, old, at(DEAD_S)) == [late]
    unknown = Deliver(term=Term(3), delivery=ONE)  # as a master of an older version sends it
    assert follower.on_deliver(A, unknown, at(DEAD_S)) == [late]


def test_a_delegated_delivery_that_arrives_twice_is_attempted_once() -> None:
    follower = alerts(C)
    master_of(follower, A)
    heard = follower.leadership.next_heartbeat(at(0), WALL).number
    twice = Deliver(term=Term(3), delivery=ONE, heard=heard)
    assert len(follower.on_deliver(A, twice, at(0))) == 1
    assert follower.on_deliver(A, twice, at(0)) == []
    assert len(delegated(follower, A)) == 1  # asked for again, after another heartbeat


def test_a_member_makes_a_bounded_number_of_delegated_deliveries() -> None:
    follower = alerts(C)
    master_of(follower, A)
    for number in range(DELEGATED_MAX):
        assert len(delegated(follower, A, delivery(WEB, number))) == 1
    assert delegated(follower, A) == []


def test_a_failed_delegated_delivery_is_reported_to_the_master_that_asked() -> None:
    follower = alerts(C)
    master_of(follower, A)
    delegated(follower, A)
    assert Send(A, FAILED) in follower.on_attempted(attempted(delivered=False), at(1))
    assert follower.report_delivered(at(1)) == []


def test_a_failed_attempt_that_nobody_asked_for_is_only_recorded() -> None:
    follower = alerts(C)
    (note,) = follower.on_attempted(attempted(delivered=False), at(1))
    assert isinstance(note, LogFact)


@pytest.mark.parametrize("delegated", [True, False])
def test_a_delivery_is_reported_once_to_the_master(delegated: bool) -> None:
    follower = alerts(C)
    if delegated:
        master_of(follower, A)
        follower.on_deliver(A, Deliver(term=Term(3), delivery=ONE), at(0))
    after = DEAD_S + 1
    assert follower.on_attempted(attempted(delivered=True), at(after)) == []
    assert follower.report_delivered(at(after)) == []  # nobody acts just now
    follower.leadership.on_heartbeat(B, heartbeat(claim=Term(4), acting=True), at(after), WALL)
    assert follower.report_delivered(at(after)) == [Send(B, DELIVERED)]
    assert follower.report_delivered(at(after)) == []


def test_the_master_reports_nothing_to_itself() -> None:
    master = alerts(A, acting=True)
    master.on_attempted(attempted(delivered=True), at(0))
    assert master.report_delivered(at(0)) == []
    assert master.scheduler.delivered == {(ONE.notice.id, HOOK)}


def test_a_delegated_delivery_of_an_unknown_kind_is_refused() -> None:
    follower = alerts(B)
    master_of(follower, A)
    number = follower.leadership.next_heartbeat(at(0), WALL).number
    theirs = evolve(ONE, notice=evolve(ONE.notice, kind=UnknownKind("telepathy")))
    delegated = Deliver(term=Term(3), delivery=theirs, heard=number)
    (answer,) = follower.on_deliver(A, delegated, at(0))
    assert isinstance(answer, Send)
    assert isinstance(answer.message, Delivered)
    assert "no notice of the kind 'telepathy'" in answer.message.detail


# --- recipients that are reached one by one -------------------------------------------------

ANN, BOB = "ann@example.org", "bob@example.org"
POST = SmtpChannel(
    id=MAIL, name="mail", host="h", sender="q@example.org", recipients=(ANN, BOB), default=False
)
SHARED = document(A, B, C, checks=[check()], channels=[hook(), POST])
TWO = delivery(channel=MAIL)
HALF = (Part(ANN, Fate.TAKEN, "250 ok"), Part(BOB, Fate.PUT_OFF, "451 later"))
HALF_DONE = Attempted(TWO.notice.id, MAIL, delivered=False, detail="x", parts=HALF, wait_s=5.0)


def test_a_delegated_delivery_reports_which_recipients_it_reached() -> None:
    follower = alerts(B, held=SHARED)
    master_of(follower, A)
    delegated(follower, A, TWO)
    told = Delivered(
        notice=TWO.notice.id, channel=MAIL, delivered=False, detail="x", parts=HALF, wait_s=5.0
    )
    assert Send(A, told) in follower.on_attempted(HALF_DONE, at(1))
    assert follower.report_delivered(at(1)) == []


def test_a_former_master_reports_which_recipients_it_reached() -> None:
    former = alerts(B, held=SHARED)
    former.on_attempted(HALF_DONE, at(0))
    assert former.report_delivered(at(0)) == [], "nobody acts"
    master_of(former, A)
    mark = Delivered(
        notice=TWO.notice.id,
        channel=MAIL,
        delivered=False,
        detail="ann@example.org: taken",
        parts=HALF[:1],
    )
    assert former.report_delivered(at(1)) == [Send(A, mark)]
    assert former.report_delivered(at(1)) == []


def test_the_master_records_which_recipients_a_peer_reached_and_how_long_to_wait() -> None:
    master = alerts(A, acting=True, held=SHARED)
    master.scheduler.set_channels(SHARED, Ledger(), at(0))
    ledger = Ledger(outbox=(TWO,))
    master.scheduler.due(ledger, (B,), at(0))
    master.on_attempted(Attempted(TWO.notice.id, MAIL, delivered=False, detail="x"), at(1))
    (delegated,) = master.scheduler.due(ledger, (B,), at(10))
    assert delegated.via == B
    told = Delivered(
        notice=TWO.notice.id, channel=MAIL, delivered=False, detail="", parts=HALF, wait_s=99.0
    )
    (note,) = master.on_delivered(B, told, at(11))
    assert isinstance(note, LogFact)
    assert master.scheduler.recipients.marked(TWO).reached == (ANN,)
    assert master.scheduler.holds.until(MAIL) == at(110)

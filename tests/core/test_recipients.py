"""Recipients: a delivery is complete when each was reached or refused."""

import pytest
from attrs import evolve

from qutrio.core.alerting.attempts import DueAttempt
from qutrio.core.alerting.recipients import Recipients
from qutrio.core.alerting.scheduler import DeliveryScheduler
from qutrio.model.ids import UnixTime
from qutrio.model.incidents import Delivery, Ledger
from qutrio.model.parts import (
    REFUSALS_MAX,
    RefusedRecipient,
)
from tests.core.mail_channels import (
    ANN,
    BOB,
    BOTH,
    CARL,
    LEDGER,
    ONE,
    OTHER,
    attempted,
    held,
    mail,
    put_off,
    refused,
    scheduler,
    taken,
)
from tests.core.samples import HOOK, MAIL, WALL, at, delivery, hook

# --- the marks ------------------------------------------------------------------------------


def test_a_delivery_goes_to_the_recipients_that_were_not_reached() -> None:
    assert ONE.pending(BOTH) == BOTH
    assert evolve(ONE, reached=(ANN,)).pending(BOTH) == (BOB,)
    assert evolve(ONE, refused=(ANN,)).pending(BOTH) == (BOB,)
    assert evolve(ONE, reached=(ANN,), refused=(BOB,)).pending(BOTH) == ()


def test_recipients_that_refused_are_tried_again_while_none_was_reached() -> None:
    everybody = evolve(ONE, refused=BOTH)
    assert everybody.pending(BOTH) == BOTH
    assert not everybody.is_complete(BOTH)


def test_a_delivery_is_settled_when_no_recipient_is_left() -> None:
    assert not ONE.is_complete(())
    assert not evolve(ONE, reached=(ANN,)).is_complete(BOTH)
    assert evolve(ONE, reached=(ANN,), refused=(BOB,)).is_complete(BOTH)
    assert evolve(ONE, reached=(ANN,)).is_complete((ANN,))


def test_marks_of_several_attempts_add_up() -> None:
    marks = Recipients()
    marks.record(ONE.key, (*taken(ANN), put_off(BOB)))
    marks.record(ONE.key, (refused(ANN), refused(BOB)))
    assert marks.marked(ONE) == evolve(ONE, reached=(ANN,), refused=(BOB,))
    assert marks.marked(evolve(ONE, reached=(BOB,))) == evolve(ONE, reached=BOTH)
    assert marks.marked(OTHER) is OTHER
    assert [p.recipient for p in marks.parts_of(ONE.key)] == [ANN, BOB]
    assert marks.keys() == {ONE.key}


def test_a_recipient_that_refused_and_then_accepted_counts_as_reached() -> None:
    marks = Recipients()
    marks.record(ONE.key, (refused(ANN),))
    marks.record(ONE.key, taken(ANN))
    assert marks.marked(evolve(ONE, refused=(ANN,))) == evolve(ONE, reached=(ANN,))


def test_nothing_but_delays_leaves_no_mark() -> None:
    marks = Recipients()
    marks.record(ONE.key, (put_off(ANN),))
    assert marks.keys() == set()


def test_marks_of_deliveries_that_are_over_are_forgotten() -> None:
    marks = Recipients()
    marks.record(ONE.key, taken(ANN))
    marks.record(OTHER.key, taken(ANN))
    marks.retain({OTHER.key})
    assert marks.keys() == {OTHER.key}


# --- which recipient is tried when ----------------------------------------------------------


def pruned(messenger: DeliveryScheduler, *, parts: bool = False) -> Ledger:
    """The outbox without what is done, whether all of it is examined or only what ended."""
    whole = messenger.prune(LEDGER, held(), parts=parts)
    assert messenger.prune_ended(LEDGER, parts=parts) == whole
    if whole.outbox == LEDGER.outbox:
        assert messenger.prune_ended(LEDGER, parts=parts) is LEDGER
    return whole


def test_what_ended_and_is_not_in_the_outbox_changes_nothing() -> None:
    messenger = scheduler()
    messenger.on_attempted(attempted(*taken(ANN), *taken(BOB), delivered=True), BOTH, at(1))
    assert messenger.delivered == {ONE.key}
    assert messenger.prune_ended(LEDGER, parts=True) is LEDGER


def test_a_retry_goes_to_the_recipients_left_and_the_others_are_recorded() -> None:
    messenger = scheduler()
    assert messenger.due(LEDGER, (), at(0)) == [DueAttempt(ONE, None)]
    messenger.on_attempted(attempted(*taken(ANN), put_off(BOB)), BOTH, at(1))
    half = evolve(ONE, reached=(ANN,))
    assert pruned(messenger, parts=True).outbox == (half,)
    assert messenger.due(LEDGER, (), messenger.deadline()) == [DueAttempt(half, None)]
    messenger.on_attempted(attempted(*taken(BOB), delivered=True), BOTH, at(20))
    assert pruned(messenger, parts=True).outbox == ()


def test_a_cluster_that_cannot_record_recipients_settles_no_delivery_that_misses_one() -> None:
    messenger = scheduler()
    messenger.due(LEDGER, (), at(0))
    messenger.on_attempted(attempted(*taken(ANN), put_off(BOB)), BOTH, at(1))
    assert pruned(messenger) is LEDGER
    assert messenger.due(LEDGER, (), messenger.deadline()) == [
        DueAttempt(evolve(ONE, reached=(ANN,)), None)
    ]
    messenger.on_attempted(attempted(*taken(BOB), delivered=True), BOTH, at(20))
    assert pruned(messenger).outbox == ()


def test_two_members_that_reached_one_each_reached_both() -> None:
    messenger = scheduler()
    messenger.due(LEDGER, (), at(0))
    messenger.on_attempted(attempted(*taken(ANN), put_off(BOB)), BOTH, at(1))
    messenger.on_attempted(attempted(*taken(BOB), put_off(ANN)), BOTH, at(2))
    assert messenger.due(LEDGER, (), at(1000)) == []
    assert pruned(messenger, parts=True).outbox == ()


def test_a_recipient_that_a_former_master_reached_is_not_tried_again() -> None:
    half = evolve(ONE, reached=(ANN,))
    messenger = scheduler()
    assert messenger.due(Ledger(outbox=(half,)), (), at(0)) == [DueAttempt(half, None)]
    assert messenger.due(Ledger(outbox=(evolve(half, refused=(BOB,)),)), (), at(99)) == []


def test_a_recipient_that_was_removed_is_not_waited_for() -> None:
    half = Ledger(outbox=(evolve(ONE, reached=(ANN,)),))
    assert scheduler().prune(half, held(mail(ANN))).outbox == ()


@pytest.mark.parametrize("recipients", [(), (ANN,)])
def test_one_receiver_needs_no_parts(recipients: tuple[str, ...]) -> None:
    messenger = scheduler()
    messenger.on_attempted(attempted(delivered=True), recipients, at(1))
    assert messenger.delivered == {ONE.key}


def test_a_report_without_recipients_does_not_settle_a_delivery_to_several() -> None:
    """An older version reports a delivery even if it reached only one of two."""
    messenger = scheduler()
    messenger.due(LEDGER, (), at(0))
    messenger.on_attempted(attempted(delivered=True), BOTH, at(1))
    assert messenger.delivered == set()
    assert messenger.due(LEDGER, (), messenger.deadline()) == [DueAttempt(ONE, None)]


def test_the_state_of_a_channel_is_shown() -> None:
    messenger = scheduler()
    assert messenger.attempt_status(MAIL) == (False, None)
    messenger.due(LEDGER, (), at(0))
    assert messenger.attempt_status(MAIL) == (True, None)
    messenger.on_attempted(attempted(), BOTH, at(1))
    assert messenger.errors == {MAIL: "said"}
    assert messenger.attempt_status(MAIL) == (False, messenger.deadline())
    assert messenger.attempt_status(HOOK) == (False, None)
    messenger.on_attempted(attempted(*taken(*BOTH), delivered=True), BOTH, at(2))
    assert messenger.errors == {}


# --- refusals -------------------------------------------------------------------------------


def row(recipient: str, said: str = "550 no such user", when: float = WALL) -> RefusedRecipient:
    return RefusedRecipient(channel=MAIL, recipient=recipient, said=said, at_unix=UnixTime(when))


def test_a_refusal_is_shown_until_a_notice_is_accepted() -> None:
    messenger = scheduler()
    messenger.on_attempted(attempted(*taken(ANN), refused(BOB), delivered=True), BOTH, at(1))
    ledger = messenger.record_waits(Ledger(), at(1), WALL)
    assert ledger.refusals == (row(BOB),)
    assert messenger.record_waits(ledger, at(2), UnixTime(WALL + 1)) is ledger
    messenger.on_attempted(attempted(*taken(*BOTH), delivered=True), BOTH, at(3))
    assert messenger.record_waits(ledger, at(4), WALL).refusals == ()
    assert messenger.record_waits(Ledger(), at(5), WALL).refusals == ()


def test_a_new_refusal_replaces_the_old_one() -> None:
    marks, channels = Recipients(), {MAIL: mail(*BOTH)}
    marks.record(ONE.key, (refused(ANN, "550 full"),))
    assert marks.refusals((row(ANN),), channels, WALL) == (row(ANN, "550 full"),)


def test_refusals_of_removed_recipients_and_channels_are_forgotten() -> None:
    marks = Recipients()
    known = (row(ANN), row(BOB))
    assert marks.refusals(known, {MAIL: mail(BOB)}, WALL) == (row(BOB),)
    assert marks.refusals(known, {}, WALL) == ()


def test_the_newest_of_too_many_refusals_are_shown() -> None:
    channel = mail(*(f"r{n}@example.org" for n in range(50)))
    known = tuple(
        RefusedRecipient(channel=MAIL, recipient="r0@example.org", said=f"{n}", at_unix=WALL)
        for n in range(3)
    )
    assert REFUSALS_MAX == 500
    assert len(Recipients().refusals(known, {MAIL: channel}, WALL)) == 1


# --- edits of a channel ---------------------------------------------------------------------


def test_an_edited_channel_is_tried_at_once_for_all_recipients_left() -> None:
    three = held(mail(ANN, BOB, CARL))
    messenger = scheduler(three)
    messenger.due(LEDGER, (), at(0))
    messenger.on_attempted(
        attempted(*taken(ANN), refused(BOB), put_off(CARL), wait_s=600.0), (ANN, BOB, CARL), at(1)
    )
    ledger = messenger.prune(LEDGER, three, parts=True)
    ledger = messenger.record_waits(ledger, at(1), WALL)
    assert (ledger.waits, ledger.refusals) != ((), ())
    edited = held(mail(ANN, BOB, CARL, port=26))
    ledger = messenger.set_channels(edited, ledger, at(2))
    assert (ledger.waits, ledger.refusals) == ((), ())
    assert ledger.outbox == (evolve(ONE, reached=(ANN,)),)
    assert messenger.record_waits(ledger, at(2), WALL) is ledger
    assert messenger.due(ledger, (), at(2)) == [DueAttempt(evolve(ONE, reached=(ANN,)), None)]
    assert messenger.errors == {}


def test_an_edit_ends_no_other_reason_to_wait() -> None:
    messenger = scheduler()
    messenger.successors.hold((delivery(number=3, channel=MAIL),), at(50))
    messenger.due(LEDGER, (), at(0))
    messenger.set_channels(held(mail(ANN)), LEDGER, at(1))
    assert messenger.due(LEDGER, (), at(1)) == []
    assert len(messenger.due(LEDGER, (), at(50))) == 1


def test_an_attempt_under_way_goes_on_during_an_edit() -> None:
    messenger = scheduler()
    messenger.due(LEDGER, (), at(0))
    messenger.set_channels(held(mail(ANN)), LEDGER, at(1))
    assert messenger.due(LEDGER, (), at(1)) == []
    assert messenger.is_busy(at(1))


def test_an_edit_of_another_channel_changes_nothing() -> None:
    messenger = scheduler(held(hook(), mail(*BOTH)))
    messenger.recipients.record(ONE.key, (refused(BOB),))
    messenger.recipients.record(delivery(channel=HOOK).key, ())
    other = held(hook(default=False), mail(*BOTH))
    ledger = Ledger(outbox=(evolve(ONE, refused=(BOB,)),), refusals=(row(BOB),))
    assert messenger.set_channels(other, ledger, at(1)) == ledger
    assert messenger.recipients.keys() == {ONE.key}
    assert messenger.set_channels(other, ledger, at(1)) is ledger


def test_a_delivery_has_no_parts_unless_it_has_recipients() -> None:
    plain = Delivery(notice=ONE.notice, channel=HOOK)
    assert plain.pending(()) == ()

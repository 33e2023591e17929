"""Recipients that are reached one by one, and receivers that ask to wait."""

from random import Random

import pytest
from attrs import evolve

from qutrio.core.alerting import RETRY_FIRST_S, Courier, Errand
from qutrio.core.events import Attempted
from qutrio.core.holds import Holds
from qutrio.core.recipients import Recipients
from qutrio.model.channels import Channel, MailSecurity, SmtpChannel
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import NEVER, UnixTime
from qutrio.model.incidents import Delivery, Ledger
from qutrio.model.parts import (
    REFUSALS_MAX,
    WAIT_S_MAX,
    ChannelWait,
    Fate,
    Part,
    RefusedRecipient,
)
from tests.core.samples import DB, HOOK, MAIL, WALL, A, at, delivery, document, hook

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


def courier(on: ClusterDocument | None = None) -> Courier:
    messenger = Courier(Random(1))
    messenger.take_over(at(0), inherited=False)
    messenger.follow(on or held(), LEDGER, at(0))
    return messenger


def attempted(*parts: Part, delivered: bool = False, wait_s: float = 0.0) -> Attempted:
    return Attempted(ONE.notice.id, MAIL, delivered, "said", parts=parts, wait_s=wait_s)


# --- the marks ------------------------------------------------------------------------------


def test_a_delivery_goes_to_those_whom_nobody_reached() -> None:
    assert ONE.pending(BOTH) == BOTH
    assert evolve(ONE, reached=(ANN,)).pending(BOTH) == (BOB,)
    assert evolve(ONE, refused=(ANN,)).pending(BOTH) == (BOB,)
    assert evolve(ONE, reached=(ANN,), refused=(BOB,)).pending(BOTH) == ()


def test_those_who_refused_are_asked_again_as_long_as_nobody_was_reached() -> None:
    everybody = evolve(ONE, refused=BOTH)
    assert everybody.pending(BOTH) == BOTH
    assert not everybody.settled(BOTH)


def test_a_delivery_is_settled_when_nothing_is_left_to_do() -> None:
    assert not ONE.settled(())
    assert not evolve(ONE, reached=(ANN,)).settled(BOTH)
    assert evolve(ONE, reached=(ANN,), refused=(BOB,)).settled(BOTH)
    assert evolve(ONE, reached=(ANN,)).settled((ANN,))


def test_marks_of_several_attempts_add_up() -> None:
    marks = Recipients()
    marks.note(ONE.key, (*taken(ANN), put_off(BOB)))
    marks.note(ONE.key, (refused(ANN), refused(BOB)))
    assert marks.marked(ONE) == evolve(ONE, reached=(ANN,), refused=(BOB,))
    assert marks.marked(evolve(ONE, reached=(BOB,))) == evolve(ONE, reached=BOTH)
    assert marks.marked(OTHER) is OTHER
    assert [p.recipient for p in marks.of(ONE.key)] == [ANN, BOB]
    assert marks.keys() == {ONE.key}


def test_who_refused_and_then_took_it_has_it() -> None:
    marks = Recipients()
    marks.note(ONE.key, (refused(ANN),))
    marks.note(ONE.key, taken(ANN))
    assert marks.marked(evolve(ONE, refused=(ANN,))) == evolve(ONE, reached=(ANN,))


def test_nothing_but_delays_leaves_no_mark() -> None:
    marks = Recipients()
    marks.note(ONE.key, (put_off(ANN),))
    assert marks.keys() == set()


def test_marks_of_deliveries_that_are_over_are_forgotten() -> None:
    marks = Recipients()
    marks.note(ONE.key, taken(ANN))
    marks.note(OTHER.key, taken(ANN))
    marks.keep({OTHER.key})
    assert marks.keys() == {OTHER.key}


# --- who is told when -----------------------------------------------------------------------


def test_the_retry_goes_to_who_is_left_and_what_is_done_is_written_down() -> None:
    messenger = courier()
    assert messenger.due(LEDGER, (), at(0)) == [Errand(ONE, None)]
    messenger.ended(attempted(*taken(ANN), put_off(BOB)), BOTH, at(1))
    half = evolve(ONE, reached=(ANN,))
    assert messenger.prune(LEDGER, held(), parts=True).outbox == (half,)
    assert messenger.due(LEDGER, (), messenger.deadline()) == [Errand(half, None)]
    messenger.ended(attempted(*taken(BOB), delivered=True), BOTH, at(20))
    assert messenger.prune(LEDGER, held(), parts=True).outbox == ()


def test_a_cluster_that_cannot_write_parts_down_still_crosses_nobody_off_unsent() -> None:
    messenger = courier()
    messenger.due(LEDGER, (), at(0))
    messenger.ended(attempted(*taken(ANN), put_off(BOB)), BOTH, at(1))
    assert messenger.prune(LEDGER, held()) is LEDGER
    assert messenger.due(LEDGER, (), messenger.deadline()) == [
        Errand(evolve(ONE, reached=(ANN,)), None)
    ]
    messenger.ended(attempted(*taken(BOB), delivered=True), BOTH, at(20))
    assert messenger.prune(LEDGER, held()).outbox == ()


def test_two_members_that_reached_one_each_reached_both() -> None:
    messenger = courier()
    messenger.due(LEDGER, (), at(0))
    messenger.ended(attempted(*taken(ANN), put_off(BOB)), BOTH, at(1))
    messenger.ended(attempted(*taken(BOB), put_off(ANN)), BOTH, at(2))
    assert messenger.due(LEDGER, (), at(1000)) == []
    assert messenger.prune(LEDGER, held(), parts=True).outbox == ()


def test_what_a_former_master_wrote_down_is_not_told_again() -> None:
    half = evolve(ONE, reached=(ANN,))
    messenger = courier()
    assert messenger.due(Ledger(outbox=(half,)), (), at(0)) == [Errand(half, None)]
    assert messenger.due(Ledger(outbox=(evolve(half, refused=(BOB,)),)), (), at(99)) == []


def test_a_recipient_that_was_removed_is_not_waited_for() -> None:
    half = Ledger(outbox=(evolve(ONE, reached=(ANN,)),))
    assert courier().prune(half, held(mail(ANN))).outbox == ()


@pytest.mark.parametrize("recipients", [(), (ANN,)])
def test_one_receiver_needs_no_parts(recipients: tuple[str, ...]) -> None:
    messenger = courier()
    messenger.ended(attempted(delivered=True), recipients, at(1))
    assert messenger.delivered == {ONE.key}


def test_the_word_of_a_version_that_does_not_tell_parts_is_not_enough_for_several() -> None:
    """It says that it delivered also when it reached one of two."""
    messenger = courier()
    messenger.due(LEDGER, (), at(0))
    messenger.ended(attempted(delivered=True), BOTH, at(1))
    assert messenger.delivered == set()
    assert messenger.due(LEDGER, (), messenger.deadline()) == [Errand(ONE, None)]


def test_what_is_known_of_a_channel_is_told() -> None:
    messenger = courier()
    assert messenger.tries(MAIL) == (False, None)
    messenger.due(LEDGER, (), at(0))
    assert messenger.tries(MAIL) == (True, None)
    messenger.ended(attempted(), BOTH, at(1))
    assert messenger.errors == {MAIL: "said"}
    assert messenger.tries(MAIL) == (False, messenger.deadline())
    assert messenger.tries(HOOK) == (False, None)
    messenger.ended(attempted(*taken(*BOTH), delivered=True), BOTH, at(2))
    assert messenger.errors == {}


# --- refusals -------------------------------------------------------------------------------


def row(recipient: str, said: str = "550 no such user", when: float = WALL) -> RefusedRecipient:
    return RefusedRecipient(channel=MAIL, recipient=recipient, said=said, at_unix=UnixTime(when))


def test_a_refusal_is_shown_until_a_notice_is_taken() -> None:
    messenger = courier()
    messenger.ended(attempted(*taken(ANN), refused(BOB), delivered=True), BOTH, at(1))
    ledger = messenger.write_down(Ledger(), at(1), WALL)
    assert ledger.refusals == (row(BOB),)
    assert messenger.write_down(ledger, at(2), UnixTime(WALL + 1)) is ledger
    messenger.ended(attempted(*taken(*BOTH), delivered=True), BOTH, at(3))
    assert messenger.write_down(ledger, at(4), WALL).refusals == ()
    assert messenger.write_down(Ledger(), at(5), WALL).refusals == ()


def test_other_words_replace_the_old_ones() -> None:
    marks, channels = Recipients(), {MAIL: mail(*BOTH)}
    marks.note(ONE.key, (refused(ANN, "550 full"),))
    assert marks.refusals((row(ANN),), channels, WALL) == (row(ANN, "550 full"),)


def test_a_recipient_or_a_channel_that_is_gone_refuses_no_more() -> None:
    marks = Recipients()
    known = (row(ANN), row(BOB))
    assert marks.refusals(known, {MAIL: mail(BOB)}, WALL) == (row(BOB),)
    assert marks.refusals(known, {}, WALL) == ()


def test_of_too_many_refusals_the_newest_are_shown() -> None:
    channel = mail(*(f"r{n}@example.org" for n in range(50)))
    known = tuple(
        RefusedRecipient(channel=MAIL, recipient="r0@example.org", said=f"{n}", at_unix=WALL)
        for n in range(3)
    )
    assert REFUSALS_MAX == 500
    assert len(Recipients().refusals(known, {MAIL: channel}, WALL)) == 1


# --- receivers that ask to wait -------------------------------------------------------------


def test_a_wait_holds_every_notice_of_the_channel_and_no_other() -> None:
    ledger, elsewhere = Ledger(outbox=(ONE, OTHER)), delivery(channel=HOOK)
    messenger = courier(held(hook(), mail(*BOTH)))
    assert len(messenger.due(ledger, (), at(0))) == 2
    messenger.ended(Attempted(OTHER.notice.id, MAIL, delivered=False, detail=""), BOTH, at(1))
    messenger.ended(attempted(wait_s=60.0), BOTH, at(1))
    later = delivery(DB, 7, channel=MAIL)
    more = Ledger(outbox=(ONE, OTHER, later, elsewhere))
    assert messenger.due(more, (), at(60.9)) == [Errand(elsewhere, None)]
    assert len(messenger.due(ledger, (), at(61))) == 2


def test_of_the_wait_and_the_own_pause_the_longer_one_counts() -> None:
    messenger = courier()
    messenger.due(Ledger(outbox=(ONE, delivery(channel=HOOK))), (), at(0))
    messenger.ended(attempted(wait_s=0.1), BOTH, at(0))
    assert messenger.deadline() >= at(RETRY_FIRST_S / 2)


def test_no_answer_holds_a_channel_longer_than_the_cap() -> None:
    """Nor does one that nobody asked for."""
    messenger = courier()
    messenger.ended(attempted(wait_s=1e9), BOTH, at(0))
    assert messenger.holds.until(MAIL) == NEVER
    messenger.due(LEDGER, (), at(0))
    messenger.ended(attempted(wait_s=1e9), BOTH, at(0))
    assert messenger.holds.until(MAIL) == at(WAIT_S_MAX)
    assert len(messenger.due(LEDGER, (), at(WAIT_S_MAX))) == 1


def wait(until: float) -> ChannelWait:
    return ChannelWait(channel=MAIL, until_unix=UnixTime(until))


def test_the_next_master_keeps_a_wait_too() -> None:
    first = courier()
    first.due(LEDGER, (), at(0))
    first.ended(attempted(wait_s=60.0), BOTH, at(0))
    ledger = first.write_down(LEDGER, at(0), WALL)
    assert ledger.waits == (wait(WALL + 60),)
    assert first.write_down(ledger, at(1), UnixTime(WALL + 1)) is ledger
    second = courier()
    assert second.write_down(ledger, at(5), UnixTime(WALL + 20)) is ledger
    assert second.due(ledger, (), at(44.9)) == []
    assert len(second.due(ledger, (), at(45))) == 1


def test_a_wait_that_is_over_leaves_the_ledger_once() -> None:
    holds = Holds()
    holds.ask(MAIL, 60.0, at(0))
    known = holds.written((), {MAIL}, at(0), WALL)
    assert known == (wait(WALL + 60),)
    assert holds.written(known, {MAIL}, at(60), WALL) == (), "whatever the wall clock says"
    assert holds.written(known, {MAIL}, at(61), WALL) == (), "nor is it learned once more"
    assert holds.written((), {MAIL}, at(62), WALL) == ()
    assert holds.until(MAIL) == NEVER


def test_a_wall_clock_that_differs_prolongs_no_wait_beyond_the_cap() -> None:
    holds = Holds()
    holds.written((wait(WALL + 1e6),), {MAIL}, at(0), WALL)
    assert holds.until(MAIL) == at(WAIT_S_MAX)


def test_a_shorter_wait_ends_no_longer_one() -> None:
    holds = Holds()
    holds.ask(MAIL, 60.0, at(0))
    holds.ask(MAIL, 5.0, at(1))
    assert holds.until(MAIL) == at(60)
    holds.ask(MAIL, 120.0, at(1))
    assert holds.written((wait(WALL + 60),), {MAIL}, at(1), WALL) == (wait(WALL + 120),)


def test_a_wait_of_a_channel_that_is_gone_leaves_the_ledger() -> None:
    holds = Holds()
    assert holds.written((wait(WALL + 60),), set(), at(0), WALL) == ()


# --- edits of a channel ---------------------------------------------------------------------


def test_an_edit_of_a_channel_makes_it_tried_at_once_with_everybody_who_is_left() -> None:
    three = held(mail(ANN, BOB, CARL))
    messenger = courier(three)
    messenger.due(LEDGER, (), at(0))
    messenger.ended(
        attempted(*taken(ANN), refused(BOB), put_off(CARL), wait_s=600.0), (ANN, BOB, CARL), at(1)
    )
    ledger = messenger.prune(LEDGER, three, parts=True)
    ledger = messenger.write_down(ledger, at(1), WALL)
    assert (ledger.waits, ledger.refusals) != ((), ())
    edited = held(mail(ANN, BOB, CARL, port=26))
    ledger = messenger.follow(edited, ledger, at(2))
    assert (ledger.waits, ledger.refusals) == ((), ())
    assert ledger.outbox == (evolve(ONE, reached=(ANN,)),)
    assert messenger.write_down(ledger, at(2), WALL) is ledger
    assert messenger.due(ledger, (), at(2)) == [Errand(evolve(ONE, reached=(ANN,)), None)]
    assert messenger.errors == {}


def test_an_edit_ends_no_other_reason_to_wait() -> None:
    messenger = courier()
    messenger.hold_successors((delivery(number=3, channel=MAIL),), at(50))
    messenger.due(LEDGER, (), at(0))
    messenger.follow(held(mail(ANN)), LEDGER, at(1))
    assert messenger.due(LEDGER, (), at(1)) == []
    assert len(messenger.due(LEDGER, (), at(50))) == 1


def test_an_attempt_under_way_goes_on_during_an_edit() -> None:
    messenger = courier()
    messenger.due(LEDGER, (), at(0))
    messenger.follow(held(mail(ANN)), LEDGER, at(1))
    assert messenger.due(LEDGER, (), at(1)) == []
    assert messenger.busy(at(1))


def test_an_edit_of_another_channel_changes_nothing() -> None:
    messenger = courier(held(hook(), mail(*BOTH)))
    messenger.recipients.note(ONE.key, (refused(BOB),))
    messenger.recipients.note(delivery(channel=HOOK).key, ())
    other = held(hook(default=False), mail(*BOTH))
    ledger = Ledger(outbox=(evolve(ONE, refused=(BOB,)),), refusals=(row(BOB),))
    assert messenger.follow(other, ledger, at(1)) == ledger
    assert messenger.recipients.keys() == {ONE.key}
    assert messenger.follow(other, ledger, at(1)) is ledger


def test_a_delivery_has_no_parts_unless_it_has_recipients() -> None:
    plain = Delivery(notice=ONE.notice, channel=HOOK)
    assert plain.pending(()) == ()

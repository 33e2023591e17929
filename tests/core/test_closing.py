"""When monitoring ends, CLOSED goes to the channels that were told of the outage, and no other."""

from random import Random

import pytest
from attrs import evolve

from qutrio.core.alerting.attempts import ATTEMPT_S_MAX, DueAttempt
from qutrio.core.alerting.notices import NoticeInputs, new_incident, reconcile
from qutrio.core.alerting.outbox import drop_unreachable
from qutrio.core.alerting.scheduler import FORMER_TRIES_MAX, DeliveryScheduler
from qutrio.core.api.events import Attempted
from qutrio.core.checks.verdicts import Verdicts
from qutrio.core.consensus.applying import keep_former
from qutrio.model.channels import UnknownChannel
from qutrio.model.document import ClusterDocument
from qutrio.model.edits import COMMAND, Edit, check_item
from qutrio.model.ids import ChannelId, Revision, Term, UnixTime
from qutrio.model.incidents import Delivery, Ending, Ledger, NoticeKind, Stopping
from qutrio.model.results import State
from tests.core.samples import (
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
    hook,
    incident,
    incidents_on,
)

BOTH = (hook(), hook(MAIL))
HELD = document(A, B, C, checks=[check()], channels=BOTH)
OFF = document(A, B, C, checks=[check(enabled=False)], channels=BOTH)
GONE = document(A, B, C, channels=BOTH)
WITHOUT_MAIL = document(A, B, C, checks=[check()], channels=[hook()])
OPEN = evolve(incident(), target="127.0.0.1:80", channels=(HOOK, MAIL))
DOWN = Ledger(sequence=1, incidents=(OPEN,))
TO_HOOK, TO_MAIL = delivery(), delivery(channel=MAIL)
END = delivery(number=2, kind=NoticeKind.RECOVERED, channel=MAIL)


def closed(
    ledger: Ledger, held: ClusterDocument, *tried: Delivery, state: State | None = None
) -> Ledger:
    """Return the ledger after a master processed this document."""
    verdicts = Verdicts(last_states={WEB: state} if state is not None else {})
    keys = {one.key for one in tried}
    inputs = NoticeInputs(
        document=held,
        verdicts=verdicts,
        term=Term(1),
        now=at(9),
        wall=UnixTime(WALL + 9),
        tried=keys.__contains__,
    )
    return reconcile(ledger, inputs, set())


def ended(scheduler: DeliveryScheduler, one: Delivery, now: float, *, delivered: bool) -> None:
    """End an attempt."""
    event = Attempted(one.notice.id, one.channel, delivered, "")
    scheduler.on_attempted(event, (), at(now))


def waiting(ledger: Ledger) -> list[tuple[NoticeKind, ChannelId]]:
    """Return the waiting notices, each with its channel."""
    kinds = [(d.notice.known_kind, d.channel) for d in ledger.outbox]
    return sorted(kinds, key=lambda pair: pair[1])


@pytest.mark.parametrize(
    ("held", "how"), [(OFF, Stopping.DISABLED), (GONE, Stopping.REMOVED)], ids=["off", "gone"]
)
def test_closed_is_sent_once_to_every_channel_that_was_told_of_the_outage(
    held: ClusterDocument, how: Stopping
) -> None:
    ledger = closed(DOWN, held)
    assert ledger.incidents == ()
    assert waiting(ledger) == [(NoticeKind.CLOSED, HOOK), (NoticeKind.CLOSED, MAIL)]
    notice = ledger.outbox[0].notice
    assert (notice.id, notice.incident, notice.sequence) == ("web-1.closed", "web-1", 2)
    assert (notice.check_name, notice.target, notice.at_unix) == ("web", "127.0.0.1:80", WALL + 9)
    assert notice.ending == Ending(how=how, by="", last_state=State.DOWN)
    assert closed(ledger, held) == ledger


@pytest.mark.parametrize("held", [OFF, GONE], ids=["off", "gone"])
def test_closed_names_who_removed_the_check(held: ClusterDocument) -> None:
    edit = Edit(
        item=check_item(DOWN.incidents[0].check),
        revision=Revision(9),
        at_unix=WALL,
        node=A,
        name="alpha",
        door=COMMAND,
        uid=1000,
    )
    ending = closed(DOWN, evolve(held, edits=(edit,))).outbox[0].notice.ending
    assert ending is not None
    assert ending.by == "alpha (command, uid 1000)"


def test_closed_names_the_last_state_even_if_it_is_unknown() -> None:
    (first, _) = closed(DOWN, OFF, state=State.UNKNOWN).outbox
    assert first.notice.ending is not None
    assert first.notice.ending.last_state is State.UNKNOWN


def test_an_outage_that_was_never_tried_is_dropped_with_its_end() -> None:
    pending = evolve(DOWN, outbox=(TO_HOOK, TO_MAIL))
    assert waiting(closed(pending, OFF, TO_MAIL)) == [(NoticeKind.CLOSED, MAIL)]
    assert waiting(closed(pending, OFF)) == []


def test_notices_of_earlier_outages_are_kept() -> None:
    earlier = delivery(number=0, kind=NoticeKind.RECOVERED)
    pending = evolve(DOWN, outbox=(earlier,))
    assert closed(pending, OFF).outbox[0] == earlier


def test_an_incident_without_recorded_channels_closes_without_a_notice() -> None:
    old = evolve(DOWN, incidents=(incident(),), outbox=(TO_HOOK,))
    assert waiting(closed(old, OFF)) == []


def test_an_incident_records_its_channels_and_a_recovery_goes_to_these() -> None:
    """Channels that were detached, attached or removed meanwhile change nothing."""
    verdicts = Verdicts()
    verdicts.set_document(WITHOUT_MAIL, WALL)
    verdicts.evaluate(at(0), WALL, 1.0, incidents_on(WEB))
    verdicts.evaluate(at(0), WALL, 1.0)
    verdicts._tallies[WEB].state = State.UP
    inputs = NoticeInputs(
        document=WITHOUT_MAIL, verdicts=verdicts, term=Term(1), now=at(9), wall=WALL
    )
    ledger = reconcile(DOWN, inputs, set())
    assert waiting(ledger) == [(NoticeKind.RECOVERED, HOOK), (NoticeKind.RECOVERED, MAIL)]


# --- channels that are removed ---------------------------------------------------------------


def test_the_settings_of_a_removed_channel_are_kept_while_it_must_be_told_of_an_end() -> None:
    kept = keep_former(DOWN, HELD, WITHOUT_MAIL)
    assert kept.former == (hook(MAIL),)
    assert keep_former(kept, WITHOUT_MAIL, WITHOUT_MAIL) is kept
    over = evolve(kept, incidents=(), outbox=(END,))
    assert keep_former(over, WITHOUT_MAIL, WITHOUT_MAIL).former == (hook(MAIL),)
    assert keep_former(evolve(over, outbox=()), WITHOUT_MAIL, WITHOUT_MAIL).former == ()


def test_settings_that_are_not_needed_or_cannot_be_used_are_not_kept() -> None:
    strange = UnknownChannel(id=MAIL, name="mail", kind_name="pigeon")
    for channel in (hook(MAIL, enabled=False), strange):
        before = document(A, B, C, checks=[check()], channels=[hook(), channel])
        assert keep_former(DOWN, before, WITHOUT_MAIL).former == ()
    old = evolve(WITHOUT_MAIL, level=1)
    assert keep_former(DOWN, HELD, old) is DOWN
    assert keep_former(DOWN, WITHOUT_MAIL, WITHOUT_MAIL).former == ()


def test_a_removed_channel_is_not_told_of_the_beginning_of_an_outage() -> None:
    """If that was tried, the end is sent; otherwise the channel gets nothing."""
    pending = evolve(DOWN, outbox=(TO_HOOK, TO_MAIL, END))
    tried = drop_unreachable(pending, WITHOUT_MAIL, {TO_MAIL.key}.__contains__)
    assert tried == evolve(pending, outbox=(TO_HOOK, END))
    untried = drop_unreachable(pending, WITHOUT_MAIL, set[object]().__contains__)
    assert untried.outbox == (TO_HOOK, END)
    assert untried.incidents[0].channels == (HOOK,)
    assert drop_unreachable(DOWN, WITHOUT_MAIL, set[object]().__contains__) is DOWN


def test_other_incidents_keep_their_channels() -> None:
    other = evolve(incident(number=7), channels=(MAIL,))
    old = incident(number=8)
    pending = Ledger(incidents=(OPEN, other, old), outbox=(TO_MAIL,))
    dropped = drop_unreachable(pending, WITHOUT_MAIL, set[object]().__contains__)
    assert dropped.incidents == (evolve(OPEN, channels=(HOOK,)), other, old)


def test_an_end_is_tried_a_bounded_number_of_times_on_a_removed_channel() -> None:
    scheduler, now = DeliveryScheduler(Random(1)), 0.0
    ledger = Ledger(outbox=(END,), former=(hook(MAIL),))
    for _ in range(FORMER_TRIES_MAX):
        assert scheduler.prune(ledger, WITHOUT_MAIL) is ledger
        assert len(scheduler.due(ledger, (), at(now))) == 1
        ended(scheduler, END, now, delivered=False)
        now = scheduler.deadline()
    assert scheduler.prune(ledger, WITHOUT_MAIL).outbox == ()
    assert scheduler.prune(evolve(ledger, outbox=(TO_MAIL,)), WITHOUT_MAIL).outbox == ()


def test_an_end_waits_for_an_attempt_at_the_beginning_that_is_under_way() -> None:
    """The beginning was dropped from the outbox, and may be on its way to people."""
    scheduler = DeliveryScheduler(Random(1))
    scheduler.due(Ledger(outbox=(TO_MAIL,)), (), at(0))
    after = Ledger(outbox=(END,))
    scheduler.on_committed(after)
    assert scheduler.is_busy(at(1))
    assert scheduler.due(after, (), at(1)) == []
    assert scheduler.deadline() == at(ATTEMPT_S_MAX)
    ended(scheduler, TO_MAIL, 2, delivered=False)
    assert scheduler.due(after, (), at(2)) == [DueAttempt(END, None)]


def test_an_attempt_without_an_answer_is_not_waited_for_longer_than_it_can_last() -> None:
    scheduler = DeliveryScheduler(Random(1))
    scheduler.due(Ledger(outbox=(TO_MAIL,)), (), at(0))
    scheduler.on_committed(Ledger(outbox=(END,)))
    assert scheduler.due(Ledger(outbox=(END,)), (), at(ATTEMPT_S_MAX)) == [DueAttempt(END, None)]


def test_a_notice_that_an_earlier_master_may_have_tried_counts_as_tried() -> None:
    scheduler = DeliveryScheduler(Random(1))
    assert not scheduler.tried(TO_MAIL.key)
    scheduler.inherit([TO_MAIL.key])
    assert scheduler.tried(TO_MAIL.key)
    scheduler.on_committed(Ledger())
    assert not scheduler.tried(TO_MAIL.key)
    ended(scheduler, TO_HOOK, 0, delivered=True)
    assert scheduler.tried(TO_HOOK.key)


def test_a_node_that_does_not_know_what_was_tried_sends_the_end_to_everybody() -> None:
    inputs = NoticeInputs(document=OFF, verdicts=Verdicts(), term=Term(1), now=at(9), wall=WALL)
    ledger = reconcile(evolve(DOWN, outbox=(TO_HOOK,)), inputs, set())
    assert waiting(ledger) == [(NoticeKind.CLOSED, HOOK), (NoticeKind.CLOSED, MAIL)]


def test_below_its_level_an_incident_records_neither_channels_nor_target() -> None:
    inputs = NoticeInputs(document=HELD, verdicts=Verdicts(), term=Term(1), now=at(9), wall=WALL)
    assert new_incident(check(), inputs, 1).channels == (HOOK, MAIL)
    old = new_incident(check(), evolve(inputs, document=evolve(HELD, level=1)), 1)
    assert (old.channels, old.target) == (None, None)

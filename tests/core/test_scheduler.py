"""Incidents open and close once; notices are delivered in order and retried until delivered."""

from random import Random

from attrs import evolve

from qutrio.core.alerting.ages import IncidentAges
from qutrio.core.alerting.attempts import ATTEMPT_S_MAX, RETRY_CAP_S, RETRY_FIRST_S, DueAttempt
from qutrio.core.alerting.notices import NoticeInputs, channels_of, reconcile
from qutrio.core.alerting.scheduler import INHERITED_PAUSE_S, DeliveryScheduler
from qutrio.core.api.events import Attempted
from qutrio.core.checks.verdicts import Verdicts
from qutrio.model.channels import Channel, UnknownChannel
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import ChannelId, Term, UnixTime
from qutrio.model.incidents import Delivery, Ledger, NoticeKind, UnknownKind
from qutrio.model.results import Outcome
from tests.core.samples import (
    DB,
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
    result,
)

HELD = document(A, B, C, checks=[check(), check(DB)], channels=[hook()])
DOWN_WEB = Ledger(sequence=4, incidents=(incident(number=4),))


def inputs(held: ClusterDocument = HELD, *, down: bool | None = None) -> NoticeInputs:
    """Return a master's inputs: `web` is unknown, up or down."""
    verdicts = Verdicts()
    verdicts.set_document(held, WALL)
    outcome = Outcome.FAIL if down else Outcome.OK
    for now in (0, 5) if down is not None else ():
        for node in (A, B, C):
            verdicts.record(node, result(outcome), at(now))
        verdicts.evaluate(at(now), WALL, 1.0)
    return NoticeInputs(
        document=held, verdicts=verdicts, term=Term(2), now=at(7), wall=UnixTime(WALL + 7)
    )


# --- incidents ------------------------------------------------------------------------------


def test_a_check_that_is_down_opens_one_incident_and_notifies_its_channels() -> None:
    ledger = reconcile(Ledger(), inputs(down=True), {WEB, DB})
    (opened,) = ledger.incidents
    (waiting,) = ledger.outbox
    notice = waiting.notice
    assert (opened.id, opened.check, opened.since_unix, opened.term) == ("web-1", WEB, WALL + 7, 2)
    assert (waiting.channel, notice.kind, notice.id) == (HOOK, NoticeKind.DOWN, "web-1.down")
    assert (notice.sequence, ledger.sequence, notice.target) == (1, 1, "127.0.0.1:80")
    assert [(e.node, e.outcome, e.age_s) for e in notice.evidence] == [
        (node, Outcome.FAIL, 2.0) for node in (A, B, C)
    ]


def test_an_open_incident_is_not_opened_again() -> None:
    ledger = reconcile(Ledger(), inputs(down=True), {WEB})
    assert reconcile(ledger, inputs(down=True), {WEB}) == ledger


def test_a_notice_is_numbered_after_those_that_wait_whatever_the_ledger_says() -> None:
    """A member that lies wrote a number below that of a notice: the outbox stays in order."""
    ledger = Ledger(sequence=1, outbox=(delivery(DB, number=9),))
    after = reconcile(ledger, inputs(down=True), {WEB})
    assert [d.notice.sequence for d in after.outbox] == [9, 10]
    assert (after.sequence, reconcile(ledger, inputs(), {WEB})) == (10, ledger)


def test_only_evaluated_checks_open_incidents() -> None:
    assert reconcile(Ledger(), inputs(down=True), set()) == Ledger()


def test_a_recovery_closes_the_outage_that_another_master_announced() -> None:
    ledger = reconcile(DOWN_WEB, inputs(down=False), set())
    assert ledger.incidents == ()
    (waiting,) = ledger.outbox
    notice = waiting.notice
    assert (notice.kind, notice.id, notice.incident) == (
        NoticeKind.RECOVERED,
        "web-4.recovered",
        "web-4",
    )
    assert (notice.since_unix, notice.at_unix, notice.sequence) == (WALL, WALL + 7, 5)


def test_a_recovery_says_how_long_the_outage_was_measured_to_last() -> None:
    """The wall clock was set back meanwhile; members of older versions do not get the length."""
    ages = IncidentAges()
    ages.update(Ledger(), at(0), WALL)
    ages.update(DOWN_WEB, at(2), WALL)
    late = evolve(inputs(down=False), ages=ages, now=at(17), wall=UnixTime(WALL - 3600))
    (waiting,) = reconcile(DOWN_WEB, late, set()).outbox
    assert (waiting.notice.lasted_s, waiting.notice.at_unix) == (15.0, WALL - 3600)
    old = evolve(late, document=evolve(HELD, level=1))
    (waiting,) = reconcile(DOWN_WEB, old, set()).outbox
    assert waiting.notice.lasted_s is None


def test_a_state_that_is_unknown_neither_opens_nor_closes() -> None:
    assert reconcile(Ledger(), inputs(), {WEB}) == Ledger()
    assert reconcile(DOWN_WEB, inputs(), {WEB}) == DOWN_WEB


def test_nothing_is_announced_while_the_newest_votes_contradict_the_verdict() -> None:
    doubtful = inputs(down=True)
    for node in (A, B, C):
        doubtful.verdicts.record(node, result(Outcome.OK), at(6))
    doubtful.verdicts.evaluate(at(6), WALL, 1.0)
    assert reconcile(Ledger(), doubtful, {WEB}) == Ledger()


def test_a_check_that_is_up_without_an_incident_says_nothing() -> None:
    assert reconcile(Ledger(), inputs(down=False), {WEB}) == Ledger()


def test_below_its_level_an_incident_of_a_removed_or_disabled_check_closes_silently() -> None:
    waiting = evolve(DOWN_WEB, outbox=(delivery(WEB, 4), delivery(DB, 3)))
    gone = evolve(document(A, B, C, checks=[check(DB)], channels=[hook()]), level=1)
    assert reconcile(waiting, inputs(gone), {WEB}) == Ledger(sequence=5, outbox=(delivery(DB, 3),))
    off = evolve(document(A, B, C, checks=[check(enabled=False)], channels=[hook()]), level=1)
    assert reconcile(DOWN_WEB, inputs(off), {WEB}) == Ledger(sequence=5)


def test_notices_of_a_check_go_to_default_channels_and_to_those_it_names() -> None:
    channels: list[Channel] = [
        hook(),
        hook(MAIL, default=False),
        hook(ChannelId("off"), enabled=False),
        hook(ChannelId("other"), default=False),
        UnknownChannel(id=ChannelId("pigeon"), name="pigeon", kind_name="pigeon"),
    ]
    held = document(A, channels=channels)
    assert [c.id for c in channels_of(held, check(alerts=("mail",)))] == [HOOK, MAIL]
    assert [c.id for c in channels_of(held, check())] == [HOOK]


# --- delivery -------------------------------------------------------------------------------

FIRST, SECOND = delivery(), delivery(kind=NoticeKind.RECOVERED)


def scheduler(*, inherited: bool = False) -> DeliveryScheduler:
    messenger = DeliveryScheduler(Random(1))
    messenger.take_over(at(0), inherited=inherited)
    return messenger


def outbox(*deliveries: Delivery) -> Ledger:
    return Ledger(sequence=9, outbox=deliveries)


def ended(messenger: DeliveryScheduler, one: Delivery, now: float, *, delivered: bool) -> None:
    messenger.on_attempted(Attempted(one.notice.id, one.channel, delivered, "said"), (), at(now))


def test_a_notice_is_attempted_once_while_the_attempt_is_under_way() -> None:
    messenger = scheduler()
    assert not messenger.is_busy(at(0))
    assert messenger.due(outbox(FIRST), (), at(0)) == [DueAttempt(FIRST, None)]
    assert messenger.due(outbox(FIRST), (), at(1)) == []
    assert messenger.is_busy(at(1))
    assert messenger.deadline() == at(ATTEMPT_S_MAX)


def test_a_channel_gets_the_notices_of_one_check_in_order() -> None:
    messenger = scheduler()
    assert messenger.due(outbox(FIRST, SECOND), (), at(0)) == [DueAttempt(FIRST, None)]
    ended(messenger, FIRST, 1, delivered=False)
    assert messenger.due(outbox(FIRST, SECOND), (), at(1)) == []
    ended(messenger, FIRST, 2, delivered=True)
    assert messenger.due(outbox(SECOND), (), at(2)) == [DueAttempt(SECOND, None)]


def test_a_notice_that_a_write_in_flight_drops_is_not_tried_first() -> None:
    """Otherwise people are told of an outage whose end was dropped as unneeded."""
    messenger = scheduler()
    assert messenger.due(outbox(FIRST), (), at(0), Ledger()) == []
    assert not messenger.tried(FIRST.key)
    assert messenger.due(outbox(FIRST), (), at(1), outbox(FIRST)) == [DueAttempt(FIRST, None)]


def test_a_tried_notice_is_tried_again_although_a_write_in_flight_drops_it() -> None:
    messenger = scheduler()
    messenger.due(outbox(FIRST), (), at(0))
    ended(messenger, FIRST, 1, delivered=False)
    assert messenger.due(outbox(FIRST), (), at(100), Ledger()) == [DueAttempt(FIRST, None)]


def test_a_recovery_waits_until_a_majority_knows_that_the_outage_was_delivered() -> None:
    """Otherwise the next master, which cannot know it, would send the outage after its end."""
    messenger = scheduler()
    messenger.due(outbox(FIRST, SECOND), (), at(0))
    ended(messenger, FIRST, 1, delivered=True)
    assert messenger.due(outbox(FIRST, SECOND), (), at(1)) == []
    assert messenger.due(outbox(FIRST, SECOND), (), at(100)) == []
    assert messenger.due(outbox(SECOND), (), at(100)) == [DueAttempt(SECOND, None)]


def test_other_checks_and_other_channels_do_not_wait() -> None:
    elsewhere, other = delivery(channel=MAIL), delivery(DB, 2)
    delegated = scheduler().due(outbox(FIRST, elsewhere, other), (), at(0))
    assert delegated == [DueAttempt(d, None) for d in (FIRST, elsewhere, other)]


def test_a_failed_attempt_is_repeated_with_a_growing_pause_up_to_a_cap() -> None:
    messenger, now = scheduler(), 0.0
    for failures in range(1, 12):
        assert len(messenger.due(outbox(FIRST), (), at(now))) == 1
        ended(messenger, FIRST, now, delivered=False)
        pause = messenger.deadline() - now
        whole = min(RETRY_CAP_S, RETRY_FIRST_S * 2 ** (failures - 1))
        assert whole / 2 <= pause <= whole
        assert messenger.due(outbox(FIRST), (), at(now + pause * 0.999)) == []
        now += pause


def test_every_second_attempt_is_made_by_another_member_in_turn() -> None:
    messenger, now, via = scheduler(), 0.0, []
    for _ in range(6):
        (delegated,) = messenger.due(outbox(FIRST), (B, C), at(now))
        via.append(delegated.via)
        ended(messenger, FIRST, now, delivered=False)
        now = messenger.deadline()
    assert via == [None, B, None, C, None, B]


def test_a_master_without_living_peers_makes_every_attempt_itself() -> None:
    messenger = scheduler()
    messenger.due(outbox(FIRST), (), at(0))
    ended(messenger, FIRST, 0, delivered=False)
    assert messenger.due(outbox(FIRST), (), messenger.deadline()) == [DueAttempt(FIRST, None)]


def test_an_attempt_without_an_answer_counts_as_failed() -> None:
    messenger = scheduler()
    messenger.due(outbox(FIRST), (B,), at(0))
    assert messenger.due(outbox(FIRST), (B,), at(ATTEMPT_S_MAX)) == []
    assert not messenger.is_busy(at(ATTEMPT_S_MAX))
    again = messenger.due(outbox(FIRST), (B,), at(ATTEMPT_S_MAX + RETRY_FIRST_S))
    assert again == [DueAttempt(FIRST, B)]


def test_a_new_master_waits_for_reports_to_the_last_one_before_it_retries() -> None:
    messenger = scheduler(inherited=True)
    assert messenger.due(outbox(FIRST), (), at(INHERITED_PAUSE_S - 0.001)) == []
    ended(messenger, FIRST, 1, delivered=True)
    assert messenger.due(outbox(FIRST), (), at(INHERITED_PAUSE_S)) == []


def test_an_undelivered_notice_of_the_last_master_is_tried_after_the_pause() -> None:
    messenger = scheduler(inherited=True)
    messenger.due(outbox(FIRST), (), at(0))
    assert messenger.deadline() == at(INHERITED_PAUSE_S)
    assert messenger.due(outbox(FIRST), (), at(INHERITED_PAUSE_S)) == [DueAttempt(FIRST, None)]


def test_a_recovery_waits_until_no_delegated_delivery_can_send_the_outage() -> None:
    messenger = scheduler()
    messenger.hold_recoveries(at(5))
    messenger.hold_recoveries(at(4))  # an older delegated delivery does not shorten it
    assert messenger.due(outbox(SECOND), (), at(0)) == []
    assert messenger.deadline() == at(5)
    assert messenger.due(outbox(SECOND), (), at(5)) == [DueAttempt(SECOND, None)]


def test_a_notice_waits_until_no_delegated_delivery_can_send_an_earlier_one() -> None:
    """Also an outage after the end of the last one; other channels and checks do not wait."""
    messenger, third, elsewhere = scheduler(), delivery(number=3), delivery(DB, 4)
    messenger.successors.hold((SECOND, third), at(5))
    assert messenger.due(outbox(SECOND, third, elsewhere), (), at(0)) == [
        DueAttempt(SECOND, None),
        DueAttempt(elsewhere, None),
    ]
    ended(messenger, SECOND, 0.5, delivered=True)
    assert messenger.due(outbox(third), (), at(1)) == []
    assert messenger.due(outbox(third), (), at(5)) == [DueAttempt(third, None)]


def test_a_hold_that_is_over_is_forgotten() -> None:
    messenger = scheduler()
    messenger.successors.hold((FIRST,), at(5))
    assert messenger.due(outbox(SECOND), (), at(5)) == [DueAttempt(SECOND, None)]


def test_a_delivered_notice_leaves_the_ledger_and_is_remembered_until_a_majority_knows() -> None:
    messenger = scheduler()
    messenger.due(outbox(FIRST, SECOND), (), at(0))
    ended(messenger, FIRST, 1, delivered=True)
    assert messenger.prune(outbox(FIRST, SECOND), HELD) == outbox(SECOND)
    messenger.on_committed(outbox(FIRST, SECOND))
    assert messenger.delivered == {(FIRST.notice.id, HOOK)}
    messenger.on_committed(outbox(SECOND))
    assert messenger.delivered == set()


def test_an_attempt_whose_notice_is_gone_is_forgotten() -> None:
    messenger = scheduler()
    messenger.due(outbox(FIRST), (), at(0))
    messenger.on_committed(outbox())
    ended(messenger, FIRST, 1, delivered=False)
    assert not messenger.is_busy(at(1))
    assert messenger.deadline() == at(float("inf"))


def test_a_ledger_with_nothing_to_prune_stays_the_same_value() -> None:
    held = outbox(FIRST)
    assert scheduler().prune(held, HELD) is held


def test_a_notice_without_a_channel_is_given_up() -> None:
    off = evolve(HELD, channels=(hook(enabled=False),))
    assert scheduler().prune(outbox(FIRST), off) == outbox()
    assert scheduler().prune(outbox(delivery(channel=MAIL)), HELD) == outbox()


def test_the_deadline_is_the_soonest_of_all_attempts() -> None:
    messenger, elsewhere = scheduler(), delivery(channel=MAIL)
    messenger.due(outbox(FIRST, elsewhere), (), at(0))
    ended(messenger, elsewhere, 0, delivered=False)
    assert messenger.deadline() <= at(RETRY_FIRST_S)


def test_a_notice_of_an_unknown_kind_is_kept_and_not_sent() -> None:
    ours, theirs = delivery(number=2), delivery()
    theirs = evolve(theirs, notice=evolve(theirs.notice, kind=UnknownKind("telepathy")))
    ledger = Ledger(sequence=2, outbox=(theirs, ours), extra=(("newer", "1"),))
    scheduler = DeliveryScheduler(Random(1))
    assert [e.delivery for e in scheduler.due(ledger, (), at(0))] == [ours]
    assert scheduler.prune(ledger, HELD) == ledger
    assert reconcile(ledger, inputs(), {WEB}) == ledger

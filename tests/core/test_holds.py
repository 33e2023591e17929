"""Holds: receivers that ask to wait, on this master and the next."""

from qutrio.core.alerting.attempts import RETRY_FIRST_S, DueAttempt
from qutrio.core.alerting.holds import Holds
from qutrio.core.api.events import Attempted
from qutrio.model.ids import NEVER, UnixTime
from qutrio.model.incidents import Ledger
from qutrio.model.parts import (
    PATIENCE_S_MAX,
    WAIT_S_MAX,
    ChannelWait,
)
from tests.core.mail_channels import (
    BOTH,
    LEDGER,
    ONE,
    OTHER,
    attempted,
    held,
    mail,
    scheduler,
    taken,
)
from tests.core.samples import DB, HOOK, MAIL, WALL, at, delivery, hook


def test_a_wait_holds_every_notice_of_the_channel_and_no_other() -> None:
    ledger, elsewhere = Ledger(outbox=(ONE, OTHER)), delivery(channel=HOOK)
    messenger = scheduler(held(hook(), mail(*BOTH)))
    assert len(messenger.due(ledger, (), at(0))) == 2
    messenger.on_attempted(
        Attempted(OTHER.notice.id, MAIL, delivered=False, detail=""), BOTH, at(1)
    )
    messenger.on_attempted(attempted(wait_s=60.0), BOTH, at(1))
    later = delivery(DB, 7, channel=MAIL)
    more = Ledger(outbox=(ONE, OTHER, later, elsewhere))
    assert messenger.due(more, (), at(60.9)) == [DueAttempt(elsewhere, None)]
    assert len(messenger.due(ledger, (), at(61))) == 2


def test_the_longer_of_the_wait_and_the_own_pause_counts() -> None:
    messenger = scheduler()
    messenger.due(Ledger(outbox=(ONE, delivery(channel=HOOK))), (), at(0))
    messenger.on_attempted(attempted(wait_s=0.1), BOTH, at(0))
    assert messenger.deadline() >= at(RETRY_FIRST_S / 2)


def test_no_answer_holds_a_channel_longer_than_the_cap() -> None:
    """The answer to an attempt that was not ordered does not either."""
    messenger = scheduler()
    messenger.on_attempted(attempted(wait_s=1e9), BOTH, at(0))
    assert messenger.holds.until(MAIL) == NEVER
    messenger.due(LEDGER, (), at(0))
    messenger.on_attempted(attempted(wait_s=1e9), BOTH, at(0))
    assert messenger.holds.until(MAIL) == at(WAIT_S_MAX)
    assert len(messenger.due(LEDGER, (), at(WAIT_S_MAX))) == 1


def test_a_receiver_that_always_asks_to_wait_is_no_longer_obeyed() -> None:
    """Then the usual pauses count, until it accepts a notice or the channel is edited."""
    holds, now = Holds(), 0.0
    for _ in range(100):
        holds.extend(MAIL, 3000.0, at(now))
        now = max(now + 300, holds.until(MAIL))
    assert holds.until(MAIL) == at(PATIENCE_S_MAX)
    holds.on_accepted(MAIL)
    holds.extend(MAIL, 3000.0, at(now))
    assert holds.until(MAIL) == at(now + 3000)


def test_a_receiver_that_accepted_a_notice_may_ask_to_wait_again() -> None:
    messenger = scheduler()
    messenger.holds.extend(MAIL, 1.0, at(0))
    messenger.on_attempted(attempted(*taken(*BOTH), delivered=True), BOTH, at(PATIENCE_S_MAX))
    messenger.holds.extend(MAIL, 60.0, at(PATIENCE_S_MAX))
    assert messenger.holds.until(MAIL) == at(PATIENCE_S_MAX + 60)


def wait(until: float) -> ChannelWait:
    return ChannelWait(channel=MAIL, until_unix=UnixTime(until))


def test_the_next_master_keeps_a_wait_too() -> None:
    first = scheduler()
    first.due(LEDGER, (), at(0))
    first.on_attempted(attempted(wait_s=60.0), BOTH, at(0))
    ledger = first.record_waits(LEDGER, at(0), WALL)
    assert ledger.waits == (wait(WALL + 60),)
    assert first.record_waits(ledger, at(1), UnixTime(WALL + 1)) is ledger
    second = scheduler()
    assert second.record_waits(ledger, at(5), UnixTime(WALL + 20)) is ledger
    assert second.due(ledger, (), at(44.9)) == []
    assert len(second.due(ledger, (), at(45))) == 1


def test_a_wait_that_is_over_leaves_the_ledger_once() -> None:
    holds = Holds()
    holds.extend(MAIL, 60.0, at(0))
    known = holds.ledger_waits((), {MAIL}, at(0), WALL)
    assert known == (wait(WALL + 60),)
    assert holds.ledger_waits(known, {MAIL}, at(60), WALL) == (), "whatever the wall clock says"
    assert holds.ledger_waits(known, {MAIL}, at(61), WALL) == (), "nor is it learned once more"
    assert holds.ledger_waits((), {MAIL}, at(62), WALL) == ()
    assert holds.until(MAIL) == NEVER


def test_a_different_wall_clock_extends_no_wait_beyond_the_cap() -> None:
    holds = Holds()
    holds.ledger_waits((wait(WALL + 1e6),), {MAIL}, at(0), WALL)
    assert holds.until(MAIL) == at(WAIT_S_MAX)


def test_a_shorter_wait_does_not_end_a_longer_one() -> None:
    holds = Holds()
    holds.extend(MAIL, 60.0, at(0))
    holds.extend(MAIL, 5.0, at(1))
    assert holds.until(MAIL) == at(60)
    holds.extend(MAIL, 120.0, at(1))
    assert holds.ledger_waits((wait(WALL + 60),), {MAIL}, at(1), WALL) == (wait(WALL + 120),)


def test_a_wait_of_a_channel_that_is_gone_leaves_the_ledger() -> None:
    holds = Holds()
    assert holds.ledger_waits((wait(WALL + 60),), set(), at(0), WALL) == ()

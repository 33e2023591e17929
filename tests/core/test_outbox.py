"""The bound of the outbox: which notices are given up first, and which never are."""

from random import Random

from qutrio.core.alerting.outbox import OUTBOX_MAX, within_bound
from qutrio.core.alerting.scheduler import DeliveryScheduler
from qutrio.model.ids import CheckId
from qutrio.model.incidents import Delivery, DeliveryKey, Ledger, NoticeKind
from tests.core.samples import WEB, A, check, delivery, document, hook

DOWNS = [delivery(CheckId(f"c{n}"), n) for n in range(OUTBOX_MAX)]
UNSEEN = delivery(CheckId(""), 7, kind=NoticeKind.UNSEEN)
SEEN = delivery(CheckId(""), 7, kind=NoticeKind.SEEN)


def untold(_: DeliveryKey) -> bool:
    """Return False: no notice was delivered."""
    return False


def outage(number: int, *kinds: NoticeKind) -> list[Delivery]:
    """Return the notices of one outage of the same check."""
    return [delivery(WEB, number, kind=kind) for kind in kinds]


def test_everything_up_to_the_bound_is_kept() -> None:
    assert within_bound([UNSEEN, *DOWNS[1:]], untold) == [UNSEEN, *DOWNS[1:]]


def test_unseen_and_seen_go_first_the_oldest_of_them_before_others() -> None:
    assert within_bound([*DOWNS[1:], UNSEEN, SEEN], untold) == [*DOWNS[1:], SEEN]


def test_outages_are_kept_when_there_is_nothing_else() -> None:
    """They matter most, and each check and channel has few."""
    ends = [delivery(CheckId(f"c{n}"), n, kind=NoticeKind.RECOVERED) for n in range(5)]
    assert within_bound([*DOWNS, *ends, UNSEEN], untold) == [*DOWNS, *ends]


def test_the_oldest_ended_outages_of_a_flapping_check_are_given_up_whole() -> None:
    down, up = NoticeKind.DOWN, NoticeKind.RECOVERED
    one, two, three = (outage(n, down, up) for n in (1, 2, 3))
    assert within_bound([*DOWNS[4:], *one, *two, *three], untold) == [*DOWNS[4:], *two, *three]
    assert within_bound([*DOWNS, *one, *two, *three], untold) == [*DOWNS, *three]


def test_an_outage_that_may_have_been_told_keeps_its_end() -> None:
    down, up = NoticeKind.DOWN, NoticeKind.RECOVERED
    one, two, three = outage(1, down, up), outage(2, up), outage(3, down)
    full = [*DOWNS, *one, *two, *three, *outage(4, down)]
    assert within_bound(full, {one[0].key}.__contains__) == full


def test_the_delivery_scheduler_keeps_the_outbox_within_its_bound() -> None:
    held = document(A, checks=[check()], channels=[hook()])
    ledger = Ledger(outbox=(*DOWNS, UNSEEN))
    assert DeliveryScheduler(Random(1)).prune(ledger, held).outbox == tuple(DOWNS)

"""Digests: what they say, what joins them, and in which order a channel receives them."""

from collections import Counter
from random import Random

import pytest
from attrs import evolve

from qutrio.core.alerting.attempts import ATTEMPT_S_MAX, DueAttempt
from qutrio.core.alerting.digests import LINES_MAX, SINGLES_MAX, gather
from qutrio.core.alerting.scheduler import DeliveryScheduler
from qutrio.core.api.events import Attempted
from qutrio.model.ids import CheckId, Term, UnixTime
from qutrio.model.incidents import (
    DIGESTS_OF_A_CHANNEL,
    Delivery,
    Ledger,
    NoticeKind,
    UnknownKind,
)
from qutrio.model.levels import DIGESTS, LEVEL_UNSAID
from qutrio.model.results import Evidence, Outcome
from tests.core.samples import HOOK, MAIL, WALL, A, B, at, delivery, document, hook

MANY = SINGLES_MAX + 1
HELD = document(A, channels=[hook(), hook(MAIL, name="mail")])


def downs(count: int, first: int = 1) -> tuple[Delivery, ...]:
    """Return the outages of as many checks."""
    return tuple(delivery(CheckId(f"c{n}"), n) for n in range(first, first + count))


def made(ledger: Ledger) -> Delivery:
    """Return the digest at the end of an outbox."""
    last = ledger.outbox[-1]
    assert last.notice.kind is NoticeKind.DIGEST
    return last


def digest_of(ledger: Ledger) -> Ledger:
    return gather(ledger, HOOK, lambda _: True, term=Term(4), wall=UnixTime(WALL + 60))


def counts(one: Delivery) -> dict[str, int]:
    assert one.notice.digest is not None
    return {c.kind.value: c.count for c in one.notice.digest.counts}


# --- what a digest says ---------------------------------------------------------------------


def test_a_digest_counts_the_notices_by_kind_and_lists_the_first() -> None:
    seen = Evidence(
        node=A,
        name="a",
        outcome=Outcome.FAIL,
        latency_ms=1.0,
        detail="refused",
        age_s=1.0,
        counted=True,
    )
    outbox = list(downs(3 * LINES_MAX))
    outbox[0] = evolve(outbox[0], notice=evolve(outbox[0].notice, evidence=(seen,)))
    ended = delivery(CheckId("c1"), 900, NoticeKind.RECOVERED)
    ledger = digest_of(Ledger(sequence=900, outbox=(*outbox, ended)))
    (one,) = ledger.outbox
    notice = one.notice
    assert notice.digest is not None
    assert counts(one) == {"down": 150, "recovered": 1}
    assert (notice.digest.total, notice.digest.unlisted) == (151, 101)
    assert [line.check for line in notice.digest.lines] == [d.notice.check for d in outbox[:50]]
    assert [line.detail for line in notice.digest.lines[:2]] == ["refused", ""]
    assert (notice.id, notice.sequence, ledger.sequence) == ("digest-901", 901, 901)
    assert (notice.term, notice.since_unix, notice.at_unix) == (4, WALL, WALL + 60)
    assert one.lane == (HOOK, DIGESTS_OF_A_CHANNEL)


def test_few_notices_stay_as_they_are() -> None:
    few = Ledger(sequence=99, outbox=downs(SINGLES_MAX))
    assert digest_of(few) is few
    elsewhere = evolve(few, outbox=(*few.outbox, delivery(channel=MAIL)))
    assert digest_of(elsewhere) is elsewhere


def test_a_lane_joins_as_a_whole_or_not_at_all() -> None:
    """Its notices are of a kind that is known, and none of its recipients has received one."""
    partly = evolve(delivery(CheckId("mails"), 100), reached=("a@example.org",))
    after = delivery(CheckId("mails"), 101, NoticeKind.RECOVERED)
    strange = delivery(CheckId("strange"), 102)
    strange = evolve(strange, notice=evolve(strange.notice, kind=UnknownKind("future")))
    busy = delivery(CheckId("busy"), 103)
    rest = (partly, after, strange, busy)
    ledger = gather(
        Ledger(sequence=200, outbox=(*downs(MANY), *rest)),
        HOOK,
        lambda lane: lane != busy.lane,
        term=Term(1),
        wall=WALL,
    )
    assert ledger.outbox[:-1] == rest
    assert counts(made(ledger)) == {"down": MANY}


def test_a_digest_that_waits_behind_another_is_part_of_the_next() -> None:
    first = digest_of(Ledger(sequence=999, outbox=downs(MANY)))
    second = digest_of(evolve(first, outbox=(*first.outbox, *downs(MANY, 100))))
    third = digest_of(evolve(second, outbox=(*second.outbox, *downs(MANY, 200))))
    assert [d.notice.id for d in third.outbox] == ["digest-1000", "digest-1002"]
    assert counts(third.outbox[0]) == {"down": MANY}
    assert counts(third.outbox[1]) == {"down": 2 * MANY}


# --- when it is sent ------------------------------------------------------------------------


class Channel:
    """A master's scheduler, and the ledger that a majority holds."""

    def __init__(self, *deliveries: Delivery, level: int = DIGESTS) -> None:
        self.scheduler = DeliveryScheduler(Random(1))
        self.ledger = Ledger(sequence=999)
        self.held = evolve(HELD, level=level)
        self.commit(self.ledger)
        self.scheduler.take_over(at(0), inherited=False)
        self.add(*deliveries)

    def commit(self, ledger: Ledger) -> None:
        """Let a majority hold a ledger."""
        self.ledger = ledger
        self.scheduler.on_committed(ledger)

    def add(self, *deliveries: Delivery) -> None:
        """Commit more notices."""
        self.commit(evolve(self.ledger, outbox=self.ledger.outbox + deliveries))

    def write(self, now: float) -> list[str]:
        """Write what the master would, and return the ids in the outbox."""
        ledger = self.scheduler.set_channels(self.held, self.ledger, at(now))
        ledger = self.scheduler.gather(ledger, Term(1), at(now), WALL)
        self.commit(self.scheduler.prune_ended(ledger, parts=False))
        return [d.notice.id for d in self.ledger.outbox]

    def due(self, now: float, *others: str) -> list[DueAttempt]:
        """Return the attempts to make now."""
        return self.scheduler.due(self.ledger, tuple(map(type(A), others)), at(now))

    def end(self, one: Delivery, now: float, *, delivered: bool = True) -> None:
        """End an attempt."""
        ended = Attempted(one.notice.id, one.channel, delivered, "said")
        self.scheduler.on_attempted(ended, (), at(now))


def test_many_notices_are_not_sent_one_by_one() -> None:
    channel = Channel(*downs(MANY), delivery(channel=MAIL))
    channel.write(0)
    (elsewhere, digest) = channel.due(0)
    assert (elsewhere.delivery.channel, counts(digest.delivery)) == (MAIL, {"down": MANY})
    assert channel.due(1) == []
    channel.end(digest.delivery, 1)
    assert channel.write(1) == ["web-1.down"]


def test_an_older_version_in_the_cluster_gets_no_digest() -> None:
    channel = Channel(*downs(MANY), level=LEVEL_UNSAID)
    channel.write(0)
    assert len(channel.due(0)) == MANY


def test_what_comes_later_waits_until_the_digest_has_left_the_outbox() -> None:
    channel = Channel(*downs(MANY))
    channel.write(0)
    (digest,) = channel.due(0)
    end, fresh = delivery(CheckId("c1"), 2000, NoticeKind.RECOVERED), delivery(number=2001)
    channel.add(end, fresh)
    channel.write(1)
    assert channel.due(1) == []
    channel.end(digest.delivery, 2)
    assert channel.due(2) == []  # no majority knows yet
    channel.write(2)
    assert [a.delivery for a in channel.due(2)] == [end, fresh]


def test_a_later_digest_waits_for_the_one_before() -> None:
    channel = Channel(*downs(MANY))
    channel.write(0)
    (first,) = channel.due(0)
    channel.add(*downs(MANY, 2000))
    assert channel.write(1) == ["digest-1000", "digest-2021"]
    channel.add(*downs(MANY, 3000))
    assert channel.write(2) == ["digest-1000", "digest-3021"]
    assert channel.due(2) == []
    channel.end(first.delivery, 3, delivered=False)
    (again,) = channel.due(100)
    assert again.delivery.notice.id == "digest-1000"
    channel.end(first.delivery, 100)
    channel.write(100)
    assert [counts(a.delivery) for a in channel.due(100)] == [{"down": 2 * MANY}]


def test_an_attempt_under_way_is_not_gathered_and_its_lane_goes_on() -> None:
    first = delivery(CheckId("early"), 1)
    channel = Channel(first)
    channel.write(0)
    assert channel.due(0) == [DueAttempt(first, None)]
    end = delivery(CheckId("early"), 500, NoticeKind.RECOVERED)
    channel.add(*downs(MANY, 100), end)
    assert channel.write(1) == [first.notice.id, end.notice.id, "digest-1000"]
    assert [a.delivery.notice.id for a in channel.due(1)] == ["digest-1000"]
    channel.end(first, 2)
    channel.write(2)
    assert [a.delivery for a in channel.due(2)] == [end]


def test_a_failed_notice_joins_the_digest() -> None:
    first = delivery(CheckId("early"), 1)
    channel = Channel(first)
    channel.write(0)
    channel.due(0)
    channel.end(first, 1, delivered=False)
    channel.add(*downs(SINGLES_MAX, 100))
    assert channel.write(1) == ["digest-1000"]


def test_a_delivered_notice_leaves_in_another_write_than_a_digest_is_made() -> None:
    """So whoever reads the ledgers knows that all that left with it are in the digest."""
    first = delivery(CheckId("early"), 1)
    channel = Channel(first)
    channel.write(0)
    channel.due(0)
    channel.add(*downs(MANY, 100))
    channel.end(first, 1)
    assert channel.write(1) == [first.notice.id, "digest-1000"]
    assert channel.write(1) == ["digest-1000"]


def test_lanes_resume_when_few_notices_wait_again() -> None:
    channel = Channel(*downs(MANY))
    channel.scheduler.set_channels(channel.held, channel.ledger, at(0))
    channel.scheduler.gathering.allowed = True
    assert channel.due(0) == []
    channel.commit(evolve(channel.ledger, outbox=channel.ledger.outbox[1:]))
    assert len(channel.due(1)) == SINGLES_MAX


def test_a_digest_dropped_while_another_member_may_send_it_holds_the_channel() -> None:
    channel = Channel(*downs(MANY))
    channel.write(0)
    (digest,) = channel.due(0)
    later = delivery(CheckId("c1"), 2000, NoticeKind.RECOVERED)
    channel.commit(evolve(channel.ledger, outbox=(later,)))
    assert channel.due(1) == []
    channel.end(digest.delivery, 2)
    assert [a.delivery for a in channel.due(2)] == [later]


def test_an_attempt_without_an_answer_holds_the_channel_for_a_bounded_time() -> None:
    channel = Channel(*downs(MANY))
    channel.write(0)
    channel.due(0)
    later = delivery(CheckId("c1"), 2000, NoticeKind.RECOVERED)
    channel.commit(evolve(channel.ledger, outbox=(later,)))
    assert channel.due(ATTEMPT_S_MAX - 1) == []
    assert [a.delivery for a in channel.due(ATTEMPT_S_MAX)] == [later]


def test_notices_that_another_member_may_still_send_are_not_gathered() -> None:
    channel = Channel(*downs(MANY))
    channel.scheduler.successors.hold(channel.ledger.outbox, at(5))
    assert len(channel.write(0)) == MANY
    assert channel.due(1) == []
    assert channel.scheduler.deadline() == at(5)
    assert channel.write(5) == ["digest-1000"]


def test_all_notices_of_a_channel_wait_while_its_digest_may_be_sent_by_another_member() -> None:
    channel = Channel(*downs(MANY))
    channel.write(0)
    (digest,) = channel.due(0)
    channel.end(digest.delivery, 1, delivered=False)
    (again,) = channel.due(30, B)
    assert again.via == B
    channel.scheduler.successors.hold((again.delivery,), at(35))
    later = delivery(CheckId("c1"), 2000, NoticeKind.RECOVERED)
    channel.end(digest.delivery, 31)
    channel.commit(evolve(channel.ledger, outbox=(later,)))
    assert channel.due(31) == []
    assert [a.delivery for a in channel.due(35)] == [later]


@pytest.mark.parametrize("seed", range(10))
def test_every_notice_is_told_once_and_in_order(seed: int) -> None:
    """Notices come, attempts fail and succeed at random; each leaves alone or in one digest."""
    rng, channel, now = Random(seed), Channel(), 0.0
    told, number = list[Delivery](), 1000
    covered = dict[str, list[Delivery]]()
    for _ in range(100):
        now += rng.random()
        fresh = [delivery(CheckId(f"c{rng.randrange(40)}"), number := number + 1)]
        fresh += [
            delivery(CheckId(f"c{n}"), number := number + 1)
            for n in range(rng.choice((0, 0, 0, 30)))
        ]
        channel.add(*fresh)
        before = channel.ledger.outbox
        channel.ledger = evolve(channel.ledger, sequence=max(number, channel.ledger.sequence))
        channel.write(now)
        number = max(number, channel.ledger.sequence)
        left = [d for d in before if d.key not in channel.ledger.waiting]
        for digest in (d for d in channel.ledger.outbox if d.key not in {b.key for b in before}):
            covered[digest.notice.id] = [c for d in left for c in covered.get(d.notice.id, [d])]
        for attempt in channel.due(now):
            delivered = rng.random() < 0.5
            channel.end(attempt.delivery, now, delivered=delivered)
            if delivered:
                told += covered.get(attempt.delivery.notice.id, [attempt.delivery])
    assert max(Counter(d.notice.id for d in told).values()) == 1
    assert covered
    lanes = dict[object, list[int]]()
    for one in told:
        lanes.setdefault(one.lane, []).append(one.notice.sequence)
    assert all(numbers == sorted(numbers) for numbers in lanes.values())

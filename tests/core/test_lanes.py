"""The lanes of the outbox, against what a look at the whole outbox says."""

from random import Random

import pytest
from attrs import evolve

from qutrio.core.alerting import outbox as bounds
from qutrio.core.alerting.lanes import Lane, Lanes
from qutrio.core.alerting.outbox import within_bound
from qutrio.model.ids import ChannelId, CheckId, IncidentId, NoticeId
from qutrio.model.incidents import AnyKind, Delivery, NoticeKind, UnknownKind
from tests.core.samples import delivery

CHECKS = [CheckId(f"c{number}") for number in range(4)]
CHANNELS = [ChannelId("hook"), ChannelId("mail")]


def new(rng: Random, sequence: int) -> list[Delivery]:
    """Return the deliveries of a random notice."""
    check, first = rng.choice(CHECKS), delivery(number=sequence)
    kinds: list[AnyKind] = [*list(NoticeKind)[:4], UnknownKind("x")]
    kind = rng.choice(kinds)
    notice = evolve(
        first.notice,
        id=NoticeId(f"{check}-{sequence}"),
        incident=IncidentId(f"{check}-{sequence - rng.randrange(2)}"),
        kind=kind,
        check=check,
        sequence=sequence,
    )
    return [Delivery(notice=notice, channel=channel) for channel in CHANNELS]


def heads(outbox: tuple[Delivery, ...]) -> dict[Lane, Delivery]:
    """Return the first delivery of each lane whose kind is known."""
    found = dict[Lane, Delivery]()
    for one in outbox:
        if not isinstance(one.notice.kind, UnknownKind):
            found.setdefault(one.lane, one)
    return found


@pytest.mark.parametrize("seed", range(30))
def test_lanes_follow_the_outbox_also_back(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deliveries are added, marked and removed; now and then an older outbox comes back."""
    monkeypatch.setattr(bounds, "OUTBOX_MAX", 3)
    rng, lanes = Random(seed), Lanes()
    outbox: tuple[Delivery, ...] = ()
    past = [outbox]
    for sequence in range(1, 80):
        before = outbox
        kept = [one for one in outbox if rng.random() < 0.8]
        kept = [evolve(one, reached=("a",)) if rng.random() < 0.1 else one for one in kept]
        outbox = (*kept, *(new(rng, sequence) if rng.random() < 0.8 else ()))
        if rng.random() < 0.1:
            outbox = rng.choice(past)
        past.append(outbox)
        gone, changed = lanes.follow(outbox)
        assert {d.key for d in gone} == {d.key for d in before} - {d.key for d in outbox}
        assert lanes.keys() == {d.key for d in outbox}
        assert lanes.all() == {d.lane for d in outbox}
        now, was = heads(outbox), heads(before)
        assert {lane: lanes.head(lane) for lane in now} == now
        assert {lane for lane in now if now.get(lane) != was.get(lane)} <= changed
        assert all(lanes.get(d.key) == d for d in outbox)
        fewer = [d for d in outbox if rng.random() < 0.7]
        places = {d.key: place for place, d in enumerate(fewer)}
        assert all(lanes.place(d.key, fewer) == places.get(d.key) for d in outbox)
        longer = (*outbox, *new(rng, 100))
        for candidate in (outbox, longer):
            if not lanes.may_drop(candidate):
                assert list(within_bound(candidate, lambda _: False)) == list(candidate)


def test_an_empty_lane_has_no_head() -> None:
    lanes = Lanes()
    assert lanes.head((CHANNELS[0], CHECKS[0])) is None
    assert lanes.get((NoticeId("n"), CHANNELS[0])) is None
    assert lanes.place((NoticeId("n"), CHANNELS[0]), ()) is None
    assert not lanes.may_drop(())

"""The rules for pages of a minority fire, each in a world that is broken on purpose."""

from collections.abc import Callable

import pytest
from attrs import evolve

from qutrio.core.alerting.alert_manager import AlertManager
from qutrio.core.alerting.partition import PartitionAlerting
from qutrio.core.api.effects import Effect
from qutrio.core.election.interface import Role
from qutrio.model.document import Settings
from qutrio.model.ids import ChannelId, Instant, NodeId, NoticeId, Seconds
from qutrio.model.incidents import Delivery, Ledger
from qutrio.sim.invariants import InvariantError
from qutrio.sim.world import World
from tests.core.samples import delivery
from tests.sim.worlds import N0, N1, N2, N3, N4, WEB, both_ways, cut_off, node_of

QUICK = Settings(
    engine="gossip",
    acting="partition",
    gossip_startup_grace_s=2.0,
    gossip_sample_s=0.5,
    gossip_election_s=1.0,
    gossip_alive_s=2.0,
)
CUT_S: Seconds = 200.0


def begin(size: int = 3, settings: Settings = QUICK) -> World:
    """Return a cluster in which n00 acts and every node has voted."""
    world = World(11, size, settings=settings)
    world.run(20)
    assert [n for n, h in world.hosts.items() if h.acting(world.true)] == [N0]
    return world


def incidents_told(world: World) -> set[str]:
    return {notice for notice, _ in world.invariants.announced}


def alone(world: World, name: NodeId = N0) -> None:
    """Cut off one node of three from the others, and take the target down."""
    pairs = [(name, other) for other in (N0, N1, N2) if other != name]
    cut_off(world, *both_ways(*pairs), for_s=CUT_S)
    world.targets.down.add(WEB)


def test_two_partitions_page_each_in_its_own_name() -> None:
    world = begin(5)
    apart = [(a, b) for a in (N0, N1) for b in (N2, N3, N4)]
    cut_off(world, *both_ways(*apart), for_s=CUT_S)
    world.targets.down.add(WEB)
    world.run(120)
    told = sorted(incidents_told(world))
    assert len(told) == 2
    assert told[0] == "web-1.down"
    assert told[1].startswith("web-minority-")
    assert node_of(world, N0).alerts.partition.leads
    world.run(20 + CUT_S + 60)
    assert not node_of(world, N0).alerts.partition.leads


def test_by_default_only_the_majority_pages() -> None:
    world = begin(3, evolve(QUICK, acting="majority"))
    alone(world)
    world.run(120)
    assert incidents_told(world) == {"web-1.down"}


def any_leader(minority: PartitionAlerting, now: Instant) -> bool:
    del now
    return minority.leadership.engine_host.role is Role.LEADER


def any_node_without_majority(minority: PartitionAlerting, now: Instant) -> bool:
    return not minority.leadership.membership.sees_majority(now)


def at_once(minority: PartitionAlerting, now: Instant) -> bool:
    return any_leader(minority, now) and any_node_without_majority(minority, now)


@pytest.mark.parametrize(
    ("may_page", "settings", "said"),
    [
        (any_node_without_majority, evolve(QUICK, gossip_alive_s=100.0), "takes it for a follower"),
        (at_once, QUICK, "it has been without a majority only since"),
        (at_once, evolve(QUICK, acting="majority"), "does not let a minority page"),
    ],
)
def test_7_a_minority_that_must_not_page_is_noticed(
    may_page: Callable[[PartitionAlerting, Instant], bool],
    settings: Settings,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = begin(3, settings)
    monkeypatch.setattr(PartitionAlerting, "_may_alert", may_page)
    alone(world, N2 if said.endswith("follower") else N0)
    with pytest.raises(InvariantError, match=rf"^7: web-minority-.*: .*{said}"):
        world.run(160)


def test_7_a_node_that_acts_and_pages_for_a_minority_too_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = begin()
    monkeypatch.setattr(PartitionAlerting, "_may_alert", any_leader)
    monkeypatch.setattr(PartitionAlerting, "_voters_in_touch", lambda *_: "1 of 3")
    world.targets.down.add(WEB)
    with pytest.raises(InvariantError, match=r"^7: web-minority-.*: it acts, so it has no need"):
        world.run(60)


def test_7_a_minority_that_does_not_say_so_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = begin()
    monkeypatch.setattr(PartitionAlerting, "_voters_in_touch", lambda *_: "")
    alone(world)
    with pytest.raises(InvariantError, match=r"^7: web-minority-.*: '' is no minority"):
        world.run(120)


def test_7_a_notice_of_a_minority_that_is_to_be_written_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledgers = AlertManager.next_ledger

    def labels(alerts: AlertManager, *moments: object) -> Ledger:
        ledger = ledgers(alerts, *moments)  # type: ignore[arg-type]
        outbox = (evolve(d, notice=evolve(d.notice, minority="1 of 3")) for d in ledger.outbox)
        return evolve(ledger, outbox=tuple(outbox))

    world = begin()
    monkeypatch.setattr(AlertManager, "next_ledger", labels)
    world.targets.down.add(WEB)
    with pytest.raises(InvariantError, match=r"^7: web-1.down comes from a minority, and is to be"):
        world.run(60)


def test_8_a_notice_of_a_minority_that_nobody_made_is_noticed() -> None:
    world = begin()
    notice = evolve(delivery().notice, id=NoticeId("web-minority-0-1.down"), minority="1 of 3")
    made_up = Delivery(notice=notice, channel=ChannelId("hook"))
    with pytest.raises(InvariantError, match=r"^8: web-minority-0-1.down was sent, and no leader"):
        world.invariants.delivered(world.hosts, made_up, world.true, world.true)


def test_8_an_id_that_a_minority_gives_twice_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = PartitionAlerting._end

    def forgets(minority: PartitionAlerting, now: Instant) -> list[Effect]:
        effects = ends(minority, now)
        minority.ledger = Ledger()
        return effects

    world = begin()
    monkeypatch.setattr(PartitionAlerting, "_end", forgets)
    alone(world)
    world.run(world.true + CUT_S - 60)
    world.targets.down.discard(WEB)
    world.run(world.true + 120)
    alone(world)
    with pytest.raises(InvariantError, match=r"^8: web-minority-.* was made twice"):
        world.run(world.true + 160)

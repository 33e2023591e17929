"""Whole daemons in virtual time elect, transfer, alert and stop as they should."""

from collections.abc import Iterator

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from qutrio.core.api.messages import Ruling
from qutrio.core.api.mutations import PutCheck, RemoveMember
from qutrio.model.document import UNSEEN_AFTER_S_MIN
from qutrio.model.ids import NodeId
from tests.daemon.virtual_cluster import (
    DaemonEffect,
    Line,
    Mail,
    open_world,
    replay,
    seeded_scheduler,
)

pytestmark = pytest.mark.slow

COOLDOWN_S = 120.0


@pytest.fixture(autouse=True)
def seed() -> Iterator[int]:
    """Seed the random numbers, so that a failure can be reproduced."""
    with seeded_scheduler(1):
        yield 1


async def test_three_daemons_elect_the_lowest_id(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        nodes = await world.begin(3)
        assert world.acting() == [nodes[0]]
        assert [node for _, node in world.masters] == [nodes[0]]
        assert world.masters[0][0] < 2.0


async def _whoever_is_first(seed: int) -> tuple[list[NodeId], list[tuple[float, NodeId]]]:
    async with open_world(seed) as world:
        nodes = world.populate(3)
        world.start(*nodes)
        await trio.sleep(COOLDOWN_S + 20)
        return nodes, world.masters


@pytest.mark.parametrize("other_seed", range(5))
def test_the_lowest_id_becomes_master_in_whatever_order_links_come_up(other_seed: int) -> None:
    nodes, masters = replay(_whoever_is_first, other_seed)
    assert masters[0][0] < 2.0
    assert masters[-1][1] == nodes[0]
    assert len(masters) <= 2


async def test_a_returning_lower_id_waits_for_the_cooldown_and_a_flap_restarts_it(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        lowest, *_others = await world.begin(3)
        await world.crash(lowest)
        substitute = await world.master(but=lowest)
        await trio.sleep(10)
        world.start(lowest)
        await trio.sleep(COOLDOWN_S / 2)
        assert world.acting() == [substitute]

        await world.crash(lowest)
        await trio.sleep(10)
        world.start(lowest)
        back_at = trio.current_time()
        await trio.sleep(COOLDOWN_S - 5)
        assert world.acting() == [substitute]

        await world.master(but=substitute)
        await trio.sleep(60)
        assert [node for _, node in world.masters] == [lowest, substitute, lowest]
        assert world.masters[-1][0] - back_at == pytest.approx(COOLDOWN_S, abs=3)
        assert trio.current_time() >= 250


async def test_a_new_master_acts_at_once_when_the_old_one_is_asked_to_stop(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        lowest, *others = await world.begin(3)
        asked_at = trio.current_time()
        await world.shut_down(lowest)
        assert trio.current_time() - asked_at < 1.0
        assert await world.master(but=lowest) == others[0]
        assert trio.current_time() - asked_at < 1.5


async def test_an_outage_is_announced_once_and_its_end_once(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        nodes = await world.begin(3)
        assert world.mailbox == []
        down_at = trio.current_time()
        world.target.up = False
        await trio.sleep(60)
        world.target.up = True
        await trio.sleep(60)
        assert [(mail.kind, mail.by) for mail in world.mailbox] == [
            ("down", nodes[0]),
            ("recovered", nodes[0]),
        ]
        assert world.mailbox[0].at - down_at < 10


async def test_a_check_without_a_verdict_is_announced_once_with_the_reasons_and_its_end_once(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        nodes = await world.begin(3)
        lost_at = trio.current_time()
        world.target.resolver_works = False
        await trio.sleep(1.5 * UNSEEN_AFTER_S_MIN)
        [unseen] = world.mailbox
        assert (unseen.kind, unseen.by, unseen.check) == ("unseen", nodes[0], "web")
        assert unseen.cause == "; ".join(
            f"{world.daemons[n].member.name}: this node's resolver gives no answers" for n in nodes
        )
        assert UNSEEN_AFTER_S_MIN <= unseen.at - lost_at < UNSEEN_AFTER_S_MIN + 20
        world.target.resolver_works = True
        await trio.sleep(60)
        [_, seen] = world.mailbox
        assert (seen.kind, seen.by, seen.check) == ("seen", nodes[0], "web")
        assert seen.cause == unseen.cause


async def test_the_end_of_an_outage_is_announced_by_the_next_master(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        lowest, *others = await world.begin(3)
        world.target.up = False
        await trio.sleep(30)
        await world.crash(lowest)
        await world.master(but=lowest)
        await trio.sleep(60)
        world.target.up = True
        await trio.sleep(60)
        assert [(mail.kind, mail.by) for mail in world.mailbox] == [
            ("down", lowest),
            ("recovered", others[0]),
        ]


async def test_an_outage_whose_master_crashed_before_it_announced_it_is_still_announced(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        lowest, *others = await world.begin(3)
        world.target.up = False
        await world.told("sending")
        await world.crash(lowest)
        await trio.sleep(60)
        assert [(mail.kind, mail.by) for mail in world.mailbox] == [("down", others[0])]


async def test_a_minority_alerts_nobody(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        _lowest, *others = await world.begin(3)
        for other in others:
            await world.crash(other)
        await trio.sleep(10)
        world.target.up = False
        await trio.sleep(120)
        assert world.acting() == []
        assert world.mailbox == []


async def test_a_master_that_cannot_write_resigns_and_is_master_again_when_it_can(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        lowest, *_others = await world.begin(3)
        world.daemons[lowest].store.failing = "no space left on the device"
        world.target.up = False
        substitute = await world.master(but=lowest)
        await trio.sleep(30)
        assert [(mail.kind, mail.by) for mail in world.mailbox] == [("down", substitute)]
        world.daemons[lowest].store.failing = None
        assert await world.master(but=substitute) == lowest


async def test_a_change_made_at_any_daemon_is_durable_at_a_majority_when_it_is_committed(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        nodes = await world.begin(3)
        check = world.view(nodes[2]).document.checks[0]
        mutation = PutCheck(check=evolve(check, interval_s=20.0), expect=check)
        assert await world.propose(nodes[2], mutation) is Ruling.COMMITTED
        kept = [daemon.store.durable.accepted.document for daemon in world.daemons.values()]
        assert [document.checks[0].interval_s for document in kept].count(20.0) >= 2
        assert world.view(nodes[2]).document.checks[0].interval_s == 20.0


async def test_a_removed_daemon_stops_probing_and_the_others_go_on(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        lowest, _second, third = await world.begin(3)
        assert await world.propose(lowest, RemoveMember(node=third)) is Ruling.COMMITTED
        await trio.sleep(20)
        assert world.view(third).removed
        probes = world.target.probes
        await trio.sleep(100)
        assert world.target.probes - probes == pytest.approx(20, abs=3)
        assert world.acting() == [lowest]
        assert world.mailbox == []


async def _eventful(seed: int) -> tuple[list[Line], list[DaemonEffect], list[Mail]]:
    async with open_world(seed) as world:
        lowest, *_others = await world.begin(3)
        world.target.up = False
        await trio.sleep(20)
        await world.crash(lowest)
        await trio.sleep(20)
        world.start(lowest)
        world.target.up = True
        await trio.sleep(30)
        return world.trace, world.performed, world.mailbox


def test_the_same_seed_gives_the_same_trace_and_another_seed_another() -> None:
    first, again, other = (replay(_eventful, seed) for seed in (7, 7, 8))
    assert len(first[1]) > 500
    assert first == again
    assert first != other


async def test_a_daemon_that_stops_closes_its_listener_then_says_farewell_then_is_silent(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        lowest, *others = await world.begin(3)
        world.performed.clear()
        stopping = trio.current_time()
        await world.shut_down(lowest)
        last = [one for one in world.performed if one.node == lowest][-4:]
        assert sorted(one.what for one in last) == sorted(
            f"send {word} to {other}" for word in ("Resign", "Farewell") for other in others
        )
        assert not any(one.listening for one in last)
        assert all(world.view(other).live == set(others) for other in others)
        assert trio.current_time() - stopping < 1.0
        world.performed.clear()
        await trio.sleep(30)
        assert {one.node for one in world.performed} == set(others)

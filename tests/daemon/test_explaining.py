"""Whole daemons record an outage, and each reports what it saw of it and what it missed."""

from collections.abc import Iterator, Sequence

import pytest
import trio
from trio.testing import MockClock

from qutrio.core.journal.reports import End, Fate, IncidentReport, incident_reports
from qutrio.daemon.run import GRACE_S
from qutrio.errors import StorageError
from qutrio.model.ids import NodeId
from qutrio.model.journal import (
    Basis,
    Began,
    Crossed,
    Ended,
    Entry,
    Judged,
    Led,
    Opened,
    Started,
)
from qutrio.storage.journal import MemoryJournal
from tests.daemon.virtual_cluster import World, open_world, seeded_scheduler

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def seed() -> Iterator[int]:
    """Seed the random numbers, so that a failure can be reproduced."""
    with seeded_scheduler(1):
        yield 1


def story(world: World, node: NodeId) -> IncidentReport:
    (only,) = incident_reports(world.daemons[node].journal.entries)
    return only


def kinds(told: IncidentReport) -> list[str]:
    return [type(entry.fact).__name__ for entry in told.entries]


async def outage_with_failover(world: World) -> list[NodeId]:
    """Target fails, master alerts and crashes, target recovers, master returns."""
    nodes = await world.begin(3)
    world.target.up = False
    await trio.sleep(30)
    await world.crash(nodes[0])
    await world.master(but=nodes[0])
    await trio.sleep(20)
    world.target.up = True
    await trio.sleep(60)
    world.start(nodes[0])
    await trio.sleep(20)
    assert [mail.kind for mail in world.mailbox] == ["down", "recovered"]
    return nodes


async def test_the_new_master_reports_the_whole_outage_and_who_was_master(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        lowest, heir, _other = await outage_with_failover(world)
        told = story(world, heir)
        assert told.end is End.RECOVERED
        assert [(p.kind.value, p.fate, p.by and p.by.id) for p in told.pages] == [
            ("down", Fate.DELIVERED, None),
            ("recovered", Fate.DELIVERED, heir),
        ]
        facts = [entry.fact for entry in told.entries]
        (opening,) = [fact for fact in facts if isinstance(fact, Opened)]
        assert opening.master is not None
        assert opening.master.id == lowest
        assert [f.master and f.master.id for f in facts if isinstance(f, Led)] == [None, heir]
        down, up = [fact for fact in facts if isinstance(fact, Judged)]
        assert (down.last.fail, up.last.ok, up.last.voters) == (3, 2, 3)
        assert up.basis is Basis.VOTES
        assert up.after_s >= 1.0


async def test_the_master_that_crashed_reports_its_part_and_what_it_missed(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        lowest, *_others = await outage_with_failover(world)
        told = story(world, lowest)
        assert kinds(told)[:6] == ["Judged", "Opened", "Noticed", "Began", "Ended", "Crossed"]
        assert told.pages[0].by is not None
        assert told.pages[0].by.id == lowest
        assert isinstance(told.entries[6].fact, Started)
        assert told.end is End.RECOVERED  # learned from the ledger after its return


async def test_a_follower_reports_that_the_master_decided_and_what_was_delivered(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        *_others, last = await world.begin(3)
        world.target.up = False
        await trio.sleep(30)
        told = story(world, last)
        assert told.end is End.OPEN
        facts = [entry.fact for entry in told.entries]
        assert not [fact for fact in facts if isinstance(fact, Began | Ended)]
        assert [fact.cause.value for fact in facts if isinstance(fact, Crossed)] == ["delivered"]


async def test_a_node_that_was_asked_to_stop_has_written_all_its_lines(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        lowest, *_others = await world.begin(3)
        world.target.up = False
        await trio.sleep(30)
        await world.shut_down(lowest)
        lines = list(world.daemons[lowest].journal.entries)
        assert type(lines[-1].fact).__name__ == "Stopped"
        told = kinds(story(world, lowest))
        assert told[:6] == ["Judged", "Opened", "Noticed", "Began", "Ended", "Crossed"]
        assert told[-1] == "Stopped"


class BrokenJournal(MemoryJournal):
    """Refuses every line, or, with `hangs`, never returns."""

    def __init__(self, *, hangs: bool) -> None:
        super().__init__()
        self.hangs = hangs

    async def append(self, entries: Sequence[Entry]) -> None:
        if self.hangs:
            await trio.sleep_forever()
        await trio.lowlevel.checkpoint()
        raise StorageError("no space left on the device")


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_journal_that_cannot_be_written_has_no_other_effect(
    hangs: bool, autojump_clock: MockClock
) -> None:
    async with open_world() as world:
        nodes = world.populate(3)
        for node in nodes:
            world.daemons[node].journal = BrokenJournal(hangs=hangs)
        world.start(*nodes)
        await trio.sleep(30)
        down_at = trio.current_time()
        world.target.up = False
        await trio.sleep(60)
        assert [mail.kind for mail in world.mailbox] == ["down"]
        assert world.mailbox[0].at - down_at < 12
        complaints = [line for line in world.trace if line.what.startswith("the incident journal")]
        assert len(complaints) == (0 if hangs else 3)
        asked_at = trio.current_time()
        await world.shut_down(nodes[0])
        assert trio.current_time() - asked_at < GRACE_S + 1

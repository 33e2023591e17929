"""All probes of a node, in virtual time."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing
from attrs import evolve

from qutrio.core.api.events import Observed
from qutrio.model.checks import Check, TcpCheck
from qutrio.model.ids import CheckId
from qutrio.model.results import Outcome, Result
from qutrio.plumbing.clock import TrioClock
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from qutrio.probes.interface import Tools
from qutrio.probes.observations import Observation
from qutrio.probes.schedule import offset_share
from qutrio.probes.supervisor import FILES_RESERVED, affordable_probes, supervise
from tests.probes.lines import Lines
from tests.probes.views import NODE, view_of

FINE = Observation(Outcome.OK, 1.0, "fine")


def tcp(name: str, interval_s: float = 10.0, **changes: Any) -> Check:
    check = TcpCheck(id=CheckId(name), name=name, address="127.0.0.1:9", interval_s=interval_s)
    return evolve(check, **changes)


class Rig:
    """A supervisor with a prober that the test controls, and a record of starts and ends."""

    def __init__(self, tools: Tools, *checks: Check) -> None:
        self.clock = TrioClock(1_000_000.0)
        self.tools = evolve(tools, clock=self.clock)
        self.view = Latest(view_of(checks))
        self.inbox = Inbox("test")
        self.demand, self.demands = trio.open_memory_channel[tuple[CheckId, ...]](8)
        self.log = Lines()
        self.begun: list[tuple[float, str]] = []
        self.cancelled: list[str] = []
        self.results: list[Result] = []
        self.takes_s: Callable[[Check], float] = lambda _: 0.05

    async def probe(self, check: Check, tools: Tools) -> Observation:
        del tools
        self.begun.append((trio.current_time(), check.id))
        try:
            await trio.sleep(self.takes_s(check))
        except trio.Cancelled:
            self.cancelled.append(check.id)
            raise
        return FINE

    def edit(self, *checks: Check, **changes: Any) -> None:
        self.view.publish(evolve(view_of(checks), **changes))

    async def _read(self) -> None:
        while True:
            event = await self.inbox.next(1000.0)
            if isinstance(event, Observed):
                self.results.append(event.result)

    @asynccontextmanager
    async def running(self, running_max: int = 1000) -> AsyncIterator[None]:
        task: Callable[[], Awaitable[None]] = partial(
            supervise,
            self.view,
            self.inbox,
            self.demands,
            self.clock,
            self.tools,
            self.log,
            random.Random(5),
            probe=self.probe,
            running_max=running_max,
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(task)
            nursery.start_soon(self._read)
            yield
            nursery.cancel_scope.cancel()

    def names(self) -> list[str]:
        return [name for _, name in self.begun]


async def test_every_enabled_check_is_probed_once_per_interval(
    autojump_clock: trio.testing.MockClock, tools: Tools
) -> None:
    rig = Rig(tools, tcp("a"), tcp("b", 20.0), tcp("c", enabled=False))
    async with rig.running():
        await trio.sleep(200.0)
    assert rig.names().count("a") == pytest.approx(20, abs=1)
    assert rig.names().count("b") == pytest.approx(10, abs=1)
    assert "c" not in rig.names()
    assert len(rig.results) == len(rig.begun)


async def test_a_new_check_is_probed_within_a_second(
    autojump_clock: trio.testing.MockClock, tools: Tools
) -> None:
    rig = Rig(tools)
    async with rig.running():
        await trio.sleep(100.0)
        rig.edit(tcp("a", 3600.0))
        await trio.sleep(1.1)
    assert [result.check for result in rig.results] == ["a"]


async def test_a_demand_is_obeyed_at_once_and_repeated_demands_coalesce(
    autojump_clock: trio.testing.MockClock, tools: Tools
) -> None:
    rig = Rig(tools, tcp("a", 3600.0))
    async with rig.running():
        await trio.sleep(5.0)
        rig.begun.clear()
        for _ in range(5):
            await rig.demand.send((CheckId("a"), CheckId("stranger")))
            await trio.sleep(0.001)
        await trio.sleep(5.0)
    (first, _), (second, _) = rig.begun
    assert first == pytest.approx(5.0, abs=0.01)
    assert second == pytest.approx(first + 0.05, abs=0.001)


@pytest.mark.parametrize("edited", [(), (tcp("a", timeout_s=3.0, enabled=False),)])
async def test_a_probe_of_a_check_that_is_gone_is_cancelled_and_posts_nothing(
    autojump_clock: trio.testing.MockClock, tools: Tools, edited: tuple[Check, ...]
) -> None:
    rig = Rig(tools, tcp("a"))
    rig.takes_s = lambda _: 5.0
    async with rig.running():
        await trio.sleep(1.5)
        rig.edit(*edited)
        await trio.sleep(60.0)
        assert (rig.names(), rig.cancelled, rig.results) == (["a"], ["a"], [])


async def test_an_edited_check_is_probed_anew_under_its_new_revision(
    autojump_clock: trio.testing.MockClock, tools: Tools
) -> None:
    rig = Rig(tools, tcp("a", 3600.0))
    rig.takes_s = lambda check: 5.0 if check.changed == 0 else 0.1
    async with rig.running():
        await trio.sleep(1.5)
        rig.edit(tcp("a", 3600.0, changed=8))
        await trio.sleep(10.0)
    assert [result.changed for result in rig.results] == [8]


async def test_an_edit_of_one_check_leaves_the_probes_of_others_alone(
    autojump_clock: trio.testing.MockClock, tools: Tools
) -> None:
    rig = Rig(tools, tcp("a"), tcp("b"))
    rig.takes_s = lambda _: 5.0
    async with rig.running():
        await trio.sleep(1.5)
        rig.edit(tcp("a"), tcp("b", changed=2))
        await trio.sleep(4.9)
        assert rig.cancelled == ["b"]
        assert [result.check for result in rig.results] == ["a"]


async def test_a_removed_node_probes_nothing_and_obeys_nobody(
    autojump_clock: trio.testing.MockClock, tools: Tools
) -> None:
    rig = Rig(tools, tcp("a"))
    async with rig.running():
        await trio.sleep(30.0)
        rig.edit(tcp("a"), removed=True)
        await trio.sleep(0.1)
        rig.begun.clear()
        await rig.demand.send((CheckId("a"),))
        await trio.sleep(100.0)
    assert rig.begun == []


async def test_targets_that_hang_do_not_delay_the_probes_of_others(
    autojump_clock: trio.testing.MockClock, tools: Tools
) -> None:
    good = [tcp(f"good{i:03}") for i in range(50)]
    hanging = [tcp(f"hang{i:03}", timeout_s=300.0) for i in range(200)]
    rig = Rig(tools, *good, *hanging)
    rig.takes_s = lambda check: 300.0 if check.id.startswith("hang") else 0.05
    async with rig.running():
        await trio.sleep(200.0)
    late = []
    for when, name in rig.begun:
        if name.startswith("good") and when > 30.0:
            due = 10.0 * offset_share(CheckId(name), NODE, (NODE,))
            late.append((rig.clock._base + when - due) % 10.0)
    assert len(late) == pytest.approx(50 * 17, abs=60)
    assert max(min(s, 10.0 - s) for s in late) < 0.001


async def test_more_than_the_cap_wait_their_turn_and_the_log_says_so_once(
    autojump_clock: trio.testing.MockClock, tools: Tools
) -> None:
    rig = Rig(tools, *(tcp(f"c{i}", 3600.0) for i in range(10)))
    rig.takes_s = lambda _: 10.0
    async with rig.running(running_max=2):
        await trio.sleep(5.0)
        assert len(rig.begun) == 2
        await trio.sleep(60.0)
    assert sorted(rig.names()) == [f"c{i}" for i in range(10)]
    assert len(rig.log.lines) == 1


async def test_a_full_inbox_holds_results_back_without_losing_them(
    autojump_clock: trio.testing.MockClock, tools: Tools
) -> None:
    rig = Rig(tools, *(tcp(f"c{i}", 3600.0) for i in range(10)))
    rig.inbox = Inbox("test", capacity=1)
    async with rig.running():
        await trio.sleep(30.0)
    assert len(rig.results) == 10


async def test_a_closed_inbox_is_the_end_of_the_daemon_and_not_an_error(
    autojump_clock: trio.testing.MockClock, tools: Tools
) -> None:
    rig = Rig(tools, tcp("a"))
    rig.inbox.close()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            partial(
                supervise, rig.view, rig.inbox, rig.demands, rig.clock, rig.tools,
                rig.log, random.Random(5), probe=rig.probe,
            )
        )  # fmt: skip
        await trio.sleep(30.0)
        nursery.cancel_scope.cancel()
    assert len(rig.begun) > 1
    assert rig.log.lines == []


def test_the_limit_on_open_files_bounds_the_probes() -> None:
    assert 1 <= affordable_probes() <= 4096
    assert FILES_RESERVED > 0

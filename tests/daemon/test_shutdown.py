"""The daemon stops inputs first and outputs last, within its grace; a bug ends it at once."""

from collections.abc import Sequence

import pytest
import trio
from trio.testing import MockClock

from qutrio.core.api.effects import Effect, Send
from qutrio.core.api.events import Event, Stop
from qutrio.core.api.messages import Farewell, Message
from qutrio.daemon.run import DriverArgs, Edges, run
from qutrio.errors import PeerError
from qutrio.model.ids import Instant, NodeId
from qutrio.plumbing.clock import TrioClock
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from qutrio.plumbing.outbox import Outboxes
from tests.daemon.scripted import PEER, EffectRecorder, ScriptedNode

LISTEN_S = 0.5
"""How long it takes to begin to listen; the node wants its first tick at once."""


class Rig(EffectRecorder):
    """The whole tree of tasks with edges that record how they end."""

    def __init__(self, drain_s: float = 0.0) -> None:
        super().__init__()
        self.drain_s = drain_s
        self.inbox = Inbox("boot")
        self.outboxes = Outboxes()
        self.steps: list[object] = []
        self.obstacle: PeerError | None = None
        self.stop, self.explode = trio.Event(), trio.Event()
        self.jobs, self.work = trio.open_memory_channel[float](10)

    def send(self, to: NodeId, message: Message) -> None:
        super().send(to, message)
        self.outboxes.send(to, message)

    def finish(self) -> None:
        self.outboxes.close_all()
        self.jobs.close()

    async def stopped(self, *, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        await self.stop.wait()

    async def bomb(self) -> None:
        await self.explode.wait()
        raise RuntimeError("bug")

    async def link(self, *, task_status: trio.TaskStatus[None]) -> None:
        outbox = self.outboxes.open(PEER)
        task_status.started()
        try:
            async for message in outbox:
                await trio.sleep(self.drain_s)
                self.entries.append(f"link wrote {type(message).__name__}")
        finally:
            self.entries.append("link ended")

    async def alert(self) -> None:
        async for seconds in self.work:
            await trio.sleep(seconds)
            self.entries.append("alert sent")

    async def listen(self, *, task_status: trio.TaskStatus[None]) -> None:
        await trio.sleep(LISTEN_S)
        if self.obstacle is not None:
            raise self.obstacle
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            self.entries.append("listener ended")

    async def run(self, grace_s: float = 5.0) -> None:
        node = ScriptedNode(self.react, deadline=Instant(0.0))
        view = Latest(node.view(Instant(0.0)))
        await run(
            DriverArgs(node=node, inbox=self.inbox, view=view, handler=self, clock=TrioClock()),
            Edges(
                links=[self.link],
                alerts=[self.alert],
                listeners=[self.listen],
                sources=[self.bomb],
                ready=lambda: self.entries.append("ready"),
                finish=self.finish,
            ),
            self.stopped,
            grace_s,
        )

    def react(self, event: Event) -> Sequence[Effect]:
        self.steps.append(event)
        return [Send(PEER, Farewell())] if isinstance(event, Stop) else ()


async def test_the_daemon_stops_from_its_inputs_to_its_outputs(autojump_clock: MockClock) -> None:
    rig = Rig()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.run)
        await trio.sleep(3.5)
        rig.stop.set()
    assert rig.entries == [
        "ready",
        "listener ended",
        "sent Farewell to n2",
        "link wrote Farewell",
        "link ended",
    ]
    assert trio.current_time() == pytest.approx(3.5)


async def test_an_attempt_to_deliver_that_has_begun_may_end(
    autojump_clock: MockClock,
) -> None:
    rig = Rig()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.run)
        await rig.jobs.send(3.0)
        await trio.sleep(1.0)
        rig.stop.set()
    assert rig.entries[-2:] == ["link ended", "alert sent"]
    assert trio.current_time() == pytest.approx(3.0)


async def test_a_slow_peer_cannot_outlast_the_grace(autojump_clock: MockClock) -> None:
    rig = Rig(drain_s=1000.0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.run, 5.0)
        await trio.sleep(3.5)
        rig.stop.set()
    assert trio.current_time() == pytest.approx(8.5)
    assert rig.entries[-1] == "link ended"
    assert "link wrote Farewell" not in rig.entries


async def test_a_bug_ends_everything_at_once(autojump_clock: MockClock) -> None:
    rig = Rig()
    with pytest.RaisesGroup(RuntimeError, flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rig.run)
            await trio.sleep(3.5)
            rig.explode.set()
    assert sorted(rig.entries) == ["link ended", "listener ended", "ready"]
    assert trio.current_time() == pytest.approx(3.5)


async def test_a_request_to_stop_during_the_start_is_obeyed(
    autojump_clock: MockClock,
) -> None:
    """The driver has not started, so the node has sent nothing."""
    rig = Rig()
    rig.stop.set()
    await rig.run()
    assert "ready" not in rig.entries
    assert "sent Farewell to n2" not in rig.entries


async def test_a_node_that_cannot_listen_has_not_started_the_driver(
    autojump_clock: MockClock,
) -> None:
    """A promise at its first deadline would outlast the failed start."""
    rig = Rig()
    rig.obstacle = PeerError("the port is taken")
    with pytest.RaisesGroup(PeerError, flatten_subgroups=True):
        await rig.run()
    assert rig.steps == []

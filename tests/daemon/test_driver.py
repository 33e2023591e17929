"""The driver performs effects in order, keeps the node's time, and survives a failing disk."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from qutrio.core.api.effects import (
    Effect,
    LogFact,
    Notify,
    Persist,
    Probe,
    Reply,
    Send,
    StatusReply,
)
from qutrio.core.api.events import (
    Attempted,
    Event,
    Inspected,
    Linked,
    PersistFailed,
    Proposed,
    Stop,
    Tick,
)
from qutrio.core.api.facts import DiskRefused, RoleClaimed
from qutrio.core.api.messages import Farewell, Ruling
from qutrio.core.api.mutations import Batch
from qutrio.model.ids import CheckId, Instant, NodeId, Revision, Term
from qutrio.plumbing.clock import TrioClock
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from qutrio.runtime.driver import EVENTS_WHILE_DUE_MAX, WAIT_S_MAX, drive
from tests.daemon.scripted import PEER, EffectRecorder, ScriptedNode, delivery, stable, status


class Rig:
    """A driver with a scripted node and a recording effect handler."""

    def __init__(self, node: ScriptedNode, handler: EffectRecorder) -> None:
        self.node, self.handler = node, handler
        self.inbox = Inbox("boot")
        self.view = Latest(node.view(Instant(0.0)))

    async def drive(self) -> None:
        await drive(self.node, self.inbox, self.handler, self.view, TrioClock())


def _quiet(event: Event) -> Sequence[Effect]:
    del event
    return ()


async def test_effects_are_performed_in_order_and_callers_are_answered_last(
    autojump_clock: MockClock,
) -> None:
    def react(event: Event) -> Sequence[Effect]:
        if not isinstance(event, Proposed):
            return ()
        rig.node.revision = 2
        return [
            Send(PEER, Farewell()),
            Reply(event.request, Ruling.COMMITTED, "", Revision(2)),
            Persist(stable(2)),
            Probe((CheckId("k1"), CheckId("k2"))),
            Notify(delivery(), Term(1), delegated=False),
            LogFact(RoleClaimed(Term(4))),
        ]

    rig = Rig(ScriptedNode(react), EffectRecorder(persist_s=0.5))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.drive)
        answer = await rig.inbox.ask(lambda request: Proposed(request, Batch(mutations=())))
        assert isinstance(answer, Reply)
        assert rig.view.value.document.revision == 2
        assert rig.handler.entries == [
            "sent Farewell to n2",
            "persisted",
            "probe k1,k2",
            "notify x1",
            "note RoleClaimed(term=4)",
        ]
        await rig.inbox.post(Stop())


async def test_ticks_come_at_the_deadlines_of_the_node(autojump_clock: MockClock) -> None:
    rig = Rig(ScriptedNode(_quiet, Instant(0.25), tick_every_s=0.25), EffectRecorder())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.drive)
        await trio.sleep(10.1)
        await rig.inbox.post(Stop())
    ticks = [at for at, event in rig.node.lived if event == Tick()]
    assert len(ticks) == 40
    assert ticks[-1] == pytest.approx(10.0, abs=0.1)


async def test_a_flood_of_events_does_not_starve_the_ticks(autojump_clock: MockClock) -> None:
    rig = Rig(ScriptedNode(_quiet, Instant(0.0), tick_every_s=0.0), EffectRecorder())

    async def flood() -> None:
        for _ in range(20 * EVENTS_WHILE_DUE_MAX):
            await rig.inbox.post(Linked(PEER))
        await rig.inbox.post(Stop())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(flood)
        nursery.start_soon(rig.drive)
    ticks = [event for _, event in rig.node.lived if event == Tick()]
    assert len(ticks) >= 19


async def test_queued_events_go_before_a_tick_that_is_due(autojump_clock: MockClock) -> None:
    rig = Rig(ScriptedNode(_quiet, Instant(0.0)), EffectRecorder())
    for peer in ("n2", "n3"):
        await rig.inbox.post(Linked(NodeId(peer)))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.drive)
        await wait_all_tasks_blocked()
        await rig.inbox.post(Stop())
    assert [type(event) for _, event in rig.node.lived][:2] == [Linked, Linked]


async def test_nothing_is_sent_that_depends_on_a_failed_write() -> None:
    def react(event: Event) -> Sequence[Effect]:
        if isinstance(event, PersistFailed):
            return [
                LogFact(DiskRefused("no space left")),
                Persist(stable(3)),
                Send(PEER, Farewell()),
            ]
        if isinstance(event, Linked):
            return [Persist(stable(2)), Send(PEER, Farewell())]
        return ()

    rig = Rig(ScriptedNode(react), EffectRecorder(disk_fails=True))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.drive)
        await rig.inbox.post(Linked(PEER))
        await rig.inbox.post(Stop())
    events = [event for _, event in rig.node.lived]
    assert events[1] == PersistFailed("no space left on the device", stable(1))
    assert rig.handler.entries == [
        "disk failed",
        "note DiskRefused(reason='no space left')",
        "disk failed",
    ]


@pytest.mark.parametrize(
    ("ruling", "told"),
    [
        (Ruling.COMMITTED, Ruling.UNKNOWN),
        (Ruling.REFUSED, Ruling.REFUSED),
        (Ruling.UNKNOWN, Ruling.UNKNOWN),
    ],
)
async def test_a_caller_is_told_that_the_write_before_its_answer_failed(
    ruling: Ruling, told: Ruling
) -> None:
    def react(event: Event) -> Sequence[Effect]:
        if not isinstance(event, Proposed):
            return ()
        answer = Reply(event.request, ruling, "as ruled", Revision(2))
        return [Persist(stable(2)), Send(PEER, Farewell()), answer]

    rig = Rig(ScriptedNode(react), EffectRecorder(disk_fails=True))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.drive)
        answer = await rig.inbox.ask(lambda request: Proposed(request, Batch(mutations=())))
        await rig.inbox.post(Stop())
    assert isinstance(answer, Reply)
    assert (answer.ruling, answer.revision) == (told, 2)
    assert ("look before you try again" in answer.reason) is (told is not ruling)
    assert rig.handler.entries == ["disk failed"]


async def test_a_query_is_answered_even_if_the_write_before_its_answer_failed() -> None:
    def react(event: Event) -> Sequence[Effect]:
        if not isinstance(event, Inspected):
            return ()
        return [Persist(stable(2)), StatusReply(event.request, status())]

    rig = Rig(ScriptedNode(react), EffectRecorder(disk_fails=True))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.drive)
        answer = await rig.inbox.ask(Inspected)
        await rig.inbox.post(Stop())
    assert isinstance(answer, StatusReply)
    assert answer.status == status()


async def test_the_node_is_told_of_a_notice_for_which_there_was_no_room() -> None:
    def react(event: Event) -> Sequence[Effect]:
        return [Notify(delivery(), Term(1), delegated=False)] if isinstance(event, Linked) else ()

    rig = Rig(ScriptedNode(react), EffectRecorder(jobs_taken=False))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.drive)
        await rig.inbox.post(Linked(PEER))
        await rig.inbox.post(Stop())
    heard = rig.node.lived[1][1]
    assert isinstance(heard, Attempted)
    assert (heard.notice, heard.channel, heard.delivered) == ("x1", "c1", False)


async def test_the_watchdog_is_notified_while_nothing_happens(autojump_clock: MockClock) -> None:
    rig = Rig(ScriptedNode(_quiet), EffectRecorder())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.drive)
        await trio.sleep(60)
        await rig.inbox.post(Stop())
    fed = rig.handler.alive_at
    assert max(b - a for a, b in pairwise(fed)) <= WAIT_S_MAX + 0.01
    assert [event for _, event in rig.node.lived] == [Stop()]


async def test_stop_is_the_last_event_and_closes_the_inbox() -> None:
    rig = Rig(ScriptedNode(_quiet), EffectRecorder())
    await rig.inbox.post(Stop())
    await rig.inbox.post(Linked(PEER))
    await rig.drive()
    assert [event for _, event in rig.node.lived] == [Stop()]
    with pytest.raises(trio.BrokenResourceError):
        await rig.inbox.post(Linked(PEER))

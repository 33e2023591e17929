"""The inbox is bounded, answers whoever asked, and leaves nobody waiting when it closes."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from qutrio.core.api.effects import Reply
from qutrio.core.api.events import Event, Inspected, Linked, Proposed, Stop
from qutrio.core.api.messages import Ruling
from qutrio.core.api.mutations import Batch
from qutrio.model.ids import NodeId, RequestId, Revision
from qutrio.plumbing.inbox import Inbox


def _proposed(request: RequestId) -> Event:
    return Proposed(request, Batch(mutations=()))


def _reply(request: RequestId) -> Reply:
    return Reply(request, Ruling.COMMITTED, "", Revision(3))


async def test_events_come_out_in_the_order_they_went_in() -> None:
    inbox = Inbox("b")
    events: list[Event] = [Linked(NodeId("n1")), Stop(), Linked(NodeId("n2"))]
    for event in events:
        await inbox.post(event)
    assert [await inbox.next(0) for _ in events] == events
    assert await inbox.next(0) is None


async def test_waits_no_longer_than_asked(autojump_clock: MockClock) -> None:
    inbox = Inbox("b")
    began = trio.current_time()
    assert await inbox.next(2.5) is None
    assert trio.current_time() - began == pytest.approx(2.5)


async def test_a_queued_event_is_returned_however_late_it_is() -> None:
    inbox = Inbox("b")
    await inbox.post(Stop())
    assert await inbox.next(-7.0) == Stop()
    assert await inbox.next(-7.0) is None


async def test_writers_wait_while_it_is_full() -> None:
    inbox = Inbox("b", capacity=1)
    await inbox.post(Stop())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(inbox.post, Linked(NodeId("n1")))
        await wait_all_tasks_blocked()
        assert len(nursery.child_tasks) == 1
        assert await inbox.next(1.0) == Stop()
    assert await inbox.next(1.0) == Linked(NodeId("n1"))


async def test_each_asker_gets_its_own_answer() -> None:
    inbox = Inbox("boot7")
    answers: dict[int, object] = {}

    async def ask(number: int) -> None:
        answers[number] = await inbox.ask(_proposed)

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(ask, number)
        await wait_all_tasks_blocked()
        asked = [await inbox.next(0) for _ in range(3)]
        requests = [event.request for event in asked if isinstance(event, Proposed)]
        assert sorted(requests) == ["boot7-1", "boot7-2", "boot7-3"]
        for request in reversed(requests):
            inbox.answer(_reply(request))
    assert {a.request for a in answers.values() if isinstance(a, Reply)} == set(requests)


async def test_an_answer_for_nobody_is_dropped(autojump_clock: MockClock) -> None:
    inbox = Inbox("b")
    inbox.answer(_reply(RequestId("b-99")))
    with trio.move_on_after(1) as gave_up:
        await inbox.ask(Inspected)
    assert gave_up.cancelled_caught
    event = await inbox.next(0)
    assert isinstance(event, Inspected)
    inbox.answer(_reply(event.request))


async def test_closing_frees_those_who_wait_for_an_answer_or_for_room() -> None:
    inbox = Inbox("b", capacity=1)
    freed = []

    async def ask() -> None:
        with pytest.raises(trio.BrokenResourceError):
            await inbox.ask(_proposed)
        freed.append("asker")

    async def post() -> None:
        with pytest.raises(trio.BrokenResourceError):
            await inbox.post(Stop())
        freed.append("poster")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        nursery.start_soon(post)
        await wait_all_tasks_blocked()
        inbox.close()
    assert sorted(freed) == ["asker", "poster"]
    with pytest.raises(trio.BrokenResourceError):
        await inbox.ask(_proposed)

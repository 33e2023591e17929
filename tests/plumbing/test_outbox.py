"""Outboxes never make the node wait, and lose the cheapest message first."""

import trio
from trio.testing import wait_all_tasks_blocked

from qutrio.core.api.messages import CanvassRequest, Farewell, Message, Report
from qutrio.model.ids import NodeId, Term
from qutrio.plumbing.outbox import Outbox, Outboxes

PEER = NodeId("n1")
REPORT = Report(results=())


def _ask(term: int) -> CanvassRequest:
    return CanvassRequest(term=Term(term))


async def _all(outbox: Outbox) -> list[Message]:
    return [message async for message in outbox]


async def test_messages_for_a_peer_without_a_link_are_dropped_and_counted() -> None:
    outboxes = Outboxes()
    outboxes.send(PEER, Farewell())
    outbox = outboxes.open(PEER)
    outboxes.close_all()
    assert await _all(outbox) == []
    assert outboxes.unlinked == 1


async def test_the_reader_sleeps_until_a_message_comes() -> None:
    outboxes = Outboxes()
    outbox = outboxes.open(PEER)
    taken: list[Message] = []

    async def read() -> None:
        taken.extend(await _all(outbox))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        outboxes.send(PEER, _ask(1))
        await wait_all_tasks_blocked()
        outboxes.send(PEER, _ask(2))
        outboxes.close_all()
    assert taken == [_ask(1), _ask(2)]


async def test_a_full_outbox_loses_what_is_soon_repeated_before_anything_else() -> None:
    outboxes = Outboxes(capacity=3)
    outbox = outboxes.open(PEER)
    for message in (_ask(1), REPORT, _ask(2), _ask(3), _ask(4)):
        outboxes.send(PEER, message)
    outboxes.close_all()
    assert await _all(outbox) == [_ask(2), _ask(3), _ask(4)]
    assert outboxes.overflowed == 2


async def test_what_is_queued_at_the_end_is_still_taken_but_nothing_later() -> None:
    outboxes = Outboxes()
    outbox = outboxes.open(PEER)
    outboxes.send(PEER, Farewell())
    outboxes.close_all()
    outboxes.send(PEER, _ask(1))
    assert await _all(outbox) == [Farewell()]
    assert await _all(outboxes.open(PEER)) == []


async def test_a_newer_link_takes_over_and_the_older_cannot_close_it() -> None:
    outboxes = Outboxes()
    older = outboxes.open(PEER)
    outboxes.send(PEER, _ask(1))
    newer = outboxes.open(PEER)
    outboxes.close(PEER, older)
    outboxes.send(PEER, _ask(2))
    assert await _all(older) == []
    outboxes.close_all()
    assert await _all(newer) == [_ask(2)]


async def test_a_closed_link_is_no_link() -> None:
    outboxes = Outboxes()
    outbox = outboxes.open(PEER)
    outboxes.close(PEER, outbox)
    outboxes.send(PEER, Farewell())
    assert await _all(outbox) == []
    assert outboxes.unlinked == 1

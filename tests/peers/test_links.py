"""How links come up, are kept to one per pair, and end: in memory and virtual time."""

import random

import pytest
import trio
import trio.testing
from attrs import evolve
from trio.testing import MockClock

from qutrio.codec.wire import decode
from qutrio.core.api.events import Linked, Received, RemovalReported
from qutrio.core.api.messages import Farewell, Removed
from qutrio.model.ids import Fingerprint, NodeId, Revision
from qutrio.peers.conversation import SILENCE_S_MIN
from qutrio.peers.links import LONE_S, Link, prevails
from qutrio.peers.websocket import WebSocket
from tests.memory_network import MemoryNetwork
from tests.peers.world import (
    Person,
    Station,
    as_member,
    document_of,
    ends,
    heartbeat,
    in_memory,
    running,
    speak,
    wire,
)


async def chatter(station: Station, *others: Person) -> None:
    """Send a heartbeat a second, as a node does."""
    while True:
        for other in others:
            station.outboxes.send(other.member.id, heartbeat())
        await trio.sleep(1.0)


async def drain(station: Station) -> None:
    """Read the events of a station, as a node does."""
    while True:
        await station.inbox.next(3600.0)


def ups(station: Station) -> int:
    return sum(what == "link up" for what, _ in station.lines)


async def test_the_lower_id_dials_at_once(people: list[Person], autojump_clock: MockClock) -> None:
    net, document = MemoryNetwork(), document_of(*people[:2])
    low, high = (in_memory(net, p, document) for p in people[:2])
    async with running(high, low):
        await low.linked(people[1])
        assert trio.current_time() < 0.1
        assert net.dials == [people[1].member.address]


async def test_the_higher_id_dials_when_it_is_left_alone(
    people: list[Person], autojump_clock: MockClock
) -> None:
    """So one-way reachability is enough."""
    net, document = MemoryNetwork(), document_of(*people[:2])
    net.unreachable.add(people[1].member.address)
    low, high = (in_memory(net, p, document) for p in people[:2])
    async with running(low, high):
        await low.linked(people[1])
        assert LONE_S <= trio.current_time() < LONE_S + 1


async def test_a_node_is_told_that_a_link_is_up(
    people: list[Person], autojump_clock: MockClock
) -> None:
    net, document = MemoryNetwork(), document_of(*people[:2])
    low, high = (in_memory(net, p, document) for p in people[:2])
    async with running(high, low):
        assert await low.event(Linked) == Linked(people[1].member.id)
        assert await high.event(Linked) == Linked(people[0].member.id)


@pytest.mark.parametrize("seed", range(20))
async def test_two_links_become_one_at_both_ends(
    people: list[Person], autojump_clock: MockClock, seed: int
) -> None:
    """Both dial in the same instant, and agree which link to keep."""
    net, document = MemoryNetwork(), document_of(*people[:2])
    net.hold = trio.Event()
    low, high = (in_memory(net, p, document) for p in people[:2])
    async with running(low, high) as nursery:
        for one, other in ((low, people[1]), (high, people[0])):
            nursery.start_soon(chatter, one, other)
            nursery.start_soon(drain, one)
        await trio.sleep(LONE_S + 1)
        assert sorted(set(net.dials)) == [p.member.address for p in people[:2]]
        for _ in range(random.Random(seed).randrange(5)):
            await trio.lowlevel.checkpoint()
        net.hold.set()
        await trio.sleep(3.0)
        for station in (low, high):
            (link,) = station.mesh.links
            assert link.dialler == people[0].member.id
        before = ups(low), ups(high)
        await trio.sleep(120.0)
        assert (ups(low), ups(high)) == before


def link(dialler: str) -> Link:
    """Return a link between `a` and `b` whose socket is never looked at."""
    return Link(
        peer=NodeId("b"),
        fingerprint=Fingerprint("f" * 64),
        dialler=NodeId(dialler),
        socket=object.__new__(WebSocket),
        scope=trio.CancelScope(),
    )


def test_the_same_one_of_two_links_is_kept_at_both_ends() -> None:
    low, high = link("a"), link("b")
    assert prevails(low, high, silent_s=0.0)
    assert not prevails(high, low, silent_s=LONE_S - 0.1)
    assert prevails(high, low, silent_s=LONE_S)
    assert prevails(link("a"), low, silent_s=0.0)
    assert prevails(link("b"), high, silent_s=0.0)


async def test_a_node_that_comes_back_replaces_its_dead_link(
    people: list[Person], autojump_clock: MockClock
) -> None:
    """The other end of the old link was never told that it ended."""
    net, document = MemoryNetwork(), document_of(*people[:2])
    ada, transport = in_memory(net, people[0], document), wire(net, people[1])
    async with running(ada) as nursery:
        nursery.start_soon(drain, ada)
        async with as_member(transport, people[1], people[0]) as old:
            await trio.sleep(1.0)
            async with as_member(transport, people[1], people[0]) as new:
                await ends(old)
                ada.outboxes.send(people[1].member.id, Farewell())
                assert decode(await new.receive()) == Farewell()
                assert [link.peer for link in ada.mesh.links] == [people[1].member.id]


async def test_a_removed_members_link_ends_after_it_was_told(
    people: list[Person], autojump_clock: MockClock
) -> None:
    """What was queued before the removal still leaves; then the link ends within 2 s."""
    net, document = MemoryNetwork(), document_of(*people)
    stations = [in_memory(net, p, document) for p in people]
    ada, bob, cy = stations
    async with running(*stations) as nursery:
        for station in stations:
            for other in people:
                if other is not station.person:
                    await station.linked(other)
        nursery.start_soon(drain, cy)
        removed_at = trio.current_time()
        ada.outboxes.send(people[1].member.id, Removed(revision=Revision(2)))
        ada.know(document_of(people[0], people[2], revision=2))
        assert await bob.received() == Received(people[0].member.id, Removed(revision=Revision(2)))
        await ada.unlinked(people[1])
        assert trio.current_time() - removed_at < 2.0
        await trio.sleep(60.0)
        assert [link.peer for link in ada.mesh.links] == [people[2].member.id]


async def test_a_removed_members_link_ends_even_if_it_does_not_read(
    people: list[Person], autojump_clock: MockClock
) -> None:
    net, document = MemoryNetwork(pair=trio.testing.lockstep_stream_pair), document_of(*people[:2])
    ada, transport = in_memory(net, people[0], document), wire(net, people[1])
    async with running(ada):
        async with as_member(transport, people[1], people[0]):
            await ada.linked(people[1])
            for number in range(100):
                ada.outboxes.send(people[1].member.id, heartbeat(number))
            removed_at = trio.current_time()
            ada.know(document_of(people[0], revision=2))
            await ada.unlinked(people[1])
            assert trio.current_time() - removed_at <= 2.0


async def test_a_silent_link_is_closed_and_made_again(
    people: list[Person], autojump_clock: MockClock
) -> None:
    net, document = MemoryNetwork(), document_of(*people[:2])
    low, high = (in_memory(net, p, document) for p in people[:2])
    async with running(high, low):
        await low.linked(people[1])
        (link,) = low.mesh.links
        await low.unlinked(people[1])
        assert trio.current_time() == pytest.approx(SILENCE_S_MIN, abs=0.5)
        assert link.scope.deadline > trio.current_time(), "cut, not parted from"
        await low.linked(people[1])


async def test_the_allowed_silence_follows_the_settings(
    people: list[Person], autojump_clock: MockClock
) -> None:
    """A cluster with rare heartbeats keeps its links."""
    net, document = MemoryNetwork(), document_of(*people[:2])
    slow = evolve(document.settings, heartbeat_s=15.0, dead_after_s=60.0)
    document = evolve(document, settings=slow)
    low, high = (in_memory(net, p, document) for p in people[:2])
    async with running(high, low):
        await low.linked(people[1])
        await trio.sleep(110.0)
        assert ups(low) == 1
        await trio.sleep(20.0)
        assert ups(low) == 2


async def test_an_unreachable_peer_is_dialled_with_growing_pauses(
    people: list[Person], autojump_clock: MockClock
) -> None:
    net = MemoryNetwork()
    low = in_memory(net, people[0], document_of(*people[:2]))
    async with running(low):
        await trio.sleep(60.0)
        assert 15 < len(net.dials) < 60
        told = [details for what, details in low.lines if what == "cannot link"]
        assert len(told) == 1, "the same reason is logged once"


async def test_a_peer_that_hangs_up_at_once_is_not_dialled_in_a_tight_loop(
    people: list[Person], autojump_clock: MockClock
) -> None:
    net, document = MemoryNetwork(), document_of(*people[:2])
    low, high = (in_memory(net, p, document) for p in people[:2])
    async with running(high, low):

        async def hang_up() -> None:
            while True:
                for link in high.mesh.links:
                    link.scope.cancel()
                await trio.sleep(0.01)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(drain, low)
            nursery.start_soon(drain, high)
            nursery.start_soon(hang_up)
            await trio.sleep(60.0)
            nursery.cancel_scope.cancel()
        assert len(net.dials) < 80


async def test_farewell_leaves_after_the_listener_has_ended(
    people: list[Person], autojump_clock: MockClock
) -> None:
    """Shutdown in order: nobody new, then what is queued, then the links."""
    net, document = MemoryNetwork(), document_of(*people[:2])
    low, high = (in_memory(net, p, document) for p in people[:2])
    async with running(low, high):
        await high.linked(people[0])
        await low.linked(people[1])
        high.listening.cancel()
        await trio.sleep(0.1)
        high.outboxes.send(people[0].member.id, Farewell())
        high.outboxes.close_all()
        with trio.fail_after(2.0):
            await high.ended.wait()
        assert await low.received() == Received(people[1].member.id, Farewell())
        assert not list(high.mesh.links)


async def test_a_closed_inbox_ends_no_link(people: list[Person], autojump_clock: MockClock) -> None:
    """The node receives nothing more, but its farewell must still be sent."""
    net, document = MemoryNetwork(), document_of(*people[:2])
    low, high = (in_memory(net, p, document) for p in people[:2])
    async with running(low, high):
        await high.linked(people[0])
        await low.linked(people[1])
        high.inbox.close()
        low.outboxes.send(people[1].member.id, heartbeat())
        await trio.sleep(1.0)
        high.outboxes.send(people[0].member.id, Farewell())
        assert await low.received() == Received(people[1].member.id, Farewell())


async def test_a_member_whose_address_changes_is_dialled_there(
    people: list[Person], autojump_clock: MockClock
) -> None:
    net = MemoryNetwork()
    moved = people[1].at("127.9.9.9:1")
    low = in_memory(net, people[0], document_of(*people[:2]))
    high = in_memory(net, moved, document_of(people[0], moved))
    async with running(low, high):
        await trio.sleep(1.0)
        assert moved.member.id not in low.mesh.links
        low.know(document_of(people[0], moved, revision=2))
        await trio.sleep(0.1)
        assert moved.member.id in low.mesh.links


async def test_a_node_refused_by_all_learns_that_it_was_removed(
    people: list[Person], autojump_clock: MockClock
) -> None:
    net = MemoryNetwork()
    ada = in_memory(net, people[0], document_of(people[0], people[2], revision=5))
    bob = in_memory(net, people[1], document_of(*people, revision=4))
    async with running(ada, bob):
        expelled = await bob.event(RemovalReported)
        assert isinstance(expelled, RemovalReported)
        assert expelled == RemovalReported(people[0].member.id, Revision(5))
        bob.know(document_of(*people, revision=4), removed=True)
        await trio.sleep(1.0)
        dials = len(net.dials)
        await trio.sleep(60.0)
        assert len([d for d in net.dials[dials:] if d == people[0].member.address]) == 0


async def test_a_removed_node_still_accepts_members_that_do_not_know_it_and_dials_nobody(
    people: list[Person], autojump_clock: MockClock
) -> None:
    """It may be the only one that knows that its removal was committed."""
    net = MemoryNetwork()
    ada = in_memory(net, people[0], document_of(people[1], revision=5))
    bob = in_memory(net, people[1], document_of(*people[:2], revision=4))
    ada.know(document_of(people[1], revision=5), removed=True)
    async with running(ada, bob):
        assert await ada.event(Linked) == Linked(people[1].member.id)
        assert people[1].member.address not in net.dials


async def test_a_member_with_an_older_document_cannot_report_a_removal(
    people: list[Person], autojump_clock: MockClock
) -> None:
    """It may not have heard yet that we joined."""
    net = MemoryNetwork()
    ada = in_memory(net, people[0], document_of(people[0], revision=3))
    bob = in_memory(net, people[1], document_of(*people[:2], revision=4))
    async with running(ada, bob):
        await trio.sleep(120.0)
        assert len(net.dials) > 10
        assert await bob.inbox.next(0) is None


async def test_a_node_that_is_linked_to_anybody_does_not_ask(
    people: list[Person], autojump_clock: MockClock
) -> None:
    """The answer of one member does not count against an open link."""
    net = MemoryNetwork()
    ada = in_memory(net, people[0], document_of(people[0], people[2], revision=5))
    bob = in_memory(net, people[1], document_of(*people, revision=4))
    cy = in_memory(net, people[2], document_of(*people, revision=4))
    async with running(ada, bob, cy) as nursery:
        for station, other in ((bob, people[2]), (cy, people[1])):
            nursery.start_soon(chatter, station, other)
        nursery.start_soon(drain, cy)
        with trio.move_on_after(60.0):
            while True:
                assert not isinstance(await bob.inbox.next(60.0), RemovalReported)


async def test_garbage_ends_only_the_link_it_came_by(
    people: list[Person], autojump_clock: MockClock
) -> None:
    net, document = MemoryNetwork(), document_of(*people)
    bob, cy = (in_memory(net, p, document) for p in people[1:])
    transport = wire(net, people[0])
    async with running(bob, cy) as nursery:
        await bob.linked(people[2])
        await cy.linked(people[1])
        nursery.start_soon(chatter, cy, people[1])
        nursery.start_soon(chatter, bob, people[2])
        nursery.start_soon(drain, cy)
        for garbage in (b"", b"\x00\xff", b"[]", b'{"kind": "heartbeat"}', b"[" * 100_000):
            async with as_member(transport, people[0], people[1]) as socket:
                await bob.linked(people[0])
                await socket.send(garbage)
                with trio.fail_after(2.0):
                    await ends(socket)
            await bob.unlinked(people[0])
            assert people[2].member.id in bob.mesh.links
        assert ups(cy) == 1, "the other link never went down"
        assert await bob.received() == Received(people[2].member.id, heartbeat())


async def test_a_message_of_a_newer_version_is_ignored(
    people: list[Person], autojump_clock: MockClock
) -> None:
    net, document = MemoryNetwork(), document_of(*people[:2])
    bob, transport = in_memory(net, people[1], document), wire(net, people[0])
    async with running(bob):
        async with as_member(transport, people[0], people[1]) as socket:
            await socket.send(b'{"kind": "telepathy", "thought": 1}')
            await speak(socket, heartbeat())
            assert await bob.received() == Received(people[0].member.id, heartbeat())

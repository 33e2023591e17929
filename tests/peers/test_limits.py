"""A hostile or broken peer can end its own link, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from qutrio.codec.wire import WIRE_VERSION, encode
from qutrio.core.api.events import Linked, Received
from qutrio.core.api.messages import Farewell, Fetch, Fetched, ProbeNow
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import CheckId, Revision
from qutrio.model.incidents import Ledger
from qutrio.model.stable import Position, Record
from qutrio.peers.frames import Challenge, Hello, receive_expected, to_bytes
from qutrio.peers.large_frames import UNWANTED_MAX
from qutrio.peers.transport import HANDSHAKE_DEADLINE_S, TlsTransport
from qutrio.peers.watched import SEND_STALL_S
from qutrio.peers.websocket import (
    CLOSE_DEADLINE_S,
    MEMBER_MESSAGE_BYTES_MAX,
    STRANGER_MESSAGE_BYTES_MAX,
    open_websocket,
)
from tests.memory_network import MemoryNetwork
from tests.peers.world import (
    CLUSTER,
    NOWHERE,
    WAIT_S,
    Person,
    as_member,
    document_of,
    ends,
    heartbeat,
    in_memory,
    over_tls,
    running,
    tls_cluster,
    wire,
)


def fat_message(document: ClusterDocument, size: int) -> Fetched:
    """Return a message of roughly `size` bytes."""
    padded = ClusterDocument(
        cluster_id=document.cluster_id,
        revision=Revision(1),
        members=document.members,
        extra=(("padding", '"' + "x" * size + '"'),),
    )
    return Fetched(accepted=True, record=Record(Position(), padded, Ledger()))


async def test_a_peer_that_does_not_read_delays_no_other(people: list[Person]) -> None:
    """Megabytes for a peer that does not read, over real TLS; the others are served at once."""
    async with tls_cluster(people[0], people[2]) as (ada, cy):
        await ada.linked(people[2])
        deaf = over_tls(people[1], document_of(*people))
        where = (ada.address, NOWHERE, cy.address)
        everybody = document_of(*(p.at(a) for p, a in zip(people, where, strict=True)))
        for station in (ada, cy):
            station.know(everybody)
        deaf.know(everybody)
        stream = await deaf.transport.dial(ada.address, people[0].pin)
        # Only the hello is read: the websocket is not opened by a task that goes on reading.
        async with silent_member(stream, people[1]):
            while await ada.event(Linked) != Linked(people[1].member.id):
                pass
            for _ in range(30):
                ada.outboxes.send(people[1].member.id, fat_message(everybody, 1_000_000))
            for number in range(20):
                ada.outboxes.send(people[2].member.id, heartbeat(number))
                with trio.fail_after(WAIT_S):
                    heard = await cy.received()
                assert heard == Received(people[0].member.id, heartbeat(number))
            assert people[1].member.id in ada.mesh.links


@asynccontextmanager
async def silent_member(stream: trio.abc.Stream, person: Person) -> AsyncIterator[None]:
    """Open a link by hand over `stream`, as a client would, then read nothing more."""
    request = (
        b"GET /qutrio HTTP/1.1\r\nHost: q\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    hello = to_bytes(
        Hello(protocol=WIRE_VERSION, node=person.member.id, cluster=CLUSTER, program="t")
    )
    await stream.send_all(request)
    await read_past(stream, b"\r\n\r\n")
    await stream.send_all(frame(hello))
    await read_past(stream, b"}")
    try:
        yield
    finally:
        await trio.aclose_forcefully(stream)


async def read_past(stream: trio.abc.Stream, end: bytes) -> None:
    """Read until `end` has come, and not a byte more than came with it."""
    seen = b""
    while not seen.endswith(end):
        data = await stream.receive_some()
        assert data, "the connection ended"
        seen += data


def frame(payload: bytes) -> bytes:
    """Return a short binary websocket frame of a client, masked with zeros."""
    assert len(payload) <= 125, "short enough for the one-byte length"
    return bytes([0x82, 0x80 | len(payload)]) + bytes(4) + payload


async def test_a_peer_that_does_not_read_is_disconnected(
    people: list[Person], autojump_clock: MockClock
) -> None:
    """Although it goes on sending, so that it is not silent."""
    net, document = MemoryNetwork(pair=trio.testing.lockstep_stream_pair), document_of(*people[:2])
    bob, transport = in_memory(net, people[1], document), wire(net, people[0])
    async with running(bob):
        stream = await transport.dial(people[1].member.address, people[1].pin)
        async with silent_member(stream, people[0]):
            await bob.event(Linked)
            began = trio.current_time()
            bob.outboxes.send(people[0].member.id, heartbeat())

            async def go_on_talking() -> None:
                while True:
                    await stream.send_all(frame(encode(Farewell())))
                    await bob.received()
                    await trio.sleep(1.0)

            with trio.fail_after(2 * SEND_STALL_S), pytest.raises(trio.BrokenResourceError):
                await go_on_talking()
            assert trio.current_time() - began == pytest.approx(SEND_STALL_S, abs=1.1)
            await bob.unlinked(people[0])


@pytest.mark.parametrize("text", [False, True])
async def test_an_oversized_or_textual_frame_ends_only_its_link(
    people: list[Person], autojump_clock: MockClock, text: bool
) -> None:
    net, document = MemoryNetwork(), document_of(*people)
    bob, cy = (in_memory(net, p, document) for p in people[1:])
    transport = wire(net, people[0])
    async with running(bob, cy):
        await bob.linked(people[2])
        await cy.linked(people[1])
        async with as_member(transport, people[0], people[1]) as socket:
            await bob.linked(people[0])
            if text:
                await socket._connection.send_message("hello")
            else:
                await socket.send(b" " * (MEMBER_MESSAGE_BYTES_MAX + 1))
            with trio.fail_after(CLOSE_DEADLINE_S + 1):
                await ends(socket)
        await bob.unlinked(people[0])
        cy.outboxes.send(people[1].member.id, heartbeat())
        assert await bob.received() == Received(people[2].member.id, heartbeat())


async def test_the_largest_message_gets_through(
    people: list[Person],
) -> None:
    net, document = MemoryNetwork(), document_of(*people[:2])
    low, high = (in_memory(net, p, document) for p in people[:2])
    message = fat_message(document, MEMBER_MESSAGE_BYTES_MAX - 10_000)
    async with running(low, high):
        await low.linked(people[1])
        await high.linked(people[0])
        high.outboxes.send(people[0].member.id, Fetch(accepted=True))
        assert await low.received() == Received(people[1].member.id, Fetch(accepted=True))
        low.outboxes.send(people[1].member.id, message)
        low.outboxes.send(people[1].member.id, heartbeat())
        assert await high.received() == Received(people[0].member.id, message)
        # The small one was not decoded before the large one, which took a thread.
        assert await high.received() == Received(people[0].member.id, heartbeat())


async def test_a_message_that_is_too_large_is_not_sent_and_the_link_lives(
    people: list[Person], autojump_clock: MockClock
) -> None:
    net, document = MemoryNetwork(), document_of(*people[:2])
    low, high = (in_memory(net, p, document) for p in people[:2])
    async with running(low, high):
        await low.linked(people[1])
        await high.linked(people[0])
        low.outboxes.send(people[1].member.id, fat_message(document, MEMBER_MESSAGE_BYTES_MAX))
        low.outboxes.send(people[1].member.id, heartbeat())
        assert await high.received() == Received(people[0].member.id, heartbeat())
        assert any(what == "message too large to send" for what, _ in low.lines)


async def test_ids_that_are_stored_and_too_long_do_not_end_a_link(
    people: list[Person], autojump_clock: MockClock
) -> None:
    """As one that was committed before ids had a bound."""
    net, document = MemoryNetwork(), document_of(*people[:2])
    low, high = (in_memory(net, p, document) for p in people[:2])
    async with running(low, high):
        await low.linked(people[1])
        await high.linked(people[0])
        for _ in range(3):
            low.outboxes.send(people[1].member.id, ProbeNow(checks=(CheckId("L" * 1_200_000),)))
        low.outboxes.send(people[1].member.id, heartbeat())
        assert await high.received() == Received(people[0].member.id, heartbeat())
        assert [what for what, _ in low.lines].count("message too large to send") == 1


async def test_a_record_that_nobody_asked_for_is_not_decoded_and_many_end_the_link(
    people: list[Person], autojump_clock: MockClock
) -> None:
    net, document = MemoryNetwork(), document_of(*people[:2])
    low, high = (in_memory(net, p, document) for p in people[:2])
    padded = fat_message(document, 100_000)
    async with running(low, high):
        await low.linked(people[1])
        await high.linked(people[0])
        for _ in range(UNWANTED_MAX):
            low.outboxes.send(people[1].member.id, padded)
        low.outboxes.send(people[1].member.id, heartbeat())
        assert await high.received() == Received(people[0].member.id, heartbeat())
        low.outboxes.send(people[1].member.id, padded)
        await high.unlinked(people[0])
        await trio.testing.wait_all_tasks_blocked()
        reasons = [details.get("reason") for what, details in high.lines if what == "link down"]
        assert "sent 6 large messages that nobody asked for" in reasons


async def test_a_stranger_may_not_send_much(
    people: list[Person], autojump_clock: MockClock
) -> None:
    net = MemoryNetwork()
    bob, transport = in_memory(net, people[1], document_of(people[1])), wire(net, people[0])
    async with running(bob):
        stream = await transport.dial(people[1].member.address, people[1].pin, anonymous=True)
        async with open_websocket(stream, client=True, message_bytes_max=9999) as socket:
            await receive_expected(socket, Challenge, WAIT_S)
            await socket.send(b" " * (STRANGER_MESSAGE_BYTES_MAX + 1))
            with trio.fail_after(1.0):
                assert "maximum message size" in await ends(socket)


async def test_a_tls_handshake_that_stalls_is_ended(
    people: list[Person], mock_clock: MockClock
) -> None:
    ada = over_tls(people[0], document_of(people[0]))
    async with running(ada):
        assert isinstance(ada.transport, TlsTransport)
        host, port = ada.address.split(":")
        stream = await trio.open_tcp_stream(host, int(port))
        while not ada.transport.limits.slots.taken:
            await trio.lowlevel.checkpoint()
        mock_clock.jump(HANDSHAKE_DEADLINE_S - 0.1)
        await trio.testing.wait_all_tasks_blocked()
        assert ada.transport.limits.slots.taken == 1
        mock_clock.jump(0.2)
        assert await stream.receive_some() == b""
        await stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert ada.transport.limits.slots.taken == 0

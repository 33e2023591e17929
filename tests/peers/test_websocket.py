"""Time limits of the websocket: every phase ends in time, whatever the other side does."""

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from qutrio.errors import PeerError
from qutrio.peers.conversation import HELLO_DEADLINE_S
from qutrio.peers.enrollment_server import ANSWER_DEADLINE_S
from qutrio.peers.websocket import (
    CLOSE_DEADLINE_S,
    OPEN_DEADLINE_S,
    open_websocket,
)
from tests.memory_network import MemoryNetwork
from tests.peers.world import (
    Person,
    as_member,
    document_of,
    ends,
    in_memory,
    running,
    wire,
)


@pytest.mark.parametrize(
    ("phase", "anonymous", "deadline_s"),
    [
        ("websocket", False, OPEN_DEADLINE_S),
        ("websocket", True, OPEN_DEADLINE_S),
        ("word", False, HELLO_DEADLINE_S),
        ("word", True, ANSWER_DEADLINE_S),
    ],
)
async def test_silence_ends_the_connection_in_every_phase(
    people: list[Person],
    autojump_clock: MockClock,
    phase: str,
    anonymous: bool,
    deadline_s: float,
) -> None:
    net = MemoryNetwork()
    bob, transport = in_memory(net, people[1], document_of(*people[:2])), wire(net, people[0])
    net.unreachable.add(people[0].member.address)
    async with running(bob):
        began = trio.current_time()
        stream = await transport.dial(people[1].member.address, people[1].pin, anonymous=anonymous)
        if phase == "websocket":
            with pytest.raises(trio.EndOfChannel):
                await end_of(stream)
        else:
            async with open_websocket(stream, client=True, message_bytes_max=9999) as socket:
                await ends(socket)
        took = trio.current_time() - began
        assert deadline_s - 0.1 <= took <= deadline_s + CLOSE_DEADLINE_S + 0.1


async def end_of(stream: trio.abc.Stream) -> None:
    """Read until the stream ends, and raise `trio.EndOfChannel` then."""
    try:
        while await stream.receive_some():
            pass
    except trio.BrokenResourceError:
        raise trio.EndOfChannel from None
    raise trio.EndOfChannel


async def test_slow_bytes_before_the_hello_do_not_extend_the_time_limit(
    people: list[Person], autojump_clock: MockClock
) -> None:
    net = MemoryNetwork()
    bob, transport = in_memory(net, people[1], document_of(*people[:2])), wire(net, people[0])
    async with running(bob):
        stream = await transport.dial(people[1].member.address, people[1].pin)

        async def drip() -> None:
            while True:
                await stream.send_all(b"G")
                await trio.sleep(0.5)

        with trio.fail_after(OPEN_DEADLINE_S + 2), pytest.raises(trio.BrokenResourceError):
            await drip()


@pytest.mark.parametrize(
    "request_head",
    [
        b"\x16\x03\x01 nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: q\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n%s"
        % b"Sec-WebSocket-Key: \xff\r\nSec-WebSocket-Version: \xff\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: q\r\nX: " + b"a" * 200_000,
    ],
)
@pytest.mark.parametrize("anonymous", [False, True])
async def test_a_nonsensical_request_ends_only_its_connection(
    people: list[Person], autojump_clock: MockClock, request_head: bytes, anonymous: bool
) -> None:
    net = MemoryNetwork()
    bob, transport = in_memory(net, people[1], document_of(*people[:2])), wire(net, people[0])
    async with running(bob):
        address, pin = people[1].member.address, people[1].pin
        stream = await transport.dial(address, pin, anonymous=anonymous)
        await stream.send_all(request_head)
        with trio.fail_after(1.0), pytest.raises(trio.EndOfChannel):
            await end_of(stream)
        async with as_member(transport, people[0], people[1]):
            assert people[0].member.id in bob.mesh.links


async def test_a_server_that_hangs_up_while_the_websocket_opens_is_noticed_at_once(
    autojump_clock: MockClock,
) -> None:
    """Trio-websocket alone would wait forever."""
    here, there = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:

        async def hang_up() -> None:
            await there.receive_some()
            await there.aclose()

        nursery.start_soon(hang_up)
        with trio.fail_after(0.5), pytest.raises(PeerError, match="closed"):
            async with open_websocket(here, client=True, message_bytes_max=9999):
                pytest.fail("opened")


async def test_closing_does_not_wait_for_the_other_side(autojump_clock: MockClock) -> None:
    """The other side never answers the close."""
    here, there = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:

        async def accept_and_go_deaf() -> None:
            async with open_websocket(there, client=False, message_bytes_max=9999):
                nursery_of_reader.set()
                await trio.sleep_forever()

        nursery_of_reader = trio.Event()
        nursery.start_soon(accept_and_go_deaf)
        async with open_websocket(here, client=True, message_bytes_max=9999):
            await nursery_of_reader.wait()
            there.receive_stream.close()
            began = trio.current_time()
        assert trio.current_time() - began <= CLOSE_DEADLINE_S + 0.1
        nursery.cancel_scope.cancel()


async def test_nothing_follows_a_cancelled_send(autojump_clock: MockClock) -> None:
    """Half a frame has left: a close frame after it would be read as its other half."""
    here, there = trio.testing.lockstep_stream_pair()
    async with trio.open_nursery() as nursery:

        async def take_some() -> None:
            async with open_websocket(there, client=False, message_bytes_max=9999):
                await paused.wait()
            nursery.cancel_scope.cancel()

        paused = trio.Event()
        nursery.start_soon(take_some)
        async with open_websocket(here, client=True, message_bytes_max=9999) as socket:
            with trio.move_on_after(1.0) as scope:
                while True:
                    await socket.send(b"x" * 9000)
            assert scope.cancelled_caught
            with pytest.raises(AssertionError, match="cut off"):
                await socket.send(b"y")
            began = trio.current_time()
        assert trio.current_time() == began, "it was cut, not closed in order"
        paused.set()

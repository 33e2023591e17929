"""Limits on unauthenticated connections, and the slots reserved for members."""

from collections.abc import Callable

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from qutrio.peers.connection_limits import FAMILIAR_HOSTS_MAX, ConnectionLimits, Slots, plain_host
from qutrio.peers.enrollment_server import STRANGERS_MAX
from qutrio.peers.mesh import GREETINGS_PER_MEMBER_MAX
from qutrio.peers.transport import TlsTransport
from qutrio.peers.websocket import (
    OPEN_DEADLINE_S,
)
from qutrio.plumbing.latest import Latest
from tests.memory_network import MemoryNetwork
from tests.peers.world import (
    WAIT_S,
    Person,
    Station,
    as_member,
    document_of,
    in_memory,
    over_tls,
    running,
    view_of,
    wire,
)


async def test_silent_strangers_cannot_shut_members_out(people: list[Person]) -> None:
    """All slots but the reserved ones are taken, and a member still comes in."""
    ada = Station(
        people[0], Latest(view_of(people[0], document_of(*people[:2]))), small_limits(people[0])
    )
    bob = over_tls(people[1].at("127.0.0.1:1"), document_of(*people[:2]))
    async with running(ada) as nursery:
        assert isinstance(ada.transport, TlsTransport)
        limits = ada.transport.limits
        limits.remember("127.0.0.1")
        crowd = [await stranger(ada.address) for _ in range(2)]
        while limits.slots.taken < 2:
            await trio.lowlevel.checkpoint()
        with trio.fail_after(WAIT_S):
            turned_away = await stranger(ada.address)
            assert await turned_away.receive_some() == b""
            async with as_member(bob.transport, people[1], people[0], ada.address):
                assert people[1].member.id in ada.mesh.links
        assert limits.slots.taken == 2
        for stream in (*crowd, turned_away):
            await stream.aclose()
        nursery.cancel_scope.cancel()


def small_limits(person: Person) -> Callable[[Station], TlsTransport]:
    def transport(station: Station) -> TlsTransport:
        return TlsTransport(
            identity=person.identity,
            bind="127.0.0.1",
            port=0,
            members=lambda: station.view.value.document.members,
            log=station.log,
            limits=ConnectionLimits(limit=3, reserved=1),
        )

    return transport


async def stranger(address: str) -> trio.SocketStream:
    """Connect from an address that no member has."""
    host, port = address.split(":")
    socket = trio.socket.socket()
    await socket.bind(("127.0.0.66", 0))
    await socket.connect((host, int(port)))
    return trio.SocketStream(socket)


def test_reserved_slots_are_kept_for_members(people: list[Person]) -> None:
    limits = ConnectionLimits(limit=2, reserved=1)
    members = (people[0].member,)
    assert limits.admits("192.0.2.9", members)
    with limits.slots.hold():
        assert not limits.admits("192.0.2.9", members)
        assert limits.admits("127.0.0.1", members), "advertised by a member"
        limits.remember("192.0.2.8")
        assert limits.admits("192.0.2.8", members), "a member was seen there"
        with limits.slots.hold():
            assert not limits.admits("127.0.0.1", members), "but no more than there are"
    assert limits.admits("192.0.2.9", members)


def test_the_oldest_address_is_forgotten() -> None:
    limits = ConnectionLimits(limit=1, reserved=1)
    limits.remember("192.0.2.1")
    assert limits.admits("192.0.2.1", ())
    for number in range(FAMILIAR_HOSTS_MAX):
        limits.remember(f"10.1.{number // 256}.{number % 256}")
    assert not limits.admits("192.0.2.1", ())


def test_a_slot_that_is_released_early_is_released_once() -> None:
    slots = Slots(1)
    with slots.hold() as release:
        assert not slots.free()
        release()
        release()
        assert slots.free()
    assert slots.taken == 0


@pytest.mark.parametrize(
    ("host", "plain"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("node.example", None),
    ],
)
def test_one_address_has_one_spelling(host: str, plain: str | None) -> None:
    assert plain_host(host) == plain


async def test_strangers_are_bounded_after_the_handshake_too(
    people: list[Person], autojump_clock: MockClock
) -> None:
    net = MemoryNetwork()
    bob, transport = in_memory(net, people[1], document_of(*people[:2])), wire(net, people[0])
    async with running(bob):
        address, pin = people[1].member.address, people[1].pin
        crowd = [await transport.dial(address, pin, anonymous=True) for _ in range(STRANGERS_MAX)]
        await trio.sleep(0.1)
        late = await transport.dial(address, pin, anonymous=True)
        assert await late.receive_some() == b""
        async with as_member(transport, people[0], people[1]):
            assert people[0].member.id in bob.mesh.links
        assert len(crowd) == STRANGERS_MAX == bob.enrollment_server.strangers.taken


async def test_a_member_cannot_pile_up_half_open_connections(
    people: list[Person], autojump_clock: MockClock
) -> None:
    net = MemoryNetwork()
    bob, transport = in_memory(net, people[1], document_of(*people[:2])), wire(net, people[0])
    async with running(bob):
        address, pin = people[1].member.address, people[1].pin
        open_ones = [await transport.dial(address, pin) for _ in range(GREETINGS_PER_MEMBER_MAX)]
        await trio.sleep(0.1)
        late = await transport.dial(address, pin)
        assert await late.receive_some() == b""
        await trio.sleep(OPEN_DEADLINE_S + 1)
        async with as_member(transport, people[0], people[1]):
            assert people[0].member.id in bob.mesh.links
        assert len(open_ones) == GREETINGS_PER_MEMBER_MAX

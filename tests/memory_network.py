"""A network in memory for daemons and links, in place of sockets and TLS."""

from collections.abc import Awaitable, Callable

import trio
import trio.testing
from attrs import define, field, frozen

from qutrio.errors import PeerError
from qutrio.model.ids import Fingerprint

Handler = Callable[[trio.abc.Stream, Fingerprint | None], Awaitable[None]]


@frozen
class Listener:
    """A node that takes connections."""

    fingerprint: Fingerprint
    handler: Handler
    nursery: trio.Nursery


@define(eq=False)
class MemoryNetwork:
    """A network: which node listens at which address.

    `hold` delays every dial until it is set.  An address in `unreachable` cannot be dialled.
    `dials` lists every address that was dialled, in order.
    """

    listeners: dict[str, Listener] = field(factory=dict)
    hold: trio.Event = field(factory=trio.Event)
    pair: Callable[[], tuple[trio.abc.Stream, trio.abc.Stream]] = trio.testing.memory_stream_pair
    dials: list[str] = field(factory=list)
    unreachable: set[str] = field(factory=set)

    def __attrs_post_init__(self) -> None:
        self.hold.set()


@define(eq=False)
class MemoryTransport:
    """One node's access to the network; like TLS it gives each end the other's fingerprint."""

    network: MemoryNetwork
    address: str
    fingerprint: Fingerprint

    async def dial(
        self, address: str, expect: frozenset[Fingerprint], *, anonymous: bool = False
    ) -> trio.abc.Stream:
        """Connect to the node that listens at the address, if it has an expected key."""
        network = self.network
        network.dials.append(address)
        if not network.hold.is_set():
            await network.hold.wait()
        await trio.lowlevel.checkpoint()
        listener = network.listeners.get(address)
        if listener is None or address in network.unreachable:
            raise PeerError(f"{address}: nobody listens")
        if listener.fingerprint not in expect:
            raise PeerError(f"{address} is not the expected node")
        near, far = network.pair()
        own = None if anonymous else self.fingerprint
        listener.nursery.start_soon(listener.handler, far, own)
        return near

    async def serve(
        self, handler: Handler, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Take connections until cancelled."""
        async with trio.open_nursery() as nursery:
            self.network.listeners[self.address] = Listener(self.fingerprint, handler, nursery)
            task_status.started(self.address)
            try:
                await trio.sleep_forever()
            finally:
                del self.network.listeners[self.address]

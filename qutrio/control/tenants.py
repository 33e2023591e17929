"""Knows which programs at this node rely on its mandate, and keeps the node told of them.

A program that relies on the mandate is a tenant.  The node counts its tenants: while there are
any it hands the role over only after they have stopped.  A tenant that goes without a word, for
instance because it was killed, counts until the end of the mandate that it was last told of.
"""

from collections.abc import Callable

import trio
from attrs import Factory, define, field

from qutrio.core.api.events import Inspected, Tenancy
from qutrio.core.api.view import View
from qutrio.model.document import Settings
from qutrio.model.ids import NEVER, Instant, Seconds
from qutrio.plumbing.clock import Clock
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest

POST_WAIT_S: Seconds = 1.0

Wake = Callable[[], None]


@define
class Tenants:
    """The tenants of one node, each under a key that only one can have at a time.

    `lease` says how long a mandate lasts that was renewed just now.  `leaving` is True once the
    daemon is about to stop.  Before `opens_at` nobody is let in: tenants of an earlier life of
    the daemon, of whom it knows nothing, may still rely on what they were told.
    """

    _inbox: Inbox
    _view: Latest[View]
    clock: Clock
    _lease: Callable[[Settings], Seconds]
    opens_at: Instant = NEVER
    leaving: bool = False
    followers: list[Wake] = Factory(list)
    """How to wake each connection that follows the role."""
    _told: dict[str, Instant] = Factory(dict)
    """For each tenant, the end of the mandate that it was last told of."""
    _order: trio.Lock = Factory(trio.Lock)
    _empty: trio.Event = field(init=False, factory=trio.Event)

    @property
    def lease_s(self) -> Seconds:
        """How long a mandate lasts that was renewed just now."""
        return self._lease(self._view.value.document.settings)

    @property
    def open(self) -> bool:
        """Tell whether anybody is let in now."""
        return not self.leaving and self.clock.now() >= self.opens_at

    def __contains__(self, key: str) -> bool:
        """Tell whether somebody has this key."""
        return key in self._told

    async def enter(self, key: str) -> None:
        """Count one more tenant; the node knows of it when this returns.

        Raises `trio.BrokenResourceError` when the daemon stops.
        """
        assert key not in self._told
        self._told[key] = self.clock.now()
        await self._count()
        await self._inbox.ask(Inspected)  # the inbox keeps its order: so the count was heard

    def tell(self, key: str, until: Instant) -> None:
        """Note that a tenant is about to be told of a mandate that ends then."""
        self._told[key] = max(until, self._told[key])

    async def leave(self, key: str) -> None:
        """Count a tenant that has stopped no more."""
        del self._told[key]
        await self._count()
        self.wake()

    async def outlast(self, key: str) -> None:
        """Wait until the mandate that a lost tenant was told of has ended; then forget it."""
        until = self._told[key]
        await trio.sleep(max(0.0, until - self.clock.now()))
        await self.leave(key)

    async def vacate(self, within_s: Seconds) -> None:
        """Ask all tenants to stop because the daemon will, and wait for them, but not for ever."""
        self.leaving = True
        self.wake()
        with trio.move_on_after(within_s):
            while self._told:
                self._empty = trio.Event()
                await self._empty.wait()

    def wake(self) -> None:
        """Let every connection look again."""
        for wake in self.followers:
            wake()

    async def _count(self) -> None:
        # A connection that ends just now must not keep the node from hearing of it.
        with trio.move_on_after(POST_WAIT_S, shield=True):
            async with self._order:
                await self._inbox.post(Tenancy(len(self._told)))
        if not self._told:
            self._empty.set()

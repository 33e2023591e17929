"""Counts the programs at this node that rely on its lease, and reports their number to the node.

Such a program is a tenant.  While a node has tenants, it transfers the role only after they
have stopped.  A tenant that disappears without notice, for instance because it was killed,
counts until the end of the lease that it was last sent.
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

    `lease` returns how long a renewed lease lasts.  `leaving` is True once the daemon is about to
    stop.  No tenant is accepted before `opens_at`: tenants from before a restart, which this
    daemon does not know, may still rely on the lease that they were sent.
    """

    _inbox: Inbox
    _view: Latest[View]
    clock: Clock
    _lease: Callable[[Settings], Seconds]
    opens_at: Instant = NEVER
    leaving: bool = False
    followers: list[Wake] = Factory(list)
    """Wakes each connection that follows the role."""
    _ends: dict[str, Instant] = Factory(dict)
    """For each tenant, the end of the lease that it was last sent."""
    _posting: trio.Lock = Factory(trio.Lock)
    _empty: trio.Event = field(init=False, factory=trio.Event)

    @property
    def lease_s(self) -> Seconds:
        """How long a renewed lease lasts."""
        return self._lease(self._view.value.document.settings)

    @property
    def open(self) -> bool:
        """Whether tenants are accepted now."""
        return not self.leaving and self.clock.now() >= self.opens_at

    def __contains__(self, key: str) -> bool:
        """Return whether a tenant has this key."""
        return key in self._ends

    async def enter(self, key: str) -> None:
        """Add a tenant; the node knows of it when this returns.

        Raises `trio.BrokenResourceError` when the daemon stops.
        """
        assert key not in self._ends
        self._ends[key] = self.clock.now()
        await self._count()
        await self._inbox.ask(Inspected)  # the inbox keeps its order, so the count was processed

    def record_end(self, key: str, until: Instant) -> None:
        """Record the end of the lease that is about to be sent to a tenant."""
        self._ends[key] = max(until, self._ends[key])

    async def leave(self, key: str) -> None:
        """Remove a tenant that has stopped."""
        del self._ends[key]
        await self._count()
        self.wake()

    async def expire(self, key: str) -> None:
        """Remove a lost tenant when the lease that it was last sent has ended."""
        until = self._ends[key]
        await trio.sleep(max(0.0, until - self.clock.now()))
        await self.leave(key)

    async def vacate(self, within_s: Seconds) -> None:
        """Ask all tenants to stop because the daemon stops, and wait for at most `within_s`."""
        self.leaving = True
        self.wake()
        with trio.move_on_after(within_s):
            while self._ends:
                self._empty = trio.Event()
                await self._empty.wait()

    def wake(self) -> None:
        """Have every connection send a line at once."""
        for wake in self.followers:
            wake()

    async def _count(self) -> None:
        # The cancellation of a connection must not keep the count from the node.
        with trio.move_on_after(POST_WAIT_S, shield=True):
            async with self._posting:
                await self._inbox.post(Tenancy(len(self._ends)))
        if not self._ends:
            self._empty.set()

"""Bodies: what a program does only while its seat may act, and how that is ended in time.

Theory of operation.  A body begins after the node has lived through a `Tenancy` that counts it.
From then on the node gives the role to nobody before the body has ended: asked to hand over, it
waits; losing the role otherwise, it frees no voter early.  So other seats wait for the end of
the mandate, and the body is cancelled a margin before it, unless it is renewed.

The node's clock counts a suspend of the machine, trio's does not; so the clock is looked at now
and then, also when nothing is due.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from math import inf

import trio
from attrs import Factory, define, field

from qutrio.core.api.events import Tenancy
from qutrio.election.observed_node import ParticipantView
from qutrio.election.unwrap import ParticipantLeftError
from qutrio.model.ids import Seconds, Term
from qutrio.plumbing.clock import Clock
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest

CANCEL_EARLY = 0.1
"""Which part of the time for which voters are bound a body has to end in."""
LOOK_S_MAX: Seconds = 0.5
"""After a suspend a body runs on for so long at most."""


@define
class LeaderTasks:
    """The bodies of one seat.

    `_confirmed` is how many the node knows of; None while it is being told.
    """

    _outlook: Latest[ParticipantView]
    _inbox: Inbox
    _clock: Clock
    _margin_s: Seconds
    _count: int = field(init=False, default=0)
    _confirmed: int | None = field(init=False, default=0)
    _scopes: set[trio.CancelScope] = field(init=False, factory=set)
    _closed: bool = field(init=False, default=False)
    _stirred: trio.Event = field(init=False, default=Factory(trio.Event))

    @asynccontextmanager
    async def leading(self) -> AsyncGenerator[Term]:
        """Wait until this seat may act, and run the block for as long as it may."""
        term = await self._enter()
        scope = trio.CancelScope()
        self._scopes.add(scope)
        try:
            with scope:
                yield term
        finally:
            self._scopes.discard(scope)
            self._leave()

    def close(self) -> None:
        """Cancel every body, and let none begin."""
        self._closed = True
        self._cancel()
        self._stir()

    async def ended(self) -> None:
        """Wait until no body runs and the node knows it."""
        while self._count or self._confirmed != 0:
            await self._stirred.wait()

    async def watch(self) -> None:
        """Cancel the bodies in time, for ever."""
        while True:
            seen = self._outlook.value
            self._stir()
            left_s = self._left_s()
            if left_s <= 0:
                self._cancel()
            with trio.move_on_after(min(left_s, LOOK_S_MAX) if left_s > 0 else inf):
                await self._outlook.other_than(seen)

    async def tell(self) -> None:
        """Keep the node informed of how many bodies there are, for ever."""
        told = 0
        while True:
            while self._confirmed == self._count:
                await self._stirred.wait()
            count, self._confirmed, told = self._count, None, told + 1
            await self._inbox.post(Tenancy(count))
            while self._outlook.value.tenancies < told:
                await self._outlook.changed()
            self._confirmed = count
            self._stir()

    async def _enter(self) -> Term:
        await trio.lowlevel.checkpoint()  # bodies that never wait must let the seat live
        while True:
            while self._left_s() <= 0:
                self._require_open()
                await self._stirred.wait()
            self._count += 1
            self._stir()
            begins = False
            try:
                while not self._confirmed:
                    self._require_open()
                    await self._stirred.wait()
                term, begins = self._outlook.value.leads, self._left_s() > 0
                if begins and term is not None:
                    return term
            finally:
                if not begins:
                    self._leave()

    def _left_s(self) -> Seconds:
        """Return for how many seconds bodies may run unless the mandate is renewed."""
        seen = self._outlook.value
        if self._closed or seen.vacating or seen.leads is None or seen.acting_until is None:
            return 0.0
        return seen.acting_until - self._margin_s - self._clock.now()

    def _leave(self) -> None:
        self._count -= 1
        self._stir()

    def _cancel(self) -> None:
        for scope in self._scopes:
            scope.cancel()

    def _require_open(self) -> None:
        if self._closed:
            raise ParticipantLeftError("this seat was left; it leads no more")

    def _stir(self) -> None:
        self._stirred.set()
        self._stirred = trio.Event()

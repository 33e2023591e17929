"""Runs bodies: the blocks that a program runs only while its participant may act.

Theory of operation.  A body begins after the node has processed a `Tenancy` that counts it.
From then on the node keeps the role until the body has ended: when asked to transfer it, the
node waits; when it loses the role otherwise, it releases no voter early.  So the other
participants wait until the lease ends, and the body is cancelled a margin before that, unless
the lease is renewed.

The node's clock counts the time that the machine is suspended, trio's clock does not; so the
node's clock is checked at intervals, even when nothing is due.
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
"""The part of the time for which a grant binds that a cancelled body has to end in."""
CLOCK_CHECK_S_MAX: Seconds = 0.5
"""The longest time between two checks of the clock; so long may a body outlast a suspend."""


@define
class LeaderTasks:
    """The bodies of one participant.

    `_confirmed` is the number that the node knows; None while a new number is on its way.
    """

    _view: Latest[ParticipantView]
    _inbox: Inbox
    _clock: Clock
    _margin_s: Seconds
    _count: int = field(init=False, default=0)
    _confirmed: int | None = field(init=False, default=0)
    _scopes: set[trio.CancelScope] = field(init=False, factory=set)
    _closed: bool = field(init=False, default=False)
    _wakeup: trio.Event = field(init=False, default=Factory(trio.Event))

    @asynccontextmanager
    async def leading(self) -> AsyncGenerator[Term]:
        """Wait until this participant may act, and run the block while it may."""
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
        """Cancel every body, and let no new one begin."""
        self._closed = True
        self._cancel()
        self._wake()

    async def wait_ended(self) -> None:
        """Wait until no body runs and the node knows that."""
        while self._count or self._confirmed != 0:
            await self._wakeup.wait()

    async def watch(self) -> None:
        """Cancel the bodies before the lease ends, forever."""
        while True:
            view = self._view.value
            self._wake()
            left_s = self._left_s()
            if left_s <= 0:
                self._cancel()
            with trio.move_on_after(min(left_s, CLOCK_CHECK_S_MAX) if left_s > 0 else inf):
                await self._view.other_than(view)

    async def report_count(self) -> None:
        """Report the number of bodies to the node whenever it changes, forever."""
        reports = 0
        while True:
            while self._confirmed == self._count:
                await self._wakeup.wait()
            count, self._confirmed, reports = self._count, None, reports + 1
            await self._inbox.post(Tenancy(count))
            while self._view.value.tenancies < reports:
                await self._view.changed()
            self._confirmed = count
            self._wake()

    async def _enter(self) -> Term:
        await trio.lowlevel.checkpoint()  # bodies that never wait must not starve the node
        while True:
            while self._left_s() <= 0:
                self._require_open()
                await self._wakeup.wait()
            self._count += 1
            self._wake()
            begins = False
            try:
                while not self._confirmed:
                    self._require_open()
                    await self._wakeup.wait()
                term, begins = self._view.value.leads, self._left_s() > 0
                if begins and term is not None:
                    return term
            finally:
                if not begins:
                    self._leave()

    def _left_s(self) -> Seconds:
        """Return for how many seconds bodies may run unless the lease is renewed."""
        view = self._view.value
        if self._closed or view.vacating or view.leads is None or view.acting_until is None:
            return 0.0
        return view.acting_until - self._margin_s - self._clock.now()

    def _leave(self) -> None:
        self._count -= 1
        self._wake()

    def _cancel(self) -> None:
        for scope in self._scopes:
            scope.cancel()

    def _require_open(self) -> None:
        if self._closed:
            raise ParticipantLeftError("this participant has left; it cannot lead")

    def _wake(self) -> None:
        self._wakeup.set()
        self._wakeup = trio.Event()

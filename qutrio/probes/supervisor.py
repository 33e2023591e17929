"""Runs the probes of one node, as the document, the clock and the master's demands require.

One task sleeps until the schedule's next deadline; each probe in flight is a task of its own in
the same nursery.  So a target that hangs uses one slot of many, and delays no other probe.
"""

import resource
from functools import partial
from random import Random

import trio
from attrs import define, evolve, field

from qutrio.core.api.events import Observed
from qutrio.core.api.view import View
from qutrio.model.checks import Check
from qutrio.model.ids import CheckId
from qutrio.plumbing.clock import Clock
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from qutrio.plumbing.log import Log
from qutrio.probes.interface import Tools
from qutrio.probes.registry import probe as probe_any
from qutrio.probes.runner import Probe, run_check
from qutrio.probes.schedule import Schedule, Start, Ticket

RUNNING_PROBES_MAX = 4096
FILES_RESERVED = 256
"""File descriptors left to peers, disk and control socket."""


async def supervise(  # noqa: PLR0917 - one per dependency, each named at the call
    view: Latest[View],
    inbox: Inbox,
    demands: trio.MemoryReceiveChannel[tuple[CheckId, ...]],
    clock: Clock,
    tools: Tools,
    log: Log,
    rng: Random,
    *,
    probe: Probe = probe_any,
    running_max: int | None = None,
) -> None:
    """Probe the checks of `view`'s document until cancelled; post every result to `inbox`.

    A check that is edited or removed while its probe is in flight posts nothing.  A node that
    was removed from the cluster probes nothing.  `running_max` bounds the probes in flight; None
    means as many as the limit on open files allows.  `tools.patterns` is closed at the end.
    """
    slots = affordable_probes() if running_max is None else running_max
    supervisor = _Supervisor(view, inbox, clock, tools, log, probe, Schedule(rng, slots))
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.follow)
            nursery.start_soon(supervisor.accept_demands, demands)
            nursery.start_soon(supervisor.start_probes, nursery)
    finally:
        await tools.patterns.aclose()


def affordable_probes() -> int:
    """Return how many probes may be in flight under this process's limit on open files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return RUNNING_PROBES_MAX
    return max(1, min(RUNNING_PROBES_MAX, soft - FILES_RESERVED))


@define(eq=False)
class _Supervisor:
    """The schedule, and the tasks that carry it out."""

    view: Latest[View]
    inbox: Inbox
    clock: Clock
    tools: Tools
    log: Log
    probe: Probe
    schedule: Schedule
    _scopes: dict[Ticket, trio.CancelScope] = field(factory=dict)
    _changed: trio.Event = field(factory=trio.Event)
    _crowded: bool = False

    async def follow(self) -> None:
        """Schedule the checks of the document, again after each change."""
        seen: View | None = None
        while True:
            view = self.view.value
            if seen is None or seen.document is not view.document or seen.removed != view.removed:
                self._apply(view)
            seen = view
            await self.view.other_than(view)

    async def accept_demands(self, demands: trio.MemoryReceiveChannel[tuple[CheckId, ...]]) -> None:
        """Probe at once the checks for which the master asks."""
        async for checks in demands:
            for check in checks:
                self.schedule.demand(check)
            self._wake()

    async def start_probes(self, nursery: trio.Nursery) -> None:
        """Start every probe that is due, then sleep until the next one is."""
        while True:
            self._changed = trio.Event()
            for start in self.schedule.start_due(self.clock.now(), self.clock.wall()):
                scope = self._scopes[start.ticket] = trio.CancelScope()
                nursery.start_soon(partial(self._run, start, scope))
            self._log_when_crowded()
            due = self.schedule.deadline
            if due is None:
                await self._changed.wait()
            else:
                with trio.move_on_after(max(0.0, due - self.clock.now())):
                    await self._changed.wait()

    async def _run(self, start: Start, scope: trio.CancelScope) -> None:
        try:
            with scope:
                result = await run_check(
                    start.check, self._tools_for(start.check), self.probe, self.log
                )
                await self.inbox.post(Observed(result))
        except trio.BrokenResourceError:
            return  # the daemon is stopping, and the inbox is closed
        finally:
            del self._scopes[start.ticket]
            self.schedule.finish(start.ticket)
            self._wake()

    def _tools_for(self, check: Check) -> Tools:
        """Return the tools, with the name servers of the check or else of the cluster."""
        servers = check.resolvers or self.view.value.document.settings.resolvers
        if not servers:
            return self.tools
        return evolve(self.tools, resolver=self.tools.resolver.with_servers(servers))

    def _apply(self, view: View) -> None:
        checks = () if view.removed else view.document.checks
        members = tuple(member.id for member in view.document.members)
        for ticket in self.schedule.set_checks(checks, view.node, members, self.clock.now()):
            self._scopes[ticket].cancel()
        self._wake()

    def _log_when_crowded(self) -> None:
        crowded = self.schedule.waiting > 0
        if crowded and not self._crowded:
            self.log(
                "more probes are due than may be in flight; some will be late",
                waiting=self.schedule.waiting,
                running_max=self.schedule.running_max,
            )
        self._crowded = crowded

    def _wake(self) -> None:
        self._changed.set()

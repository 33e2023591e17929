"""What runs a seat: a node, its driver and its ears, from the first look at the disk to the end."""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import trio
from attrs import define, field, frozen

from qutrio.core.election.engines import timing
from qutrio.core.events import Stop, YieldRequested
from qutrio.core.node import Node
from qutrio.daemon.driver import drive
from qutrio.election.alone import alone
from qutrio.election.bodies import CANCEL_EARLY, Bodies
from qutrio.election.ear import Ear, gather
from qutrio.election.feeds import Feed
from qutrio.election.group import Group
from qutrio.election.hands import SeatHands
from qutrio.election.meeting import HELLO_S_MAX, Meeting
from qutrio.election.mind import Mind
from qutrio.election.seat import Seat
from qutrio.model.ids import Instant, NodeId, Seconds
from qutrio.model.levels import LEVEL_UNSAID
from qutrio.model.stable import Promise
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncGenerator

    from qutrio.core.election.interface import Position, Turn
    from qutrio.core.view import View
    from qutrio.election.drivers.interface import Driver, Link
    from qutrio.election.feeds import Trouble
    from qutrio.election.state import State
    from qutrio.model.document import Settings
    from qutrio.model.stable import Stable
    from qutrio.plumbing.clock import Clock
    from qutrio.plumbing.log import Log

GRACE_S: Seconds = 5.0
"""How long leaving may take beyond the time for which voters are bound."""
GIVE_WAY_S: Seconds = 0.2
"""How long a seat that leaves tries to hand the role over."""
BOOT_BYTES = 6


@asynccontextmanager
async def seated(host: Host) -> AsyncGenerator[Seat]:
    """Run a seat for the length of the block, sheltered from what cancels the block."""
    raised: BaseException | None = None
    try:
        async with trio.open_nursery() as nursery:
            seat = await nursery.start(host.run)
            try:
                yield seat
            except BaseException as error:
                raised = error
                raise
            finally:
                host.leave()
    except BaseExceptionGroup as group:
        lone = alone(group, raised)
    else:
        return
    raise lone


@frozen
class _Running:
    """What runs while the seat is taken."""

    seat: Seat
    mind: Mind
    inbox: Inbox
    bodies: Bodies
    ear: Ear
    hands: SeatHands


@define(kw_only=True)
class Host:
    """Runs one seat, from its state to its resignation, sheltered from cancellation by others."""

    name: str
    me: NodeId
    driver: Driver
    state: State
    members: tuple[NodeId, ...] | None
    meeting: Meeting | None
    settings: Settings
    position: Position | None
    clock: Clock
    rng: random.Random
    log: Log
    _turns: Feed[Turn] = field(init=False, factory=Feed)
    _troubles: Feed[Trouble] = field(init=False, factory=partial(Feed, repeats=True))
    _left: trio.Event = field(init=False, factory=trio.Event)
    _scope: trio.CancelScope = field(init=False, factory=trio.CancelScope)
    _grace_s: Seconds = field(init=False, default=GRACE_S)

    def leave(self) -> None:
        """End soon: bodies first, then with a resignation."""
        self._left.set()
        self._scope.deadline = trio.current_time() + self._grace_s

    async def run(self, *, task_status: trio.TaskStatus[Seat]) -> None:
        """Open the state and the wire, take the seat, and run until `leave`."""
        with self._scope:
            with self.state.hold(self.name, self.me):
                kept = await self.state.load()
                async with self.driver.open(self.name, self.me) as link:
                    group = await self._group(kept, link)
                    now = self.clock.now()
                    running = self._begin(group, await self._stable(group, kept), link)
                    self._keep_quiet(running.mind.node, kept, now)
                    await self._live(running, task_status)

    async def _group(self, kept: Stable | None, link: Link) -> Group:
        members = self.members
        if self.meeting is not None:
            known = () if kept is None else kept.committed.document.members
            if len(known) == self.meeting.size:
                self.meeting.members = tuple(member.id for member in known)
            every_s = min(self.settings.heartbeat_s, HELLO_S_MAX)
            members = self.meeting.members or await gather(self.meeting, link, every_s, self.log)
        assert members is not None, "members or a size"
        return Group(name=self.name, members=members, settings=self.settings)

    async def _stable(self, group: Group, kept: Stable | None) -> Stable:
        stable = group.first_state() if kept is None else group.continued(kept)
        if kept is not None and stable is not kept:
            before = ",".join(member.id for member in kept.committed.document.members)
            self.log("the members or the rules changed", before=before, now=",".join(group.members))
        if stable is not kept:
            await self.state.create(stable)
        return stable

    def _keep_quiet(self, node: Node, kept: Stable | None, now: Instant) -> None:
        """Endorse nobody new while a bond may hold that was given under other rules."""
        if kept is None or kept.promise == Promise():
            return
        before = (kept.accepted.document.settings, kept.committed.document.settings)
        bound_s = max(timing(rules).bound_s for rules in before)
        mandate = node.seat.mandate
        if kept is not self.state.durable:
            mandate.quiet_until = max(mandate.quiet_until, Instant(now + bound_s))

    def _begin(self, group: Group, stable: Stable, link: Link) -> _Running:
        # Nobody ever changes the document of a group, so its level stays too.
        node = Node(self.me, stable, now=self.clock.now(), rng=self.rng, level=LEVEL_UNSAID)
        node.seat.steering.position = self.position
        mind = Mind(node, self._turns)
        inbox = Inbox(secrets.token_hex(BOOT_BYTES))
        margin_s = CANCEL_EARLY * group.bound_s
        bodies = Bodies(mind.outlook, inbox, self.clock, margin_s)
        self._grace_s = GRACE_S + group.bound_s
        return _Running(
            seat=Seat(
                self.me,
                group,
                mind.outlook,
                inbox,
                bodies,
                self._turns,
                self._troubles,
                self.clock,
            ),
            mind=mind,
            inbox=inbox,
            bodies=bodies,
            ear=Ear(group, self.me, link, self.meeting, self._troubles),
            hands=SeatHands(
                state=self.state, link=link, group=group, troubles=self._troubles, log=self.log
            ),
        )

    async def _live(self, running: _Running, task_status: trio.TaskStatus[Seat]) -> None:
        try:
            async with trio.open_nursery() as thinking:
                await self._serve(running, thinking, task_status)
                await running.inbox.post(Stop())
        finally:
            running.bodies.close()  # also when a bug ended the node
            self._turns.end()
            self._troubles.end()

    async def _serve(
        self, running: _Running, thinking: trio.Nursery, task_status: trio.TaskStatus[Seat]
    ) -> None:
        """Drive the node until the seat is left, and no body runs."""
        mind, inbox, bodies = running.mind, running.inbox, running.bodies
        view: Latest[View] = Latest(mind.view(self.clock.now()))
        thinking.start_soon(drive, mind, inbox, running.hands, view, self.clock)
        async with trio.open_nursery() as inward:
            for task in (bodies.watch, bodies.tell, running.ear.complain):
                inward.start_soon(task)
            inward.start_soon(running.ear.listen, inbox)
            # Whoever was cancelled while the threads worked gets no seat, and would never leave.
            await trio.lowlevel.checkpoint_if_cancelled()
            self._scope.shield = True
            task_status.started(running.seat)
            await self._left.wait()
            bodies.close()
            with trio.move_on_after(self._grace_s - GRACE_S):
                await bodies.ended()
                await self._give_way(running)
            inward.cancel_scope.cancel()

    async def _give_way(self, running: _Running) -> None:
        """Name a successor, if there is one: so the others need not wait for an election."""
        outlook = running.mind.outlook
        if outlook.value.leads is None or outlook.value.living == {self.me}:
            return
        await running.inbox.post(YieldRequested(None))
        with trio.move_on_after(GIVE_WAY_S):
            await outlook.until(lambda seen: seen.leads is None)

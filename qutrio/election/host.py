"""Runs a participant: loads its state, opens the link, drives the node, and leaves in order."""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import trio
from attrs import define, field, frozen

from qutrio.core.api.events import Stop, YieldRequested
from qutrio.core.election.engines import timing
from qutrio.core.node import Node
from qutrio.election.effect_handler import ParticipantEffectHandler
from qutrio.election.feeds import Feed
from qutrio.election.frame_receiver import FrameReceiver, gather
from qutrio.election.group import Group
from qutrio.election.leader_tasks import CANCEL_EARLY, LeaderTasks
from qutrio.election.observed_node import ObservedNode
from qutrio.election.participant import Participant
from qutrio.election.peer_discovery import HELLO_S_MAX, PeerDiscovery
from qutrio.election.unwrap import unwrap_group
from qutrio.model.ids import Instant, NodeId, Seconds
from qutrio.model.levels import LEVEL_UNSAID
from qutrio.model.stable import Promise
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from qutrio.runtime.driver import drive

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncGenerator

    from qutrio.core.api.view import View
    from qutrio.core.election.interface import ProgramState, RoleChange
    from qutrio.election.drivers.interface import Driver, Link
    from qutrio.election.feeds import Trouble
    from qutrio.election.state import State
    from qutrio.model.document import Settings
    from qutrio.model.stable import Stable
    from qutrio.plumbing.clock import Clock
    from qutrio.plumbing.log import Log

GRACE_S: Seconds = 5.0
"""How long leaving may take beyond the time for which voters are bound."""
HAND_OVER_S: Seconds = 0.2
"""How long a participant that leaves tries to hand the role over."""
BOOT_BYTES = 6


@asynccontextmanager
async def participating(host: Host) -> AsyncGenerator[Participant]:
    """Run a participant for the length of the block, shielded from the block's cancellation."""
    raised: BaseException | None = None
    try:
        async with trio.open_nursery() as nursery:
            participant = await nursery.start(host.run)
            try:
                yield participant
            except BaseException as error:
                raised = error
                raise
            finally:
                host.leave()
    except BaseExceptionGroup as group:
        lone = unwrap_group(group, raised)
    else:
        return
    raise lone


@frozen
class _Running:
    """The objects of a running participant."""

    participant: Participant
    observed_node: ObservedNode
    inbox: Inbox
    leader_tasks: LeaderTasks
    receiver: FrameReceiver
    handler: ParticipantEffectHandler


@define(kw_only=True)
class Host:
    """Runs one participant, from loading its state to resigning, shielded from cancellation."""

    name: str
    me: NodeId
    driver: Driver
    state: State
    members: tuple[NodeId, ...] | None
    discovery: PeerDiscovery | None
    settings: Settings
    position: ProgramState | None
    clock: Clock
    rng: random.Random
    log: Log
    _role_changes: Feed[RoleChange] = field(init=False, factory=Feed)
    _troubles: Feed[Trouble] = field(init=False, factory=partial(Feed, repeats=True))
    _left: trio.Event = field(init=False, factory=trio.Event)
    _scope: trio.CancelScope = field(init=False, factory=trio.CancelScope)
    _grace_s: Seconds = field(init=False, default=GRACE_S)

    def leave(self) -> None:
        """Cancel the bodies, then resign and end `run`."""
        self._left.set()
        self._scope.deadline = trio.current_time() + self._grace_s

    async def run(self, *, task_status: trio.TaskStatus[Participant]) -> None:
        """Open the state and the link, and run the node until `leave`."""
        with self._scope:
            with self.state.hold(self.name, self.me):
                kept = await self.state.load()
                async with self.driver.open(self.name, self.me) as link:
                    group = await self._group(kept, link)
                    now = self.clock.now()
                    running = self._build(group, await self._stable(group, kept), link)
                    self._honour_earlier_grant(running.observed_node.node, kept, now)
                    await self._run_node(running, task_status)

    async def _group(self, kept: Stable | None, link: Link) -> Group:
        members = self.members
        if self.discovery is not None:
            known = () if kept is None else kept.committed.document.members
            if len(known) == self.discovery.size:
                self.discovery.members = tuple(member.id for member in known)
            every_s = min(self.settings.heartbeat_s, HELLO_S_MAX)
            members = self.discovery.members or await gather(
                self.discovery, link, every_s, self.log
            )
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

    def _honour_earlier_grant(self, node: Node, kept: Stable | None, now: Instant) -> None:
        """Grant nothing new while a grant that was given under other rules may still bind."""
        if kept is None or kept.promise == Promise():
            return
        before = (kept.accepted.document.settings, kept.committed.document.settings)
        bound_s = max(timing(rules).bound_s for rules in before)
        lease = node.leadership.lease
        if kept is not self.state.durable:
            lease.restart_wait_until = max(lease.restart_wait_until, Instant(now + bound_s))

    def _build(self, group: Group, stable: Stable, link: Link) -> _Running:
        # The document of a group never changes, so its feature level does not either.
        node = Node(self.me, stable, now=self.clock.now(), rng=self.rng, level=LEVEL_UNSAID)
        node.leadership.engine_host.position = self.position
        observed_node = ObservedNode(node, self._role_changes)
        inbox = Inbox(secrets.token_hex(BOOT_BYTES))
        margin_s = CANCEL_EARLY * group.bound_s
        leader_tasks = LeaderTasks(observed_node.participant_view, inbox, self.clock, margin_s)
        self._grace_s = GRACE_S + group.bound_s
        return _Running(
            participant=Participant(
                self.me,
                group,
                observed_node.participant_view,
                inbox,
                leader_tasks,
                self._role_changes,
                self._troubles,
                self.clock,
            ),
            observed_node=observed_node,
            inbox=inbox,
            leader_tasks=leader_tasks,
            receiver=FrameReceiver(group, self.me, link, self.discovery, self._troubles),
            handler=ParticipantEffectHandler(
                state=self.state, link=link, group=group, troubles=self._troubles, log=self.log
            ),
        )

    async def _run_node(self, running: _Running, task_status: trio.TaskStatus[Participant]) -> None:
        try:
            async with trio.open_nursery() as driving:
                await self._serve(running, driving, task_status)
                await running.inbox.post(Stop())
        finally:
            running.leader_tasks.close()  # also when a bug ended the node
            self._role_changes.end()
            self._troubles.end()

    async def _serve(
        self, running: _Running, driving: trio.Nursery, task_status: trio.TaskStatus[Participant]
    ) -> None:
        """Drive the node until the participant leaves and no body runs."""
        node, inbox, bodies = running.observed_node, running.inbox, running.leader_tasks
        view: Latest[View] = Latest(node.view(self.clock.now()))
        driving.start_soon(drive, node, inbox, running.handler, view, self.clock)
        async with trio.open_nursery() as tasks:
            for task in (bodies.watch, bodies.report_count, running.receiver.report_troubles):
                tasks.start_soon(task)
            tasks.start_soon(running.receiver.listen, inbox)
            # A caller that was cancelled while the threads worked gets no participant to leave.
            await trio.lowlevel.checkpoint_if_cancelled()
            self._scope.shield = True
            task_status.started(running.participant)
            await self._left.wait()
            bodies.close()
            with trio.move_on_after(self._grace_s - GRACE_S):
                await bodies.wait_ended()
                await self._hand_over(running)
            tasks.cancel_scope.cancel()

    async def _hand_over(self, running: _Running) -> None:
        """Hand the role to a successor, if one lives, so that no election is needed."""
        view = running.observed_node.participant_view
        if view.value.leads is None or view.value.living == {self.me}:
            return
        await running.inbox.post(YieldRequested(None))
        with trio.move_on_after(HAND_OVER_S):
            await view.until(lambda now: now.leads is None)

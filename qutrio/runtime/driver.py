"""The loop that drives a node: it passes events to the node and performs the effects.

One task drives the node.  It reads an event, or makes a `Tick` at the node's deadline, steps the
node, and performs the effects in list order: a write is durable before any later effect of the
batch is performed.  Callers are answered last, when the view already shows the answer.

When a write fails, the rest of the batch is dropped, because it may depend on that write, and
the node gets a `PersistFailed` at once.
"""

from collections import deque
from collections.abc import Sequence
from typing import Protocol, assert_never

import trio
from attrs import Factory, define, field

from qutrio.core.alerting.delivery import NO_ROOM
from qutrio.core.api.effects import (
    Effect,
    Journal,
    LogFact,
    Notify,
    Persist,
    Probe,
    Reply,
    ReportRole,
    Send,
    StatusReply,
    replies_after_failure,
)
from qutrio.core.api.events import Event, PersistFailed, Stop, Tick
from qutrio.core.api.facts import NodeFact
from qutrio.core.api.messages import Message
from qutrio.core.api.view import View
from qutrio.core.election.interface import RoleChange
from qutrio.errors import StorageError
from qutrio.model.ids import CheckId, Instant, NodeId, UnixTime
from qutrio.model.journal import Entry
from qutrio.model.stable import Stable
from qutrio.plumbing.clock import Clock
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest

EVENTS_WHILE_DUE_MAX = 64
"""How many events may precede a tick that is due: one of them may make it unnecessary."""

WAIT_S_MIN = 0.001
"""A timer may fire early by a rounding error; this keeps the loop from spinning."""

WAIT_S_MAX = 1.0
"""The longest time between two notifications of the watchdog."""


class StateMachine(Protocol):
    """The interface of `core.node.Node` that the driver uses."""

    @property
    def deadline(self) -> Instant:
        """When the machine needs a `Tick`."""
        ...

    def step(self, event: Event, now: Instant, wall: UnixTime) -> Sequence[Effect]:
        """Process one event, and return its effects in order."""
        ...

    def view(self, now: Instant) -> View:
        """Return the node's public state."""
        ...


class EffectHandler(Protocol):
    """Performs the effects of a node; each program that runs a node has its own."""

    @property
    def durable(self) -> Stable:
        """The state that the disk holds now."""
        ...

    async def persist(self, stable: Stable) -> None:
        """Return when `stable` would survive a power loss; raises `StorageError`."""
        ...

    def send(self, to: NodeId, message: Message) -> None:
        """Queue a message, or drop it; never wait for a peer."""
        ...

    def probe(self, checks: tuple[CheckId, ...]) -> None:
        """Request probes of these checks now; never wait."""
        ...

    def notify(self, job: Notify) -> bool:
        """Queue a delivery attempt; return False when there is no room for it."""
        ...

    def log_fact(self, fact: NodeFact) -> None:
        """Write a fact to the log."""
        ...

    def log_role_change(self, change: RoleChange) -> None:
        """Write a change of the engine's role to the log."""
        ...

    def journal(self, entry: Entry) -> None:
        """Queue a line for the journal, or drop it; never wait for the disk."""
        ...

    def notify_watchdog(self) -> None:
        """Notify the watchdog that the loop runs; called at least every `WAIT_S_MAX`."""
        ...


def role_change_details(change: RoleChange) -> dict[str, str]:
    """Return the details of the log line about a change of role."""
    return {"from": change.before.value, "to": change.after.value, "reason": str(change.reason)}


async def drive(
    node: StateMachine, inbox: Inbox, handler: EffectHandler, view: Latest[View], clock: Clock
) -> None:
    """Feed events to the node and perform its effects until `Stop`; then close the inbox."""
    loop = _Loop(node, inbox, handler, view, clock)
    while True:
        event = await loop.next_event()
        handler.notify_watchdog()
        if event is not None:
            await loop.process(event)
        if isinstance(event, Stop):
            inbox.close()
            return


@define
class _Loop:
    _node: StateMachine
    _inbox: Inbox
    _handler: EffectHandler
    _view: Latest[View]
    _clock: Clock
    _pending: deque[Event] = field(init=False, default=Factory(deque))
    _events_while_due: int = field(init=False, default=0)

    async def next_event(self) -> Event | None:
        """Return the next event for the node, or None when there is none yet."""
        if self._pending:
            await trio.lowlevel.cancel_shielded_checkpoint()
            return self._pending.popleft()
        wait_s = self._node.deadline - self._clock.now()
        if wait_s > 0:
            self._events_while_due = 0
            return await self._inbox.next(min(max(wait_s, WAIT_S_MIN), WAIT_S_MAX))
        self._events_while_due += 1
        if self._events_while_due <= EVENTS_WHILE_DUE_MAX:
            event = await self._inbox.next(0)
            if event is not None:
                return event
        self._events_while_due = 0
        return Tick()

    async def process(self, event: Event) -> None:
        """Step the node, perform its effects, publish its view, and answer callers."""
        answers: list[Reply | StatusReply] = []
        failure = await self._perform(self._step(event), answers)
        if failure is not None:
            failed = PersistFailed(str(failure), self._handler.durable)
            # The disk has just failed: if this batch writes too, its rest is also dropped.
            await self._perform(self._step(failed), answers)
        self._view.publish(self._node.view(self._clock.now()))
        for answer in answers:
            self._inbox.answer(answer)

    def _step(self, event: Event) -> Sequence[Effect]:
        return self._node.step(event, self._clock.now(), self._clock.wall())

    async def _perform(
        self, effects: Sequence[Effect], answers: list[Reply | StatusReply]
    ) -> StorageError | None:
        """Perform a batch in order; stop at a write that fails, and return its error."""
        for place, effect in enumerate(effects):
            if isinstance(effect, Persist):
                try:
                    await self._handler.persist(effect.stable)
                except StorageError as error:
                    answers += replies_after_failure(effects[place + 1 :])
                    return error
            elif isinstance(effect, Reply | StatusReply):
                answers.append(effect)
            else:
                self._perform_one(effect)
        return None

    def _perform_one(self, effect: Send | Probe | Notify | LogFact | Journal | ReportRole) -> None:
        match effect:
            case Send(to, message):
                self._handler.send(to, message)
            case Probe(checks):
                self._handler.probe(checks)
            case Notify():
                if not self._handler.notify(effect):
                    self._pending.append(effect.ended(delivered=False, detail=NO_ROOM))
            case LogFact(fact):
                self._handler.log_fact(fact)
            case Journal(entry):
                self._handler.journal(entry)
            case ReportRole(change):
                self._handler.log_role_change(change)
            case _:
                assert_never(effect)

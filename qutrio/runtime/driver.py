"""The loop that lends a node its clock and its hands.

One task drives the node.  It takes an event, or a `Tick` when the node's deadline has come,
steps the node, and performs the effects in list order: what is to be durable is durable
before anything later in the batch is said.  Callers are answered last, after the view shows
what they are told.

When the disk refuses, the rest of the batch is dropped, because all of it may rest on what
was not written, and the node hears of it at once.
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
    Note,
    Notify,
    Persist,
    Probe,
    Reply,
    Send,
    Show,
    Turned,
    replies_after_failure,
)
from qutrio.core.api.events import Event, PersistFailed, Stop, Tick
from qutrio.core.api.facts import NodeFact
from qutrio.core.api.messages import Message
from qutrio.core.api.view import View
from qutrio.core.election.interface import Turn
from qutrio.errors import StorageError
from qutrio.model.ids import CheckId, Instant, NodeId, UnixTime
from qutrio.model.journal import Entry
from qutrio.model.stable import Stable
from qutrio.plumbing.clock import Clock
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest

EVENTS_WHILE_DUE_MAX = 64
"""Events that may go before a tick that is due: what they bring may be what it waits for."""

WAIT_S_MIN = 0.001
"""A timer may fire a rounding error early; this keeps such a loop from spinning."""

WAIT_S_MAX = 1.0
"""The longest silence towards the watchdog."""


class StateMachine(Protocol):
    """What the driver needs of `core.node.Node`."""

    @property
    def deadline(self) -> Instant:
        """When the machine wants a `Tick`."""
        ...

    def step(self, event: Event, now: Instant, wall: UnixTime) -> Sequence[Effect]:
        """Take one event in, and return what is to be done, in order."""
        ...

    def view(self, now: Instant) -> View:
        """Return what others may know."""
        ...


class EffectHandler(Protocol):
    """What the driver can do to the world; the daemon passes the real edges in."""

    @property
    def durable(self) -> Stable:
        """What the disk holds now."""
        ...

    async def persist(self, stable: Stable) -> None:
        """Return once it would survive a power cut; raises `StorageError`."""
        ...

    def send(self, to: NodeId, message: Message) -> None:
        """Queue or drop; never wait for a peer."""
        ...

    def probe(self, checks: tuple[CheckId, ...]) -> None:
        """Ask for these probes now; never wait."""
        ...

    def notify(self, job: Notify) -> bool:
        """Queue an attempt to deliver; return False when there is no room for it."""
        ...

    def note(self, fact: NodeFact) -> None:
        """Write a fact to the log."""
        ...

    def turned(self, turn: Turn) -> None:
        """Write the engine's change of role to the log."""
        ...

    def journal(self, entry: Entry) -> None:
        """Queue a line for the journal of incidents, or lose it; never wait for the disk."""
        ...

    def alive(self) -> None:
        """Tell the watchdog that the loop turns; called at least every `WAIT_S_MAX`."""
        ...


def turn_details(turn: Turn) -> dict[str, str]:
    """Return the details of the log line about an engine's change of role."""
    return {"from": turn.before.value, "to": turn.after.value, "reason": str(turn.reason)}


async def drive(
    node: StateMachine, inbox: Inbox, handler: EffectHandler, view: Latest[View], clock: Clock
) -> None:
    """Feed events to the node and perform its effects until `Stop`; then close the inbox."""
    loop = _Loop(node, inbox, handler, view, clock)
    while True:
        event = await loop.next_event()
        handler.alive()
        if event is not None:
            await loop.live_through(event)
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
    _owed: deque[Event] = field(init=False, default=Factory(deque))
    _events_while_due: int = field(init=False, default=0)

    async def next_event(self) -> Event | None:
        """Return what the node should live through next, or None when it may sleep on."""
        if self._owed:
            await trio.lowlevel.cancel_shielded_checkpoint()
            return self._owed.popleft()
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

    async def live_through(self, event: Event) -> None:
        """Step the node, perform its effects, show the new view, and answer."""
        answers: list[Reply | Show] = []
        failure = await self._perform(self._step(event), answers)
        if failure is not None:
            sorry = PersistFailed(str(failure), self._handler.durable)
            # The disk failed a moment ago: what a second write would make durable waits too.
            await self._perform(self._step(sorry), answers)
        self._view.publish(self._node.view(self._clock.now()))
        for answer in answers:
            self._inbox.answer(answer)

    def _step(self, event: Event) -> Sequence[Effect]:
        return self._node.step(event, self._clock.now(), self._clock.wall())

    async def _perform(
        self, effects: Sequence[Effect], answers: list[Reply | Show]
    ) -> StorageError | None:
        """Perform a batch in order; stop at a write that fails, and return why it did."""
        for place, effect in enumerate(effects):
            if isinstance(effect, Persist):
                try:
                    await self._handler.persist(effect.stable)
                except StorageError as error:
                    answers += replies_after_failure(effects[place + 1 :])
                    return error
            elif isinstance(effect, Reply | Show):
                answers.append(effect)
            else:
                self._act(effect)
        return None

    def _act(self, effect: Send | Probe | Notify | Note | Journal | Turned) -> None:
        match effect:
            case Send(to, message):
                self._handler.send(to, message)
            case Probe(checks):
                self._handler.probe(checks)
            case Notify():
                if not self._handler.notify(effect):
                    self._owed.append(effect.ended(delivered=False, detail=NO_ROOM))
            case Note(fact):
                self._handler.note(fact)
            case Journal(entry):
                self._handler.journal(entry)
            case Turned(turn):
                self._handler.turned(turn)
            case _:
                assert_never(effect)

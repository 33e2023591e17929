"""The nursery tree: which nursery owns which task, and in which order tasks end.

Inward tasks feed the inbox, the driver turns events into effects, and outward tasks perform the
effects.  Shutdown ends the inward tasks first and lets the others finish their queues:

    links       one task per peer; send the resignation, then end   cancelled after the grace
    alerts      finish the attempts that are queued, then end       cancelled after the grace
    records     write what is queued, then end                      cancelled after the grace
    driver      steps the node; returns after `Stop`
    inward      listener, control socket, mirror, probes            cancelled first

A bug in any task cancels all others and leaves through `run` as an exception.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeAlias

import trio
from attrs import frozen

from qutrio.core.api.events import Stop
from qutrio.core.api.view import View
from qutrio.model.ids import Seconds
from qutrio.plumbing.clock import Clock
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from qutrio.runtime.driver import EffectHandler, StateMachine, drive

GRACE_S: Seconds = 5.0

Task: TypeAlias = Callable[[], Awaitable[object]]


class Service(Protocol):
    """A task that signals when it is ready to serve."""

    async def __call__(self, *, task_status: trio.TaskStatus[Any]) -> None:
        """Call `task_status.started()` when ready."""
        ...


@frozen(kw_only=True)
class DriverArgs:
    """The node, and what its driver needs."""

    node: StateMachine
    inbox: Inbox
    view: Latest[View]
    handler: EffectHandler
    clock: Clock


@frozen(kw_only=True)
class Edges:
    """The tasks around the driver.

    `links`, `alerts` and `records` end by themselves once `finish` has closed their queues.
    `listeners` are started one after the other, before the driver, and `ready` is called when
    all of them listen; `sources` are the other tasks that feed the inbox.
    """

    links: Sequence[Service]
    alerts: Sequence[Task]
    records: Sequence[Task] = ()
    listeners: Sequence[Service]
    sources: Sequence[Task]
    ready: Callable[[], None]
    finish: Callable[[], None]


async def run(
    driver_args: DriverArgs, edges: Edges, stop: Service, grace_s: Seconds = GRACE_S
) -> None:
    """Run until `stop` returns, then end the inward tasks, the driver and the outward tasks.

    `stop` is started before anything feeds the node, so that no request to stop is missed.

    Raises the error that kept a listener from listening, or a bug in a task, in exception groups.
    """
    async with trio.open_nursery() as outward:
        for link in edges.links:
            await outward.start(link)
        for task in (*edges.alerts, *edges.records):
            outward.start_soon(task)
        await _drive_until_stop(driver_args, edges, stop)
        edges.finish()
        outward.cancel_scope.deadline = trio.current_time() + grace_s


async def _drive_until_stop(driver_args: DriverArgs, edges: Edges, stop: Service) -> None:
    """Drive the node until it has processed `Stop`.

    The driver starts once all listeners listen, so that a start that fails grants and writes
    nothing.
    """
    async with trio.open_nursery() as driving:
        async with trio.open_nursery() as inward:
            await inward.start(_cancel_at_stop, inward.cancel_scope, stop)
            for listener in edges.listeners:
                await inward.start(listener)
            driving.start_soon(
                drive,
                driver_args.node,
                driver_args.inbox,
                driver_args.handler,
                driver_args.view,
                driver_args.clock,
            )
            for source in edges.sources:
                inward.start_soon(source)
            edges.ready()
        await driver_args.inbox.post(Stop())


async def _cancel_at_stop(
    scope: trio.CancelScope, stop: Service, *, task_status: trio.TaskStatus[None]
) -> None:
    await stop(task_status=task_status)
    scope.cancel()

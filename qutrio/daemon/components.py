"""Builds a daemon from its components, the same way for real and for virtual time."""

import random
from collections.abc import Callable, Sequence
from functools import partial

import trio
from attrs import field, frozen

from qutrio.alerts.dispatcher import dispatch
from qutrio.alerts.senders import Senders
from qutrio.core.api.effects import Notify
from qutrio.core.api.view import View
from qutrio.core.node import Node
from qutrio.daemon.effect_handler import DEMANDS_MAX, JOBS_MAX, NodeEffectHandler, Watchdog
from qutrio.daemon.recorder import Recorder
from qutrio.daemon.run import DriverArgs, Edges, Service, Task, run
from qutrio.model.ids import CheckId
from qutrio.peers.enrollment_client import EnrollmentServer
from qutrio.peers.identity import PeerIdentity
from qutrio.peers.mesh import Mesh
from qutrio.peers.transport import Transport
from qutrio.plumbing.clock import Clock
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from qutrio.plumbing.log import Log
from qutrio.plumbing.outbox import Outboxes
from qutrio.probes.interface import Tools
from qutrio.probes.supervisor import supervise
from qutrio.storage.journal import JournalStore
from qutrio.storage.store import StableStore


@frozen
class NodePorts:
    """What other tasks need of the node: its inbox and its view."""

    inbox: Inbox
    view: Latest[View]


@frozen(kw_only=True)
class ExtraTasks:
    """The tasks that only a real daemon has, and what to call once all listeners listen.

    `records` end by themselves once `finish` was called.
    """

    listeners: Sequence[Service] = ()
    sources: Sequence[Task] = ()
    records: Sequence[Task] = ()
    ready: Callable[[], None] = lambda: None
    finish: Callable[[], None] = lambda: None


@frozen(kw_only=True)
class Components:
    """The components of a daemon.

    `boot` differs at every start, so that no answer to a request of an earlier start is
    delivered.  `store` is loaded already.
    """

    identity: PeerIdentity
    store: StableStore
    journal: JournalStore
    transport: Callable[[Latest[View]], Transport]
    clock: Clock
    senders: Senders
    tools: Tools
    log: Log
    rng: random.Random
    boot: str
    watchdog: Watchdog
    extra_tasks: Callable[[NodePorts], ExtraTasks] = field(default=lambda _: ExtraTasks())


async def run_node(parts: Components, stop: Service) -> None:
    """Run a node until `stop` returns; raises what `run` raises."""
    driver_args, edges = build(parts)
    await run(driver_args, edges, stop)


def build(parts: Components) -> tuple[DriverArgs, Edges]:
    """Return the arguments of the driver, and the tasks around it."""
    clock, log, rng = parts.clock, parts.log, parts.rng
    node = Node(parts.identity.node_id, parts.store.durable, now=clock.now(), rng=rng)
    ports = NodePorts(Inbox(parts.boot), Latest(node.view(clock.now())))
    inbox, view, outboxes = ports.inbox, ports.view, Outboxes()
    demand, demands = trio.open_memory_channel[tuple[CheckId, ...]](DEMANDS_MAX)
    job, jobs = trio.open_memory_channel[Notify](JOBS_MAX)
    recorder = Recorder(parts.journal, log)
    handler = NodeEffectHandler(
        store=parts.store,
        outboxes=outboxes,
        demands=demand,
        jobs=job,
        recorder=recorder,
        log=log,
        watchdog=parts.watchdog,
    )
    mesh = _mesh(parts, ports, outboxes)
    extra_tasks = parts.extra_tasks(ports)

    def finish() -> None:
        outboxes.close_all()
        job.close()
        recorder.close()
        extra_tasks.finish()

    edges = Edges(
        links=[mesh.keep_links],
        alerts=[partial(dispatch, jobs, view, inbox, clock, parts.senders, log)],
        records=[recorder.run, *extra_tasks.records],
        listeners=[mesh.listen, *extra_tasks.listeners],
        sources=[
            partial(supervise, view, inbox, demands, clock, parts.tools, log, rng),
            *extra_tasks.sources,
        ],
        ready=extra_tasks.ready,
        finish=finish,
    )
    return DriverArgs(node=node, inbox=inbox, view=view, handler=handler, clock=clock), edges


def _mesh(parts: Components, ports: NodePorts, outboxes: Outboxes) -> Mesh:
    inbox, view = ports.inbox, ports.view
    enrollment_server = EnrollmentServer(
        identity=parts.identity, view=view, inbox=inbox, clock=parts.clock
    )
    return Mesh(
        identity=parts.identity,
        transport=parts.transport(view),
        view=view,
        inbox=inbox,
        outboxes=outboxes,
        enrollment_server=enrollment_server,
        log=parts.log,
        rng=parts.rng,
    )

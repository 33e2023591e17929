"""Joins the rooms into one node: the same way for the real world and for a virtual one."""

import random
from collections.abc import Callable, Sequence
from functools import partial

import trio
from attrs import field, frozen

from qutrio.alerts.dispatcher import dispatch
from qutrio.alerts.senders import Senders
from qutrio.core.effects import Notify
from qutrio.core.node import Node
from qutrio.core.view import View
from qutrio.daemon.hands import DEMANDS_MAX, JOBS_MAX, EdgeHands, Watchdog
from qutrio.daemon.recorder import Recorder
from qutrio.daemon.run import Brain, Edges, Service, Task, run
from qutrio.model.ids import CheckId
from qutrio.peers.enrollment import EnrollmentDesk
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
class Pipes:
    """What another task needs to talk to the node: its ear, and its face."""

    inbox: Inbox
    view: Latest[View]


@frozen(kw_only=True)
class Rim:
    """The tasks that only the real world has, and what to do when all listeners listen.

    `records` end by themselves once `finish` was called.
    """

    listeners: Sequence[Service] = ()
    sources: Sequence[Task] = ()
    records: Sequence[Task] = ()
    ready: Callable[[], None] = lambda: None
    finish: Callable[[], None] = lambda: None


@frozen(kw_only=True)
class Parts:
    """What a node is made of.

    `boot` differs at every start, so that answers to a former life reach nobody.  `store` has
    been loaded.
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
    rim: Callable[[Pipes], Rim] = field(default=lambda _: Rim())


async def live(parts: Parts, stop: Service) -> None:
    """Be a node until `stop` returns; see `run` for what is raised."""
    brain, edges = assemble(parts)
    await run(brain, edges, stop)


def assemble(parts: Parts) -> tuple[Brain, Edges]:
    """Join the parts: the brain, and the tasks around it."""
    clock, log, rng = parts.clock, parts.log, parts.rng
    node = Node(parts.identity.node_id, parts.store.durable, now=clock.now(), rng=rng)
    pipes = Pipes(Inbox(parts.boot), Latest(node.view(clock.now())))
    inbox, view, outboxes = pipes.inbox, pipes.view, Outboxes()
    demand, demands = trio.open_memory_channel[tuple[CheckId, ...]](DEMANDS_MAX)
    job, jobs = trio.open_memory_channel[Notify](JOBS_MAX)
    recorder = Recorder(parts.journal, log)
    hands = EdgeHands(
        store=parts.store,
        outboxes=outboxes,
        demands=demand,
        jobs=job,
        recorder=recorder,
        log=log,
        watchdog=parts.watchdog,
    )
    mesh = _mesh(parts, pipes, outboxes)
    rim = parts.rim(pipes)

    def finish() -> None:
        outboxes.close_all()
        job.close()
        recorder.close()
        rim.finish()

    edges = Edges(
        links=[mesh.keep_links],
        alerts=[partial(dispatch, jobs, view, inbox, clock, parts.senders, log)],
        records=[recorder.run, *rim.records],
        listeners=[mesh.listen, *rim.listeners],
        sources=[
            partial(supervise, view, inbox, demands, clock, parts.tools, log, rng),
            *rim.sources,
        ],
        ready=rim.ready,
        finish=finish,
    )
    return Brain(node=node, inbox=inbox, view=view, hands=hands, clock=clock), edges


def _mesh(parts: Parts, pipes: Pipes, outboxes: Outboxes) -> Mesh:
    inbox, view = pipes.inbox, pipes.view
    desk = EnrollmentDesk(identity=parts.identity, view=view, inbox=inbox, clock=parts.clock)
    return Mesh(
        identity=parts.identity,
        transport=parts.transport(view),
        view=view,
        inbox=inbox,
        outboxes=outboxes,
        desk=desk,
        log=parts.log,
        rng=parts.rng,
    )

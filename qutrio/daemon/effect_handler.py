"""Performs the effects of a node: on its disk, links, probes, alert channels and log."""

from typing import Protocol

import trio
from attrs import frozen

from qutrio.codec.sentences import log_line
from qutrio.core.api.effects import Notify
from qutrio.core.api.facts import NodeFact
from qutrio.core.api.messages import Message
from qutrio.core.election.interface import RoleChange
from qutrio.daemon.recorder import Recorder
from qutrio.model.ids import CheckId, NodeId
from qutrio.model.journal import Entry
from qutrio.model.stable import Stable
from qutrio.plumbing.log import Log
from qutrio.plumbing.outbox import Outboxes
from qutrio.runtime.driver import role_change_details
from qutrio.storage.store import StableStore

DEMANDS_MAX = 256
JOBS_MAX = 1024


class Watchdog(Protocol):
    """The service manager, which restarts the daemon when it hangs."""

    def alive(self) -> None:
        """Record that the driver's loop runs."""
        ...


@frozen(kw_only=True)
class NodeEffectHandler:
    """Passes every effect to the edge that performs it; the node waits for the disk only.

    A demand for a probe is dropped when `demands` is full: the check is probed on schedule anyway.
    """

    store: StableStore
    outboxes: Outboxes
    demands: trio.MemorySendChannel[tuple[CheckId, ...]]
    jobs: trio.MemorySendChannel[Notify]
    recorder: Recorder
    log: Log
    watchdog: Watchdog

    @property
    def durable(self) -> Stable:
        """The state that the disk holds now."""
        return self.store.durable

    async def persist(self, stable: Stable) -> None:
        """Return once `stable` would survive a power loss; raises `StorageError`."""
        await self.store.persist(stable)

    def send(self, to: NodeId, message: Message) -> None:
        """Queue the message, or drop it."""
        self.outboxes.send(to, message)

    def probe(self, checks: tuple[CheckId, ...]) -> None:
        """Ask for these probes now, unless the queue is full or the supervisor has stopped."""
        try:
            self.demands.send_nowait(checks)
        except (trio.WouldBlock, trio.BrokenResourceError):
            return

    def notify(self, job: Notify) -> bool:
        """Queue an attempt to deliver; return False when there is no room for it."""
        try:
            self.jobs.send_nowait(job)
        except (trio.WouldBlock, trio.BrokenResourceError):
            return False
        return True

    def log_fact(self, fact: NodeFact) -> None:
        """Log a fact."""
        what, details = log_line(fact)
        self.log(what, **details)

    def log_role_change(self, change: RoleChange) -> None:
        """Log the engine's change of role."""
        self.log("role", **role_change_details(change))

    def journal(self, entry: Entry) -> None:
        """Queue a line for the journal of incidents, or drop it."""
        self.recorder.put(entry)

    def notify_watchdog(self) -> None:
        """Tell the watchdog that the driver's loop runs."""
        self.watchdog.alive()

"""The real hands of a node: its disk, its links, its probes, its alert channels, its log."""

from typing import Protocol

import trio
from attrs import frozen

from qutrio.codec.sentences import log_line
from qutrio.core.api.effects import Notify
from qutrio.core.api.facts import NodeFact
from qutrio.core.api.messages import Message
from qutrio.core.election.interface import Turn
from qutrio.daemon.recorder import Recorder
from qutrio.model.ids import CheckId, NodeId
from qutrio.model.journal import Entry
from qutrio.model.stable import Stable
from qutrio.plumbing.log import Log
from qutrio.plumbing.outbox import Outboxes
from qutrio.runtime.driver import turn_details
from qutrio.storage.store import StableStore

DEMANDS_MAX = 256
JOBS_MAX = 1024


class Watchdog(Protocol):
    """Whoever starts the daemon again when it hangs."""

    def alive(self) -> None:
        """Take note that the loop turns."""
        ...


@frozen(kw_only=True)
class NodeEffectHandler:
    """Passes every effect to the edge that does it; none of them makes the node wait but the disk.

    A demand for a probe that finds `demands` full is dropped: the check's own turn will come.
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
        """What the disk holds now."""
        return self.store.durable

    async def persist(self, stable: Stable) -> None:
        """Return once it would survive a power cut; raises `StorageError`."""
        await self.store.persist(stable)

    def send(self, to: NodeId, message: Message) -> None:
        """Queue or drop."""
        self.outboxes.send(to, message)

    def probe(self, checks: tuple[CheckId, ...]) -> None:
        """Ask for these probes now, if there is room and anybody who probes."""
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
        """Write a fact to the log."""
        what, details = log_line(fact)
        self.log(what, **details)

    def log_turn(self, turn: Turn) -> None:
        """Write the engine's change of role to the log."""
        self.log("role", **turn_details(turn))

    def journal(self, entry: Entry) -> None:
        """Queue a line for the journal of incidents, or lose it."""
        self.recorder.take(entry)

    def notify_watchdog(self) -> None:
        """Tell the watchdog that the loop turns."""
        self.watchdog.alive()

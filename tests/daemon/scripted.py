"""A scripted node and a recording effect handler, for tests of the driver."""

from collections.abc import Callable, Sequence

import trio
from attrs import Factory, define

from qutrio.core.api.effects import Effect, Notify
from qutrio.core.api.events import Event
from qutrio.core.api.facts import NodeFact, NodeStarted
from qutrio.core.api.messages import Message
from qutrio.core.api.view import Status, View
from qutrio.core.election.interface import RoleChange
from qutrio.errors import StorageError
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import (
    ChannelId,
    CheckId,
    Fingerprint,
    IncidentId,
    Instant,
    NodeId,
    NoticeId,
    Revision,
    Term,
    UnixTime,
)
from qutrio.model.incidents import Delivery, Ledger, Notice, NoticeKind
from qutrio.model.journal import Entry
from qutrio.model.members import Member
from qutrio.model.stable import Position, Promise, Record, Stable

ME, PEER = NodeId("n1"), NodeId("n2")


def stable(revision: int = 1) -> Stable:
    """Return the stable state of a one-node cluster at a revision."""
    member = Member(
        id=ME, name="one", address="127.0.0.1:9901", fingerprint=Fingerprint("f"), certificate="c"
    )
    document = ClusterDocument(cluster_id="c", revision=Revision(revision), members=(member,))
    record = Record(Position(), document, Ledger())
    return Stable(Promise(), record, record)


def delivery() -> Delivery:
    """Return a notice that waits for one channel."""
    notice = Notice(
        id=NoticeId("x1"),
        kind=NoticeKind.DOWN,
        incident=IncidentId("i1"),
        check=CheckId("k1"),
        check_name="web",
        target="127.0.0.1:80",
        term=Term(1),
        sequence=1,
        since_unix=UnixTime(0.0),
        at_unix=UnixTime(0.0),
    )
    return Delivery(notice=notice, channel=ChannelId("c1"))


def status() -> Status:
    """Return the status of the one node."""
    held = stable().committed
    return Status(
        node=ME,
        name="one",
        engine="lowest-id",
        term=Term(1),
        master=ME,
        acting=True,
        holds_quorum=True,
        have=1,
        need=1,
        revision=held.document.revision,
        position=held.position,
        document=held.document,
        ledger=held.ledger,
        stale=False,
        removed=False,
        hopeless="",
        last=NodeStarted(),
        members=(),
        checks=(),
    )


@define
class ScriptedNode:
    """A node that returns what `react` says, and records its events."""

    react: Callable[[Event], Sequence[Effect]]
    deadline: Instant = Instant(float("inf"))
    tick_every_s: float = float("inf")
    lived: list[tuple[float, Event]] = Factory(list)
    revision: int = 1

    def step(self, event: Event, now: Instant, wall: UnixTime) -> Sequence[Effect]:
        """Record the event, and return the scripted effects."""
        del wall
        self.lived.append((now, event))
        if now >= self.deadline:
            self.deadline = Instant(now + self.tick_every_s)
        return self.react(event)

    def view(self, now: Instant) -> View:
        """Show the revision."""
        del now
        return View(
            node=ME,
            document=stable(self.revision).committed.document,
            position=Position(),
            term=Term(1),
            master=ME,
            acting_until=None,
            live=frozenset({ME}),
            removed=False,
        )


@define
class EffectRecorder:
    """An effect handler that records what it was asked to do."""

    entries: list[str] = Factory(list)
    durable: Stable = Factory(stable)
    disk_fails: bool = False
    persist_s: float = 0.0
    jobs_taken: bool = True
    alive_at: list[float] = Factory(list)

    async def persist(self, stable: Stable) -> None:
        """Take some time, or fail."""
        await trio.sleep(self.persist_s)
        if self.disk_fails:
            self.entries.append("disk failed")
            raise StorageError("no space left on the device")
        self.durable = stable
        self.entries.append("persisted")

    def send(self, to: NodeId, message: Message) -> None:
        """Record it."""
        self.entries.append(f"sent {type(message).__name__} to {to}")

    def probe(self, checks: tuple[CheckId, ...]) -> None:
        """Record it."""
        self.entries.append(f"probe {','.join(checks)}")

    def notify(self, job: Notify) -> bool:
        """Record it."""
        self.entries.append(f"notify {job.delivery.notice.id}")
        return self.jobs_taken

    def log_fact(self, fact: NodeFact) -> None:
        """Record it."""
        self.entries.append(f"note {fact}")

    def log_role_change(self, change: RoleChange) -> None:
        """Record it."""
        self.entries.append(f"reported {change.after.value}")

    def journal(self, entry: Entry) -> None:
        """Record it."""
        self.entries.append(f"journal {entry.fact}")

    def notify_watchdog(self) -> None:
        """Record the time."""
        self.alive_at.append(trio.current_time())

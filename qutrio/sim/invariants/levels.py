"""The feature level: invariant 12.

The committed level never falls, and rises only after every member's machine has run a program
that knows the new level.  What needs a level is neither in a record of a lower level nor in a
message to a machine whose program does not know it.
"""

from attrs import define, evolve, field

from qutrio.core.api.messages import Fetched, Message, Write
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import NodeId, Revision, Seconds
from qutrio.model.levels import LEVEL, LEVEL_UNSAID, needed
from qutrio.model.stable import Record
from qutrio.sim.host import Host
from qutrio.sim.invariants.error import broken


@define
class Levels:
    """The level that each machine has run, and the revision in which each level was committed."""

    _ran: dict[NodeId, int] = field(factory=dict)
    _risen: dict[int, Revision] = field(factory=dict)
    _seen: dict[NodeId, Record] = field(factory=dict)

    def booted(self, host: Host) -> None:
        """Record the program that a machine starts."""
        self._ran[host.name] = max(host.level, self._ran.get(host.name, LEVEL_UNSAID))

    def stepped(self, host: Host, true: Seconds) -> None:
        """Check the records that a node accepted or writes."""
        assert host.node is not None
        register = host.node.register
        record = register.accepted
        if self._seen.get(host.name) is record:
            return
        self._seen[host.name] = record
        self._check_contents(record, true)
        level = record.document.level
        if register.flight is not None and level > register.committed.document.level:
            lacking = [m for m in sorted(record.document.ids) if self._ran.get(m, 0) < level]
            if lacking:
                raise broken(12, true, f"the level rises to {level} and {lacking} never ran it")

    def follow(self, document: ClusterDocument, true: Seconds) -> None:
        """Check a document that a node calls committed."""
        revision, level = document.revision, document.level
        for risen, begun in self._risen.items():
            if revision >= begun and level < risen:
                raise broken(
                    12, true, f"revision {revision} has level {level}, {begun} has {risen}"
                )
        self._risen[level] = min(revision, self._risen.get(level, revision))

    def on_receive(self, host: Host, message: Message, true: Seconds) -> None:
        """Check a message that arrives; records are checked where they are accepted."""
        if host.node is None or isinstance(message, Write | Fetched):
            return
        level = needed(message)
        if level > host.node.leadership.announcements.mine:
            kind = type(message).__name__
            raise broken(12, true, f"{host.name} hears a {kind} that needs level {level}")

    def _check_contents(self, record: Record, true: Seconds) -> None:
        document = record.document
        if document.level >= LEVEL:
            return
        level = needed((record.ledger, evolve(document, level=LEVEL_UNSAID)))
        if level > document.level:
            what = f"what is written at {record.position} needs level {level}"
            raise broken(12, true, f"{what}, and the document has {document.level}")

"""The state that a node must remember across restarts: promise, records and hard state."""

from qutrio.model.document import ClusterDocument
from qutrio.model.frozen import frozen
from qutrio.model.ids import NodeId, Term
from qutrio.model.incidents import Ledger


@frozen
class Position:
    """The place of a record in the history of the cluster, ordered by term, then by number.

    Only one node holds a term, and it numbers its writes, so a position names one record forever.
    """

    term: Term = Term(0)
    number: int = 0

    def __lt__(self, other: "Position") -> bool:
        """Return True if this one is earlier.  Written out because the order of attrs is slow."""
        return (self.term, self.number) < (other.term, other.number)

    def __le__(self, other: "Position") -> bool:
        """Return True if this one is not later."""
        return (self.term, self.number) <= (other.term, other.number)

    def __gt__(self, other: "Position") -> bool:
        """Return True if this one is later."""
        return (self.term, self.number) > (other.term, other.number)

    def __ge__(self, other: "Position") -> bool:
        """Return True if this one is not earlier."""
        return (self.term, self.number) >= (other.term, other.number)


@frozen
class Promise:
    """The highest term that this node granted, and the candidate (`holder`)."""

    term: Term = Term(0)
    holder: NodeId | None = None


@frozen
class HardState:
    """What an election engine must remember: its term, and its vote in that term."""

    term: Term = Term(0)
    vote: NodeId | None = None


NO_HARD_STATE = HardState()
"""The hard state of engines that remember nothing."""


@frozen
class Record:
    """One value of the register: the document and the ledger at one position."""

    position: Position
    document: ClusterDocument
    ledger: Ledger


@frozen
class Stable:
    """All durable state, which is written as one unit.

    `committed` is the newest record that this node knows to be accepted by a majority; `accepted`
    is the newest that this node accepted, which may be newer and may never be committed.
    """

    promise: Promise
    accepted: Record
    committed: Record
    hard_state: HardState = NO_HARD_STATE

    def caught_up(self, committed: Record) -> "Stable":
        """Return this state after learning that `committed` is committed; the promise stays."""
        newer = max(self.committed, committed, key=lambda record: record.position)
        accepted = max(self.accepted, newer, key=lambda record: record.position)
        return Stable(self.promise, accepted=accepted, committed=newer, hard_state=self.hard_state)

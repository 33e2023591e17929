"""What a node must not forget across a restart: its promise and its register."""

from qutrio.model.document import ClusterDocument
from qutrio.model.frozen import frozen
from qutrio.model.ids import NodeId, Term
from qutrio.model.incidents import Ledger


@frozen
class Position:
    """The place of a write in the cluster's history.  Ordered by term, then by number.

    One node holds a term, and numbers its writes, so a position names one value for ever.
    """

    term: Term = Term(0)
    number: int = 0

    def __lt__(self, other: "Position") -> bool:
        """Tell whether this one is earlier.  Written out: attrs' own order is slow."""
        return (self.term, self.number) < (other.term, other.number)

    def __le__(self, other: "Position") -> bool:
        """Tell whether this one is not later."""
        return (self.term, self.number) <= (other.term, other.number)

    def __gt__(self, other: "Position") -> bool:
        """Tell whether this one is later."""
        return (self.term, self.number) > (other.term, other.number)

    def __ge__(self, other: "Position") -> bool:
        """Tell whether this one is not earlier."""
        return (self.term, self.number) >= (other.term, other.number)


@frozen
class Promise:
    """The highest term this node ever endorsed, and for whom."""

    term: Term = Term(0)
    holder: NodeId | None = None


@frozen
class HardState:
    """What an election engine must not forget: its term, and whom it voted for in it."""

    term: Term = Term(0)
    vote: NodeId | None = None


NO_HARD_STATE = HardState()
"""Of engines that remember nothing."""


@frozen
class Record:
    """One value of the register: the document, the ledger, and the write that put them there."""

    position: Position
    document: ClusterDocument
    ledger: Ledger


@frozen
class Stable:
    """All that is made durable, as one unit.

    `committed` is the newest record this node knows to be held by a majority; `accepted` is
    the newest it acknowledged, which may be newer and may yet be lost.
    """

    promise: Promise
    accepted: Record
    committed: Record
    hard_state: HardState = NO_HARD_STATE

    def caught_up(self, committed: Record) -> "Stable":
        """Return this after learning that a majority holds `committed`; promises stay."""
        newer = max(self.committed, committed, key=lambda record: record.position)
        accepted = max(self.accepted, newer, key=lambda record: record.position)
        return Stable(self.promise, accepted=accepted, committed=newer, hard_state=self.hard_state)

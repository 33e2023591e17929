"""What a node must not forget across a restart: its promise and its register."""

from attrs import frozen

from qutrio.model.document import ClusterDocument
from qutrio.model.ids import NodeId, Term
from qutrio.model.incidents import Ledger


@frozen(order=True)
class Position:
    """The place of a write in the cluster's history.  Ordered by term, then by number.

    One node holds a term, and numbers its writes, so a position names one value for ever.
    """

    term: Term = Term(0)
    number: int = 0


@frozen
class Promise:
    """The highest term this node ever endorsed, and for whom."""

    term: Term = Term(0)
    holder: NodeId | None = None


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

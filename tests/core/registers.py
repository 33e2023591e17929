"""Registers in the states that tests begin with, and the messages about them."""

from qutrio.core.effects import Effect
from qutrio.core.messages import Write, Wrote
from qutrio.core.mutations import Mutation, PutCheck
from qutrio.core.replication import Proposal, Replication
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import CheckId, NodeId, RequestId, Term
from qutrio.model.incidents import Ledger
from qutrio.model.stable import Position
from tests.core.samples import WALL, A, B, C, at, check, document, register

THREE = document(A, B, C)
NEWER = document(A, B, C, checks=[check()], revision=2, term=1)
LEDGER = Ledger(sequence=7)


def write(
    position: Position,
    held: ClusterDocument = NEWER,
    *,
    whole: bool = True,
    ledger: Ledger = LEDGER,
) -> Write:
    return Write(
        position=position,
        stamp=(held.term, held.revision),
        ledger=ledger,
        document=held if whole else None,
    )


def wrote(position: Position, *, accepted: bool = True, lacks: bool = False) -> Wrote:
    return Wrote(
        position=position, accepted=accepted, lacks_document=lacks, heard_term=position.term
    )


def put(name: str) -> PutCheck:
    return PutCheck(check=check(CheckId(name)))


def proposal(mutation: Mutation, request: str = "r1", node: NodeId = A) -> Proposal:
    return Proposal(mutation, (node, RequestId(request)))


def established(me: NodeId = A, held: ClusterDocument = THREE, term: int = 1) -> Replication:
    """A register that a majority let write in `term`."""
    holder = register(me, held)
    holder.establish(Term(term), None, at(0))
    accept(holder, *held.voters)
    holder.settle()
    return holder


def accept(holder: Replication, *peers: NodeId) -> None:
    """Have these peers accept the write in flight, which gives it its majority."""
    assert holder.flight is not None
    position = holder.flight.record.position
    for peer in peers:
        holder.on_wrote(peer, wrote(position), at(0))
    assert holder.settled()


def pump(holder: Replication, ledger: Ledger | None = None, now: float = 0.0) -> list[Effect]:
    return holder.pump(ledger or holder.accepted.ledger, at(now), WALL)

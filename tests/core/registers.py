"""Registers in the states that tests begin with, and the messages about them."""

from qutrio.core.api.effects import Effect
from qutrio.core.api.messages import ItemWrite, Wrote
from qutrio.core.api.mutations import Mutation, PutCheck
from qutrio.core.consensus.register import Proposal, Register
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
) -> ItemWrite:
    return ItemWrite(
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


def proposal(mutation: Mutation, request: str = "r1", node: NodeId = B) -> Proposal:
    return Proposal(mutation, (node, RequestId(request)))


def established(me: NodeId = A, held: ClusterDocument = THREE, term: int = 1) -> Register:
    """A register that a majority established in `term`."""
    master = register(me, held)
    master.establish(Term(term), None, at(0))
    accept(master, *held.voters)
    master.mark_committed()
    return master


def accept(master: Register, *peers: NodeId) -> None:
    """Let these peers accept the write in flight, so that it gets its majority."""
    assert master.flight is not None
    position = master.flight.record.position
    for peer in peers:
        master.on_wrote(peer, wrote(position), at(0))
    assert master.write_has_majority()


def pump(master: Register, ledger: Ledger | None = None, now: float = 0.0) -> list[Effect]:
    return master.write_next(ledger or master.accepted.ledger, at(now), WALL)

"""Faults in how far one member is trusted: records, removals, numbers."""

from qutrio.sim.options import HOSTILE_MEMBER
from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="one member alone makes a record committed",
        why="one key could pass off a document of its own",
        edits=(Edit("WITNESSES", "WITNESSES = 2", "WITNESSES = 1"),),
        caught_by=("3", "4", "5"),
        sizes=(4, 5),
        faulty_s=30.0,
        faults=HOSTILE_MEMBER,
    ),
    Mutant(
        name="one member alone removes another",
        why="one key could make all others leave",
        edits=(
            Edit(
                "RemovalConfirmation.believed", "if sender == holder:", "if sender in document.ids:"
            ),
        ),
        caught_by=("9",),
        sizes=(4, 5),
        faulty_s=30.0,
        faults=HOSTILE_MEMBER,
    ),
    Mutant(
        name="numbers far away are accepted",
        why="one message could use up all terms",
        edits=(
            Edit(
                "MessageRouter.within_bounds",
                "if reach.covers(numbers):",
                "if numbers is not None:",
            ),
            Edit("nearer", "return Term(min(term, known + TERM_JUMP_MAX))", "return term"),
        ),
        caught_by=("11",),
        sizes=(4, 5),
        faulty_s=30.0,
        faults=HOSTILE_MEMBER,
    ),
)

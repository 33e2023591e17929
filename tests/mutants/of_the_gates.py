"""Faults in the gates that the edges of a daemon and the simulator share."""

from tests.mutants.mutant import Edit, Mutant

IN_DELIVERY = ("tests/core/test_delivery.py",)
IN_ENROLLMENT = ("tests/core/test_admission.py",)
IN_EXPULSION = ("tests/core/test_removal.py",)

MUTANTS = (
    Mutant(
        name="notifies though its lease has ended",
        why="a node that slept sends what its successor sent, or found to be over",
        edits=(
            Edit(
                "too_late",
                "if until is not None and now < until and (minority",
                "if until is not None and (minority",
            ),
        ),
        tests=IN_DELIVERY,
    ),
    Mutant(
        name="notifies though another node did",
        why="people get a notice twice, or of what is over",
        edits=(Edit("too_late", "order.delivery.key not in ledger.waiting", "ledger is None"),),
        tests=IN_DELIVERY,
    ),
    Mutant(
        name="removed by a message older than its own joining",
        why="a member that lags behind makes a new one leave",
        edits=(
            Edit(
                "says_removed",
                "return not belongs and revision >= document.revision",
                "return not belongs",
            ),
        ),
        tests=IN_EXPULSION,
    ),
    Mutant(
        name="welcomes a node that waits for approval",
        why="any holder of a token would get the document without an operator's approval",
        edits=(
            Edit(
                "admission",
                "else Admission.WAITING",
                "else Admission.ADMITTED",
            ),
        ),
        tests=IN_ENROLLMENT,
    ),
    Mutant(
        name="a program that is too old may belong",
        why="it would lose or misread what the others write",
        edits=(Edit("can_belong", "return level >= document.level", "return level > 0"),),
        tests=IN_ENROLLMENT,
    ),
)

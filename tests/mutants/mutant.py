"""Mutants: deliberate faults as text replacements, and what must catch them."""

from attrs import frozen

from qutrio.model.ids import Seconds
from qutrio.sim.options import Faults


@frozen
class Edit:
    """One replacement: `old` occurs exactly once in the definition of `target`.

    `target` names a function, method (`Class.method`), class or constant, wherever it is defined.
    If two modules define it, the name begins with as much of the module's name as distinguishes
    them: `module.function`.
    """

    target: str
    old: str
    new: str


@frozen(kw_only=True)
class Mutant:
    """A deliberate fault, and the invariant that it must break.

    A fault has several edits if the program has a second line of defence.  `caught_by` lists
    invariants, one of which must be the first to break; "crash" is an assertion or another
    exception in the program itself.  One of the seeds from 1 to `within` must break; `sizes` are
    the numbers of nodes, taken in turn.  Without `faults` each seed draws its own, as in an
    ordinary run.  `engine` is the initial engine.

    Faults that no schedule reveals in few seeds are caught by `tests`, of which one must fail:
    each is an argument to pytest, and `caught_by` is then "test".
    """

    name: str
    why: str
    edits: tuple[Edit, ...]
    caught_by: tuple[str, ...] = ("test",)
    tests: tuple[str, ...] = ()
    within: int = 50
    sizes: tuple[int, ...] = (3,)
    faulty_s: Seconds = 120.0
    healing_s: Seconds = 420.0
    faults: Faults | None = None
    engine: str = "lowest-id"

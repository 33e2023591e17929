"""What a deliberate fault is: an exact replacement, and what must be said to it."""

from attrs import frozen

from qutrio.model.ids import Seconds
from qutrio.sim.options import Faults


@frozen
class Edit:
    """One replacement: `old` occurs exactly once in the definition of `target`.

    That is the name of a function, method (`Class.method`), class or constant of a module, which
    is found wherever it is defined.  Where two modules define the name, it begins with as much
    of the module's name as tells them apart: `module.function`.
    """

    target: str
    old: str
    new: str


@frozen(kw_only=True)
class Mutant:
    """One way to get the program wrong, and the promise that must be seen to break.

    Several edits make one fault where the program has a second line of defence.  `caught_by`
    names the invariants of which one must be the first to break; "crash" is an assertion or
    another exception in the program itself.  `within` is the number of seeds, counted from 1,
    of which one must break; `sizes` are the numbers of nodes, taken in turn.
    Without `faults` each seed draws its own, as in an ordinary run.  `engine` elects at first.

    What no schedule of faults brings about in few seeds is caught by `tests` instead, of which
    one must fail: each is an argument to pytest, and `caught_by` is then "test".
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

"""The twelve invariants, which must hold after every event of every schedule.

1. At most one node acts at any instant of true time, including programs that rely on its lease.
2. No two nodes ever act in one term; the term that a node reports never falls, even across
   restarts.  No node votes twice in one term of raft, and no term elects two leaders.
3. An acknowledged change is on the disks of a majority, is in its revision and in all later ones,
   and every later request sees it.
4. No two nodes ever hold different committed documents under one revision.
5. A refused change never takes effect; one with an unknown outcome does so at most once.
6. Only members count; a removed node affects nothing once its removal is committed.
7. A DOWN is announced only if a majority of the voters voted and most votes were fails, in two
   rounds of real probes.
8. A page reaches its channel at least once, never after the page of its recovery, and exactly
   once if nothing went wrong between sending and marking.
9. Within a bounded time after the last fault all is well, by the rules of the engine.
10. A lower id that returns waits for the whole cooldown, as counted by the master; the role moves
    once, and stays where an operator put it.
11. No queue, map or file grows without bound, and no term grows faster than elections raise it.
12. The feature level never falls, and no feature is used before every member announced its level.

`docs/internals.md` gives the reason for each, and says how it is checked.
"""

from qutrio.sim.invariants.error import InvariantError
from qutrio.sim.invariants.judge import Invariants

__all__ = ["InvariantError", "Invariants"]

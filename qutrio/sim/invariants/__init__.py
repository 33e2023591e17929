"""What must hold after every event of every schedule: the twelve invariants.

1. At most one node acts at any instant of true time, programs that rely on its mandate included.
2. No two nodes ever act in one term; the term a node reports never falls, also across restarts.
   No node votes twice in a term of raft, and none elects two leaders.
3. An acknowledged change is on the disks of a majority, is in its revision and in what descends
   from it, and whoever asks later sees it.
4. No two nodes ever hold different committed documents under one revision.
5. A change that was refused never takes effect; one whose fate is unknown does at most once.
6. Only members count; a removed node affects nothing from the commit of its removal on.
7. A DOWN is announced only when a majority of the voters voted, most of the votes were fails,
   and all that in two rounds of real probes.
8. A page reaches its channel at least once, never after that of its recovery, and exactly once
   when nothing happened between sending and marking.
9. Within a bounded time after the last fault all is well, by the rule of the engine.
10. A lower id that returns waits the whole cooldown as the incumbent counts it; the role moves
    once, and stays where it was put by hand.
11. No queue, map or file grows without bound, and no term further than elections lead.
12. The feature level never falls, and nothing is used before every member announced its level.

`docs/internals.md` gives the reason for each, and says how it is checked.
"""

from qutrio.sim.invariants.error import InvariantError
from qutrio.sim.invariants.judge import Invariants

__all__ = ["InvariantError", "Invariants"]

"""Faults in what is on the disk when a node speaks, and what it says when the disk refuses."""

from tests.mutants.fault_mixes import DISKS, POWER
from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="answer before fsync",
        why="a node that dies, or whose disk refuses, said what it then does not know",
        edits=(Edit("Node.step", "return persist + effects", "return effects + persist"),),
        caught_by=("1", "2", "3", "4"),
        sizes=(2, 3),
        faults=DISKS,
    ),
    Mutant(
        name="promise not written down",
        why="a restarted voter gives one term to two nodes",
        edits=(Edit("Disk.save", "stable.promise == saved.promise and ", ""),),
        caught_by=("2",),
    ),
    Mutant(
        name="refused write ignored",
        why="the node goes on as if its promise were on the disk",
        edits=(
            Edit(
                "Node._on_persist_failed",
                "        self.leadership.lease.promise = durable.promise\n",
                "",
            ),
            Edit(
                "Node._on_persist_failed",
                "        self.register.roll_back(durable.accepted, durable.committed)\n",
                "",
            ),
            Edit("Disk.record_refusal", "        self._saved = durable\n", ""),
        ),
        caught_by=("2", "3"),
    ),
    Mutant(
        name="file not flushed",
        why="after a power loss the name leads to a part of the content",
        edits=(Edit("replacement", "        Flush(temporary),\n", ""),),
        caught_by=("2", "3"),
        faults=POWER,
    ),
    Mutant(
        name="folder not flushed",
        why="after a power loss the old name leads to the old content, or to none",
        edits=(Edit("replacement", "        FlushFolder(),\n", ""),),
        caught_by=("2", "3"),
        faults=POWER,
    ),
    Mutant(
        name="state written before its documents",
        why="a crash in between leaves a state that refers to a document which is not there",
        edits=(
            Edit(
                "saving",
                "    steps += replacement(STATE_NAME, state)\n",
                "    steps = [*replacement(STATE_NAME, state), *steps]\n",
            ),
        ),
        caught_by=("2", "3"),
        faults=POWER,
    ),
    Mutant(
        name="yes told though the disk refused",
        why="what the caller heard of is on no disk",
        edits=(
            Edit(
                "honest_answers",
                "answers.append(evolve(effect, ruling=Ruling.UNKNOWN, reason=reason))",
                "answers.append(effect)",
            ),
        ),
        caught_by=("3", "5"),
        sizes=(1,),
    ),
)

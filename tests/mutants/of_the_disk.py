"""Faults in what is on the disk when a node sends, and in its answers when the disk refuses."""

from tests.mutants.fault_mixes import DISKS, POWER
from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="answer before fsync",
        why="a node that crashes, or whose disk refuses, forgets what it has sent",
        edits=(Edit("Node.step", "return persist + effects", "return effects + persist"),),
        caught_by=("1", "2", "3", "4"),
        sizes=(2, 3),
        faults=DISKS,
    ),
    Mutant(
        name="promise not written",
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
        why="after a power loss the name refers to a part of the content",
        edits=(Edit("replacement", "        Flush(temporary),\n", ""),),
        caught_by=("2", "3"),
        faults=POWER,
    ),
    Mutant(
        name="folder not flushed",
        why="after a power loss the name refers to the old content, or to none",
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
        name="yes answered though the disk refused",
        why="no disk has the change that was confirmed to the caller",
        edits=(
            Edit(
                "replies_after_failure",
                "answers.append(evolve(effect, ruling=Ruling.UNKNOWN, reason=reason))",
                "answers.append(effect)",
            ),
        ),
        caught_by=("3", "5"),
        sizes=(1,),
    ),
)

"""Faults in the feature level: when it rises, and that it stays."""

from tests.mutants.fault_mixes import PROGRAMS
from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="level raised for those that were heard",
        why="a member that is away comes back as a program that understands nothing",
        edits=(
            Edit(
                "Announcements.common",
                "return min(self.of(member) or 0 for member in document.ids)",
                "return min(self.of(member) or self.mine for member in document.ids)",
            ),
        ),
        caught_by=("12",),
        faults=PROGRAMS,
    ),
    Mutant(
        name="level falls with a member that was downgraded",
        why="what was written at a level cannot be read below it",
        edits=(
            Edit("rise", "if common <= document.level:", "if common == document.level:"),
            Edit("RaiseLevel.apply", "level=max(self.level, document.level)", "level=self.level"),
            Edit(
                "follows",
                "return committed.level <= document.level <= max(known, committed.level)",
                "return document.level <= max(known, committed.level)",
            ),
        ),
        caught_by=("12",),
        faults=PROGRAMS,
    ),
)

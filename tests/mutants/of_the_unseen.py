"""Faults in the notices of unseen checks."""

from tests.mutants.fault_mixes import UNSEEN
from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="blind time begins anew with each master",
        why="while the role moves now and then, unseen checks are never reported",
        edits=(
            Edit(
                "UnseenTracker._if_due",
                "left_s -= entry.noted_s if age_s is None else age_s",
                "left_s -= min(inputs.now - self._since, age_s or 0.0)",
            ),
        ),
        caught_by=("8",),
        faulty_s=200.0,
        faults=UNSEEN,
    ),
    Mutant(
        name="every check without a verdict reported by itself",
        why="a dead resolver sends a page for each of a thousand checks",
        edits=(
            Edit(
                "UnseenTracker._cover",
                "group = draft.unseen.get((channel_id, why))",
                "group = None",
            ),
        ),
        caught_by=("8",),
        faulty_s=200.0,
        faults=UNSEEN,
    ),
    Mutant(
        name="end of unseen never told",
        why="people wait for ever for a word that somebody watches again",
        edits=(Edit("UnseenTracker.update", "        _add_end_notices(draft, inputs)\n", ""),),
        caught_by=("8",),
        faulty_s=200.0,
        faults=UNSEEN,
    ),
)

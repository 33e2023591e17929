"""The simulator and the tests catch deliberate faults.

These tests check that every edit still applies, and that a few quick faults are caught.  `nox -s
mutants` checks all of them.
"""

import pytest
from attrs import evolve

from tests.mutants.catalogue import EVERY
from tests.mutants.mutant import Edit, Mutant
from tests.mutants.running import RottenError, hunt, mutated
from tests.mutants.targets import everywhere

QUICK = ("commit without a majority", "no cooldown", "one round is enough")
HARMLESS = Mutant(
    name="harmless",
    why="a docstring decides nothing",
    edits=(Edit("majority", "Return the smallest", "Return the least"),),
    caught_by=("1",),
    within=2,
    faulty_s=20.0,
)


@pytest.mark.parametrize("mutant", EVERY, ids=lambda mutant: mutant.name)
def test_a_fault_is_still_where_its_text_says_and_compiles(mutant: Mutant) -> None:
    for file, source in mutated(mutant).items():
        compile(source, file, "exec")


def test_there_are_enough_faults_and_each_has_a_name_of_its_own() -> None:
    assert len(EVERY) >= 18
    assert len({mutant.name for mutant in EVERY}) == len(EVERY)


@pytest.mark.parametrize("name", QUICK)
def test_a_quick_fault_is_caught_and_the_program_without_it_is_not(name: str) -> None:
    (mutant,) = (m for m in EVERY if m.name == name)
    end = hunt(mutant)
    assert end.failure is None


def test_what_is_no_fault_is_not_caught() -> None:
    end = hunt(HARMLESS)
    assert end.found is None
    assert end.failure == "none of 2 seeds broke"


def test_a_break_of_another_promise_than_expected_does_not_count() -> None:
    (mutant,) = (m for m in EVERY if m.name == QUICK[0])
    end = hunt(evolve(mutant, caught_by=("11",)))
    assert end.failure is not None
    assert end.failure.startswith("expected one of")


@pytest.mark.parametrize("old", ["nowhere to be found", "voters"])
def test_a_fault_whose_text_is_not_there_exactly_once_is_reported(old: str) -> None:
    with pytest.raises(
        RottenError, match=r"harmless: majority in core/quorum/majorities\.py .* times, not once"
    ):
        mutated(evolve(HARMLESS, edits=(Edit("majority", old, ""),)))


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("Majorities.nobody", "harmless: nothing in the package is named Majorities.nobody"),
        ("Heartbeat", "harmless: Heartbeat is in .*, .*; put the module's name before it"),
    ],
)
def test_a_fault_whose_target_is_missing_or_ambiguous_is_reported(
    target: str, problem: str
) -> None:
    with pytest.raises(RottenError, match=problem):
        mutated(evolve(HARMLESS, edits=(Edit(target, "x", ""),)))


def test_a_target_may_begin_with_its_module_and_may_be_a_method_or_a_constant() -> None:
    assert everywhere("graft_frames.Heartbeat") == everywhere("election.graft_frames.Heartbeat")
    assert [place.file for place in everywhere("core.quorum.majorities.majority")] == [
        "core/quorum/majorities.py"
    ]
    assert len(everywhere("Lease.grant")) == 1
    assert len(everywhere("DRIFT_MARGIN")) == 1


def test_only_the_target_is_changed_and_the_second_edit_sees_the_first() -> None:
    edits = (
        Edit("majority", "assert voters >= 0\n", "assert voters >= 0\n    del voters\n"),
        Edit("holds_quorum", "bool(voters) and", "bool(present) and"),
    )
    (source,) = mutated(evolve(HARMLESS, edits=edits)).values()
    assert source.count("del voters") == source.count("bool(present) and") == 1

"""A save on a disk that loses data leaves the old state or the new one."""

import errno
import os
import re

import pytest

from qutrio.errors import InvalidDocumentError
from qutrio.model.ids import Revision, Term
from qutrio.model.incidents import Ledger
from qutrio.model.stable import Position, Promise, Record, Stable
from qutrio.sim.dice import Dice
from qutrio.sim.disk import Folder, Trouble
from qutrio.sim.initial_states import first_document
from qutrio.storage.save_plan import (
    STATE_NAME,
    Create,
    Flush,
    FlushFolder,
    Rename,
    Step,
    leftovers,
    obsolete,
    saving,
)
from tests.core.samples import A, document


def state(number: int) -> Stable:
    held = document(A, revision=Revision(number), term=Term(1))
    record = Record(Position(Term(1), number), held, Ledger(sequence=number))
    return Stable(Promise(Term(number), A), record, record)


OLD, NEW = state(1), state(2)


def folder(seed: int, *, holds: Stable = OLD) -> Folder:
    made = Folder(Dice("test", seed))
    do(made, saving(holds, {}).steps)
    return made


def do(made: Folder, steps: tuple[Step, ...], trouble: Trouble | None = None) -> None:
    for step in steps:
        made.step(step, trouble)


def steps_to_new() -> tuple[Step, ...]:
    return saving(NEW, saving(OLD, {}).kept).steps


def test_a_state_that_was_saved_is_there_after_the_power_failed() -> None:
    for seed in range(20):
        made = folder(seed)
        do(made, steps_to_new())
        assert not made.lose_power()
        assert made.boot() == NEW


@pytest.mark.parametrize("done", range(len(steps_to_new())))
def test_a_power_loss_after_any_step_leaves_the_old_state_or_the_new(done: int) -> None:
    found = set()
    for seed in range(40):
        made = folder(seed)
        do(made, steps_to_new()[:done])
        made.lose_power()
        booted = made.boot()
        assert booted in (OLD, NEW)
        found.add(booted.promise.term)
    assert OLD.promise.term in found


@pytest.mark.parametrize("left_out", [Flush, FlushFolder])
def test_without_a_flush_a_saving_may_be_lost(left_out: type[Step]) -> None:
    careless = tuple(s for s in steps_to_new() if not isinstance(s, left_out))
    ends: list[Stable | None] = []
    for seed in range(40):
        made = folder(seed)
        do(made, careless)
        made.lose_power()
        try:
            ends.append(made.boot())
        except InvalidDocumentError:
            ends.append(None)
    assert any(end != NEW for end in ends)


@pytest.mark.parametrize(
    ("trouble", "number"),
    [
        (Trouble.FULL, errno.ENOSPC),
        (Trouble.WRITE, errno.EIO),
        (Trouble.FLUSH, errno.EIO),
        (Trouble.READ_ONLY, errno.EROFS),
    ],
)
def test_a_saving_that_fails_leaves_a_state_that_can_be_read(trouble: Trouble, number: int) -> None:
    for seed in range(20):
        made, steps = folder(seed), steps_to_new()
        with pytest.raises(OSError, match=re.escape(os.strerror(number))):
            do(made, steps, trouble)
        assert made.boot() == OLD
        made.lose_power()
        assert made.boot() == OLD
        do(made, leftovers(steps))
        do(made, steps)
        assert made.boot() == NEW


def test_a_failed_flush_throws_the_content_away_and_the_next_does_not_say_so() -> None:
    lost = 0
    for seed in range(20):
        made = Folder(Dice("flush", seed))
        made.step(Create("x", b"0123456789"), None)
        with pytest.raises(OSError, match="Input/output"):
            made.step(Flush("x"), Trouble.FLUSH)
        made.step(Rename("x", STATE_NAME), None)
        made.step(FlushFolder(), None)
        lost += made.lose_power()
        with pytest.raises(InvalidDocumentError):
            made.boot()
    assert lost == 0, "the disk itself believes that nothing was pending"


def test_only_documents_that_nothing_refers_to_are_removed() -> None:
    made = folder(1)
    plan = saving(NEW, {})
    do(made, plan.steps)
    (gone,) = obsolete(made.names(), plan.kept)
    do(made, (gone,))
    assert made.boot() == NEW
    assert len(made.names()) == 2


def test_a_folder_without_a_state_cannot_be_booted() -> None:
    with pytest.raises(InvalidDocumentError, match=r"state\.json does not exist"):
        Folder(Dice("empty")).boot()


def test_the_first_document_names_as_many_voters_as_were_asked_for() -> None:
    assert len(first_document(7, document(A).settings).voters) == 7

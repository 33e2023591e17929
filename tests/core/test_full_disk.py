"""A disk that refuses writes for long: the node stays out of the way, and says why."""

from qutrio.core.disk import DISK_RETRY_S
from qutrio.core.effects import Note, Persist
from qutrio.core.facts import DiskRefused
from qutrio.model.document import Settings
from tests.core.company import API, Company, settled
from tests.core.samples import A, B, C, check, document

HELD = document(A, B, C, checks=[check()], settings=Settings(master_cooldown_s=5.0))


def without_space() -> Company:
    """The lowest id had the role, and its disk is full since the last change."""
    company = settled(HELD)
    company.full = {A}
    company.propose(A, API)
    company.run(2)
    assert company.masters() == [B]
    company.effects.clear()
    return company


def test_the_role_does_not_move_back_while_the_disk_is_full() -> None:
    company = without_space()
    company.run(20 * DISK_RETRY_S)
    assert company.masters() == [B]
    assert [e for _, e in company.performed(Note) if not isinstance(e.fact, DiskRefused)] == []


def test_the_role_moves_back_once_there_is_space() -> None:
    company = without_space()
    company.run(2 * DISK_RETRY_S)
    company.full = set()
    company.run(3 * DISK_RETRY_S)
    assert company.masters() == [A]
    company.propose(C, API)
    assert {d.accepted.document.revision for d in company.disks.values()} == {2}


def test_a_node_says_of_which_refusal_it_suffers_and_for_how_long() -> None:
    company = without_space()
    company.run(5 * DISK_RETRY_S)
    assert company.status(A).disk == "no space left"
    assert company.status(B).disk == ""
    company.full = set()
    company.run(DISK_RETRY_S)
    assert company.status(A).disk == ""


def test_a_node_without_trouble_writes_nothing_to_find_that_out() -> None:
    company = settled(HELD)
    company.run(5 * DISK_RETRY_S)
    assert company.performed(Persist) == []

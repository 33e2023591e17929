"""The level that a value needs follows from its class, its fields and all nested values."""

from enum import Enum
from typing import ClassVar

from attrs import evolve, field, frozen

from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Extra, Revision
from qutrio.model.levels import AUTHORS, LEVEL, may_use, needed, since


class Word(Enum):
    OLD = "old"
    NEW = "new"

    @property
    def needs_level(self) -> int:
        return 4 if self is Word.NEW else 1


@frozen
class Leaf:
    note: str = field(default="", metadata=since(2))
    extra: Extra = ()


@frozen
class Newer:
    needs_level: ClassVar[int] = 3


@frozen
class Branch:
    leaves: tuple[Leaf, ...] = ()
    other: Newer | Leaf | None = None
    word: Word = Word.OLD
    count: int = 0


def test_a_field_that_has_its_default_needs_nothing() -> None:
    assert needed(Branch(leaves=(Leaf(),), other=Leaf(), count=7)) == 1
    assert needed(Leaf(extra=(("note", "1"),))) == 1
    assert needed("text") == needed(None) == needed(7) == 1


def test_the_highest_level_of_anything_inside_counts() -> None:
    assert needed(Branch(leaves=(Leaf(), Leaf(note="x")))) == 2
    assert needed(Branch(leaves=(Leaf(note="x"),), other=Newer())) == 3
    assert needed([Branch(word=Word.NEW), Newer()]) == 4


def test_a_feature_may_be_used_once_the_document_says_so() -> None:
    held = ClusterDocument(cluster_id="c", revision=Revision(1), members=())
    assert not may_use(AUTHORS, held)
    assert may_use(AUTHORS, evolve(held, level=LEVEL))

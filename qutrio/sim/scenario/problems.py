"""What is wrong with a scenario file: collected, so that several problems are told at once."""

from collections.abc import Callable
from typing import Any, TypeVar

from attrs import define, field

from qutrio.codec.yaml_text import Path, YamlText
from qutrio.errors import InvalidDocumentError
from qutrio.sim.scenario.hiding import without_secrets
from qutrio.sim.scenario.words import SentenceError

PROBLEMS_MAX = 10

T = TypeVar("T")


@define
class Problems:
    """The problems of one file, each with its line."""

    yaml: YamlText
    source: str
    found: list[str] = field(factory=list)

    @property
    def data(self) -> dict[str, Any]:
        """What the file says."""
        return self.yaml.data

    def add(self, place: Path, problem: str) -> None:
        """Note what is wrong at a place in the file."""
        self.add_at(self.yaml.line(place), problem)

    def add_at(self, line: int, problem: str) -> None:
        """Note what is wrong in a line."""
        legible = "".join(c if c.isprintable() else "?" for c in without_secrets(problem))
        self.found.append(f"{self.source}:{line}: {legible}")

    def attempt(self, place: Path, make: Callable[[], T]) -> T | None:
        """Make something of what stands at a place, or note why that cannot be."""
        try:
            return make()
        except SentenceError as error:
            self.add(place, f"{place[0]}: {error}")
            return None

    def refusal(self) -> InvalidDocumentError:
        """Return the error that tells the first problems, one on each line."""
        told, more = self.found[:PROBLEMS_MAX], len(self.found) - PROBLEMS_MAX
        return InvalidDocumentError("\n".join([*told, *([f"{more} more"] if more > 0 else [])]))


def text(value: object) -> str:
    """Return a value that must be text.  Raises `SentenceError`."""
    if not isinstance(value, str) or not value.strip():
        raise SentenceError("is not a text")
    return value

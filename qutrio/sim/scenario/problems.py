"""The problems of a scenario file, with their lines and without secrets."""

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

from attrs import define, field

from qutrio.codec.check_fields import CHECKS
from qutrio.codec.plain_fields import FIELDS
from qutrio.codec.yaml_text import Path, YamlText
from qutrio.errors import InvalidDocumentError
from qutrio.model.rules import MASK
from qutrio.model.urls import masked_url
from qutrio.sim.scenario.tokens import SentenceError

SECRET_FIELDS: Final = frozenset(
    known.name for kind in CHECKS.known.values() for known in FIELDS[kind] if known.mask is not None
)
_GIVEN = re.compile(
    rf"(?<![\w-])({'|'.join(sorted(SECRET_FIELDS))})=([^\s,']+(?:\s*,\s*[^\s,']+)*)"
)


def without_secrets(text: str) -> str:
    """Return a text in which every value that may be a secret is masked."""
    return _GIVEN.sub(_masked, text)


def _masked(found: re.Match[str]) -> str:
    value = masked_url(found[2]) if found[1] == "url" else MASK
    return f"{found[1]}={value}"


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
        """The contents of the file."""
        return self.yaml.data

    def add(self, place: Path, problem: str) -> None:
        """Add a problem at a place in the file."""
        self.add_at(self.yaml.line(place), problem)

    def add_at(self, line: int, problem: str) -> None:
        """Add a problem of a line."""
        legible = "".join(c if c.isprintable() else "?" for c in without_secrets(problem))
        self.found.append(f"{self.source}:{line}: {legible}")

    def attempt(self, place: Path, make: Callable[[], T]) -> T | None:
        """Return what `make` returns, or add its `SentenceError` as a problem and return None."""
        try:
            return make()
        except SentenceError as error:
            self.add(place, f"{place[0]}: {error}")
            return None

    def refusal(self) -> InvalidDocumentError:
        """Return the error that lists the first problems, one on each line."""
        told, more = self.found[:PROBLEMS_MAX], len(self.found) - PROBLEMS_MAX
        return InvalidDocumentError("\n".join([*told, *([f"{more} more"] if more > 0 else [])]))


def text(value: object) -> str:
    """Return a value that must be text.  Raises `SentenceError`."""
    if not isinstance(value, str) or not value.strip():
        raise SentenceError("is not a text")
    return value

"""The steps that replace a file and save a state, for a real or a simulated disk.

Theory of operation.  Documents go first, each in a file of its own that is written once; then
the state that refers to them; then documents without a reference are removed.  A file is
replaced by writing a temporary file, flushing it, renaming it, and flushing the folder.  A crash
after any step, with the loss of everything that was not flushed, leaves the old state or the
new one.  The plan is pure, so that a simulator can crash after every step.
"""

from collections.abc import Container, Iterable, Mapping
from typing import TypeAlias

from attrs import field, frozen

from qutrio.codec.stable import document_file, encode_state, is_document_name
from qutrio.model.document import ClusterDocument
from qutrio.model.stable import Stable

STATE_NAME = "state.json"


@frozen
class Create:
    """Create a file with this content; fails when the name exists."""

    name: str
    content: bytes = field(repr=False)


@frozen
class Flush:
    """Flush the content of a created file, so that it survives a power loss."""

    name: str


@frozen
class Rename:
    """Rename a file, replacing any file that has the new name."""

    old: str
    new: str


@frozen
class Remove:
    """Remove a file, if it exists."""

    name: str


@frozen
class FlushFolder:
    """Flush the folder, so that creations, renames and removals survive a power loss."""


Step: TypeAlias = Create | Flush | Rename | Remove | FlushFolder


@frozen
class Saving:
    """The steps that make a state durable, and the documents it then refers to, by file name."""

    steps: tuple[Step, ...]
    kept: Mapping[str, ClusterDocument]


def replacement(name: str, content: bytes) -> tuple[Step, ...]:
    """Return the steps that replace a file so that a crash leaves the old content or the new."""
    temporary = temporary_name(name)
    return (
        Remove(temporary),  # a crash may have left it
        Create(temporary, content),
        Flush(temporary),
        Rename(temporary, name),
        FlushFolder(),
    )


def temporary_name(name: str) -> str:
    """Return the name under which the new content of a file is written."""
    return f".{name}.tmp"


def leftovers(steps: Iterable[Step]) -> tuple[Remove, ...]:
    """Return the steps that clean up after one of these steps failed."""
    return tuple(Remove(step.name) for step in steps if isinstance(step, Create))


def saving(stable: Stable, kept: Mapping[str, ClusterDocument]) -> Saving:
    """Return the steps that make `stable` durable; the files in `kept` exist already."""
    steps: list[Step] = []
    names = []
    for document in (stable.accepted.document, stable.committed.document):
        name = next((n for n, known in kept.items() if known is document), None)
        if name is None:
            file = document_file(document)
            name = file.name
            if name not in kept and name not in names:
                steps += replacement(name, file.content)
        names.append(name)
    accepted, committed = names
    state = encode_state(stable, accepted=accepted, committed=committed)
    steps += replacement(STATE_NAME, state)
    documents = {accepted: stable.accepted.document, committed: stable.committed.document}
    return Saving(tuple(steps), documents)


def obsolete(names: Iterable[str], kept: Container[str]) -> tuple[Remove, ...]:
    """Return the steps that remove the documents among `names` that are not kept."""
    return tuple(Remove(n) for n in sorted(names) if is_document_name(n) and n not in kept)

"""How a file is replaced and a state is saved: a list of steps, for real or simulated hands.

Theory of operation.  Documents go first, each in a file of its own that is written once; then
the state that refers to them; then those that nothing refers to any more are removed.  Every
file is replaced by: a temporary file, its flush, a rename, the flush of the folder.  A crash
after any step, and the loss of everything that was not flushed, leaves the old state or the
new, whole.  The plan is pure, so that a simulator can try this at every step.
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
    """Make a new file with this content; fails where one of the name exists."""

    name: str
    content: bytes = field(repr=False)


@frozen
class Flush:
    """Make the content of the file that was created last survive a power loss."""

    name: str


@frozen
class Rename:
    """Give a file another name, in the place of whatever had it."""

    old: str
    new: str


@frozen
class Remove:
    """Remove a file, if there is one."""

    name: str


@frozen
class FlushFolder:
    """Make every name that was given or taken so far survive a power loss."""


Step: TypeAlias = Create | Flush | Rename | Remove | FlushFolder


@frozen
class Saving:
    """The steps after which a state is durable, and the documents it then refers to, by file."""

    steps: tuple[Step, ...]
    kept: Mapping[str, ClusterDocument]


def replacement(name: str, content: bytes) -> tuple[Step, ...]:
    """Return how to replace a file so that a crash leaves the old content or the new, whole."""
    temporary = temporary_name(name)
    return (
        Remove(temporary),  # a crash left it
        Create(temporary, content),
        Flush(temporary),
        Rename(temporary, name),
        FlushFolder(),
    )


def temporary_name(name: str) -> str:
    """Return under which name the new content of a file is written."""
    return f".{name}.tmp"


def leftovers(steps: Iterable[Step]) -> tuple[Remove, ...]:
    """Return how to clean up when one of these steps failed."""
    return tuple(Remove(step.name) for step in steps if isinstance(step, Create))


def saving(stable: Stable, kept: Mapping[str, ClusterDocument]) -> Saving:
    """Return how to make `stable` durable, where the files in `kept` already are."""
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
    """Return how to remove the documents among `names` that are not kept."""
    return tuple(Remove(n) for n in sorted(names) if is_document_name(n) and n not in kept)

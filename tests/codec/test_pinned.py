"""Names on the wire and on disk stay as they are, whatever the classes are called."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest

from qutrio.codec.document import canonical, from_json, to_json
from qutrio.codec.pinned import FACTS, MESSAGES, MUTATIONS, tag
from qutrio.codec.stable import decode_state, document_file, encode_state
from qutrio.core.api.messages import Message
from qutrio.core.api.mutations import Mutation
from qutrio.model.channels import Channel
from qutrio.model.checks import Check
from qutrio.model.journal import Fact
from qutrio.peers import frames
from qutrio.sim.faults import union
from tests.codec.golden_files import FILES, STATE, kinds, lines, lost, names, pared, shape

UNIONS: dict[str, tuple[Any, Callable[[type], str]]] = {
    "messages.jsonl": (Message, MESSAGES.__getitem__),
    "mutations.jsonl": (Mutation, MUTATIONS.__getitem__),
    "journal.jsonl": (Fact, FACTS.__getitem__),
    "frames.jsonl": (frames.Frame, frames.KINDS.__getitem__),
    "happenings.jsonl": (union.PlannedFault, union.KINDS.__getitem__),
}
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("file", UNIONS)
def test_every_class_has_a_name_of_its_own_and_is_recorded(file: str) -> None:
    """A new class needs a name in its table, and a line in the file as it is written."""
    found = names(*UNIONS[file])
    assert len(set(found)) == len(found)
    assert set(found) == kinds(file)


@pytest.mark.parametrize("classes", [Check, Channel])
def test_every_check_and_channel_has_a_kind_of_its_own(classes: Any) -> None:
    found = names(classes, tag)
    assert len(set(found)) == len(found)


def test_no_table_names_a_class_that_is_in_no_union() -> None:
    tables = (MESSAGES, MUTATIONS, FACTS, frames.KINDS, union.KINDS)
    for table, (classes, _) in zip(tables, UNIONS.values(), strict=True):
        assert table.keys() == set(get_args(classes))


@pytest.mark.parametrize("nameless", [Path, frames.Hello])
def test_a_class_without_a_name_cannot_be_written(nameless: type) -> None:
    with pytest.raises(TypeError, match=f"{nameless.__name__} has no name; give it one in"):
        tag(nameless)


@pytest.mark.parametrize("file", FILES)
def test_golden_files_are_reproduced_to_the_byte(file: str) -> None:
    assert lost(file) == []


@pytest.mark.parametrize("file", FILES)
def test_every_field_that_is_written_is_recorded(file: str) -> None:
    """A new field, or a field with a new name, needs a line that has it."""
    then, now = set[str](), set[str]()
    for line in lines(file):
        then |= shape(orjson.loads(line))
        now |= shape(orjson.loads(FILES[file](line)))
    assert now == then


def test_documents_of_an_older_version_are_written_again_to_the_byte() -> None:
    for file in STATE.glob("document-*.json"):
        then = file.read_bytes()
        now = to_json(from_json(then))
        assert canonical(pared(orjson.loads(now), orjson.loads(then))) == then
        assert shape(orjson.loads(now)) == shape(orjson.loads(then))


def test_the_state_of_an_older_version_is_written_again_as_it_was() -> None:
    then = (STATE / "state.json").read_bytes()
    stable = decode_state(then, lambda name: (STATE / name).read_bytes(), "state.json")
    accepted = document_file(stable.accepted.document).name
    committed = document_file(stable.committed.document).name
    now = orjson.loads(encode_state(stable, accepted=accepted, committed=committed))["body"]
    body = orjson.loads(then)["body"]
    assert canonical(pared(now, body)) == canonical(body)
    assert shape(now) == shape(body)


@pytest.mark.slow
def test_renaming_every_class_changes_no_byte() -> None:
    """In a process of its own, which gives the classes other names before they are used."""
    program = [sys.executable, "-m", "tests.codec.renamed_program"]
    told = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (0, "nothing lost\n"), told.stderr

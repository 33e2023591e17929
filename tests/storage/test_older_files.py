"""The state and the journal that an older version left in the data directory are read."""

import shutil
from pathlib import Path

import orjson

from qutrio.codec.journal import entry_to_plain
from qutrio.model.ids import Term
from qutrio.model.stable import Position
from qutrio.storage.directories import DataDirectory
from qutrio.storage.journal import FileJournal
from qutrio.storage.store import Store
from tests.codec.golden_files import FOLDER, STATE, lines


def test_the_state_of_an_older_version_is_loaded(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    shutil.copytree(STATE, directory.state)
    stable = Store(directory).load()
    assert (stable.accepted.position, stable.committed.position) == (
        Position(Term(4), 9),
        Position(Term(4), 8),
    )
    assert [c.name for c in stable.committed.document.checks][:2] == ["a-dns", "a-http"]


async def test_the_journal_of_an_older_version_is_read_whole(tmp_path: Path) -> None:
    journal = FileJournal(DataDirectory(tmp_path), spare_bytes_min=0)
    await journal.append([])
    file = journal.files()[0]
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(FOLDER / "journal.jsonl", file)
    found = [entry_to_plain(entry)["kind"] for entry in await journal.read()]
    assert found == [orjson.loads(line)["kind"] for line in lines("journal.jsonl")]

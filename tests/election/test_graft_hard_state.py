"""The file of a graft participant's hard state: it is durable, checked, and has one owner."""

from pathlib import Path

import pytest

from qutrio.election.graft.hard_state import FILE_NAME, HardStateFolder
from qutrio.errors import DataDirectoryError, InvalidDocumentError, StorageError
from qutrio.model.ids import NodeId, Term
from qutrio.model.stable import HardState

ME = NodeId("me")
VOTED = HardState(Term(7), NodeId("x"))


async def test_what_was_saved_is_there_after_a_restart(tmp_path: Path) -> None:
    for before, after in ((HardState(), VOTED), (VOTED, HardState(Term(8)))):
        folder = HardStateFolder(tmp_path / "state")
        with folder.hold("jobs", ME) as hard_state:
            assert hard_state == before
            await folder.save(after)
    with HardStateFolder(tmp_path / "state").hold("jobs", ME) as hard_state:
        assert hard_state == HardState(Term(8))


async def test_a_damaged_file_is_refused_and_says_how_to_recover(tmp_path: Path) -> None:
    folder = HardStateFolder(tmp_path)
    with folder.hold("jobs", ME):
        await folder.save(VOTED)
    file = tmp_path / FILE_NAME
    whole = file.read_bytes()
    for damaged in (b"", whole[:-1], whole.replace(b'"term":7', b'"term":6'), b"[]", b"{}"):
        file.write_bytes(damaged)
        with pytest.raises(InvalidDocumentError, match=r"is damaged; .* move the file away"):
            with HardStateFolder(tmp_path).hold("jobs", ME):
                pass


async def test_a_folder_serves_one_participant_at_a_time_and_one_only(tmp_path: Path) -> None:
    folder = HardStateFolder(tmp_path)
    with folder.hold("jobs", ME):
        await folder.save(VOTED)
        with pytest.raises(DataDirectoryError, match="in use"):
            with HardStateFolder(tmp_path).hold("jobs", ME):
                pass
    for cluster, participant in (("jobs", "other"), ("chores", "me")):
        with pytest.raises(DataDirectoryError, match="hard state of me in jobs"):
            with HardStateFolder(tmp_path).hold(cluster, NodeId(participant)):
                pass


async def test_what_cannot_be_read_or_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirectoryError, match="cannot make"):
        with HardStateFolder(tmp_path / "file").hold("jobs", ME):
            pass
    folder = HardStateFolder(tmp_path / "state")
    with folder.hold("jobs", ME):
        (tmp_path / "state" / FILE_NAME).mkdir()
        with pytest.raises(StorageError, match="cannot write"):
            await folder.save(VOTED)
    with pytest.raises(DataDirectoryError, match="cannot read"):
        with folder.hold("jobs", ME):
            pass

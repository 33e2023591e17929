"""The ballot's file: kept, checked, and nobody else's."""

from pathlib import Path

import pytest

from qutrio.election.graft_ballot import FILE_NAME, BallotFolder
from qutrio.errors import DataDirectoryError, InvalidDocumentError, StorageError
from qutrio.model.ids import NodeId, Term
from qutrio.model.stable import Ballot

ME = NodeId("me")
VOTED = Ballot(Term(7), NodeId("x"))


async def test_what_was_saved_is_there_after_a_restart(tmp_path: Path) -> None:
    for before, after in ((Ballot(), VOTED), (VOTED, Ballot(Term(8)))):
        folder = BallotFolder(tmp_path / "seat")
        with folder.hold("jobs", ME) as ballot:
            assert ballot == before
            await folder.save(after)
    with BallotFolder(tmp_path / "seat").hold("jobs", ME) as ballot:
        assert ballot == Ballot(Term(8))


async def test_a_damaged_file_is_refused_and_says_how_to_recover(tmp_path: Path) -> None:
    folder = BallotFolder(tmp_path)
    with folder.hold("jobs", ME):
        await folder.save(VOTED)
    file = tmp_path / FILE_NAME
    whole = file.read_bytes()
    for damaged in (b"", whole[:-1], whole.replace(b'"term":7', b'"term":6'), b"[]", b"{}"):
        file.write_bytes(damaged)
        with pytest.raises(InvalidDocumentError, match=r"is damaged; .* move the file away"):
            with BallotFolder(tmp_path).hold("jobs", ME):
                pass


async def test_a_folder_serves_one_seat_at_a_time_and_one_only(tmp_path: Path) -> None:
    folder = BallotFolder(tmp_path)
    with folder.hold("jobs", ME):
        await folder.save(VOTED)
        with pytest.raises(DataDirectoryError, match="in use"):
            with BallotFolder(tmp_path).hold("jobs", ME):
                pass
    for cluster, seat in (("jobs", "other"), ("chores", "me")):
        with pytest.raises(DataDirectoryError, match="ballot of me in jobs"):
            with BallotFolder(tmp_path).hold(cluster, NodeId(seat)):
                pass


async def test_what_cannot_be_read_or_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirectoryError, match="cannot make"):
        with BallotFolder(tmp_path / "file").hold("jobs", ME):
            pass
    folder = BallotFolder(tmp_path / "seat")
    with folder.hold("jobs", ME):
        (tmp_path / "seat" / FILE_NAME).mkdir()
        with pytest.raises(StorageError, match="cannot write"):
            await folder.save(VOTED)
    with pytest.raises(DataDirectoryError, match="cannot read"):
        with folder.hold("jobs", ME):
            pass

"""A file is replaced whole, or not at all."""

from pathlib import Path

import pytest

from qutrio.storage.atomic import write_atomic


def test_the_file_is_replaced_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    path.chmod(0o644)
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.mkdir()
    (path / "inside").touch()
    with pytest.raises(OSError, match="directory"):
        write_atomic(path, b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_leftovers_of_a_crash_are_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".f.tmp").write_bytes(b"half of it")
    write_atomic(tmp_path / "f", b"all of it")
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_link_in_place_of_the_temporary_file_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / ".f.tmp").symlink_to(victim)
    write_atomic(tmp_path / "f", b"new")
    assert victim.read_bytes() == b"precious"

"""Where files are, as the environment says."""

import os
from pathlib import Path

import pytest

from qutrio.errors import DataDirectoryError
from qutrio.storage.directories import (
    closed_system_directory,
    find_data_directory,
    find_socket,
    prepare_socket_directory,
)


@pytest.mark.parametrize(
    ("environ", "is_root", "expected"),
    [
        ({"QUTRIO_DIR": "/a", "XDG_CONFIG_HOME": "/b", "HOME": "/c"}, True, "/a"),
        ({"XDG_CONFIG_HOME": "/b", "HOME": "/c"}, True, "/etc/qutrio"),
        ({"XDG_CONFIG_HOME": "/b", "HOME": "/c"}, False, "/b/qutrio"),
        ({"QUTRIO_DIR": "", "XDG_CONFIG_HOME": "", "HOME": "/c"}, False, "/c/.config/qutrio"),
    ],
)
def test_the_data_directory_follows_the_environment(
    environ: dict[str, str], *, is_root: bool, expected: str
) -> None:
    assert find_data_directory(environ, is_root=is_root).root == Path(expected)


def test_an_explicit_data_directory_wins() -> None:
    found = find_data_directory({"QUTRIO_DIR": "/a"}, is_root=True, explicit=Path("/x"))
    assert found.root == Path("/x")


def test_without_a_home_directory_the_error_names_the_option() -> None:
    with pytest.raises(DataDirectoryError, match="QUTRIO_DIR"):
        find_data_directory({}, is_root=False)


def test_the_socket_follows_the_environment(tmp_path: Path) -> None:
    def find(**environ: str) -> Path:
        return find_socket(environ, system=tmp_path / "run", temporary=tmp_path)

    session = {"XDG_RUNTIME_DIR": "/run/user/7"}
    assert find(QUTRIO_SOCKET="/a/s", RUNTIME_DIRECTORY="/b") == Path("/a/s")
    assert find(RUNTIME_DIRECTORY="/b:/c", **session) == Path("/b/qutrio.sock")
    assert find(**session) == Path("/run/user/7/qutrio/qutrio.sock")
    (tmp_path / "run").mkdir()
    assert find(**session) == tmp_path / "run" / "qutrio.sock"


def test_the_last_resort_is_a_private_folder(tmp_path: Path) -> None:
    socket = find_socket({}, system=tmp_path / "none", temporary=tmp_path)
    prepare_socket_directory(socket)
    assert socket.parent.stat().st_mode & 0o777 == 0o700
    assert find_socket({}, system=tmp_path / "none", temporary=tmp_path) == socket


def test_a_folder_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    folder = find_socket({}, system=tmp_path / "none", temporary=tmp_path).parent
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(DataDirectoryError, match="not private"):
        find_socket({}, system=tmp_path / "none", temporary=tmp_path)


def test_a_link_in_place_of_the_private_folder_is_refused(tmp_path: Path) -> None:
    folder = find_socket({}, system=tmp_path / "none", temporary=tmp_path).parent
    folder.symlink_to(tmp_path)
    with pytest.raises(DataDirectoryError, match="not a folder"):
        prepare_socket_directory(folder / "qutrio.sock")


def test_the_folder_of_another_users_daemon_is_found_with_its_owner(tmp_path: Path) -> None:
    system = tmp_path / "run"
    system.mkdir(mode=0o700)
    assert closed_system_directory(tmp_path / "q.sock", tmp_path / "nowhere") is None
    assert closed_system_directory(system / "q.sock", system) is None
    assert closed_system_directory(tmp_path / "q.sock", system) is None, "it is ours"
    system.chmod(0)
    if not os.access(system, os.X_OK):  # root may look everywhere
        found = closed_system_directory(tmp_path / "q.sock", system)
        assert found == (system, os.geteuid())

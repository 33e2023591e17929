"""Two processes never work on one data directory."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qutrio.errors import DataDirectoryError
from qutrio.storage.directories import DataDirectory
from qutrio.storage.lock import lock_directory

HOLD = """
import sys
from pathlib import Path
from qutrio.storage.lock import lock_directory
from qutrio.storage.directories import DataDirectory
with lock_directory(DataDirectory(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_told_which_one_holds_the_lock(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    with lock_directory(directory):
        with pytest.raises(DataDirectoryError, match=f"process {os.getpid()}"):
            with lock_directory(directory):
                pytest.fail("two processes hold the lock")
    with lock_directory(directory):
        pass


def test_a_killed_process_releases_the_lock(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(DataDirectoryError, match=f"process {holder.pid}"):
            with lock_directory(directory):
                pytest.fail("two processes hold the lock")
        holder.kill()
        holder.wait()
    with lock_directory(directory):
        pass


def test_without_a_directory_init_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataDirectoryError, match="qutrio init"):
        with lock_directory(DataDirectory(tmp_path / "none")):
            pytest.fail("there is nothing to lock")


def test_on_a_full_disk_the_lock_holds_but_names_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with lock_directory(DataDirectory(tmp_path)):
        with pytest.raises(DataDirectoryError, match="in use by another process"):
            with lock_directory(DataDirectory(tmp_path)):
                pytest.fail("two processes hold the lock")

"""Skips of tests: each names what is missing, and none is allowed where nothing may be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import needs
from tests.patience import HANG_S

ROOT = Path(__file__).parents[1]
NOWHERE = "no-such-program-anywhere"
SAMPLE = f"""
import pytest
from tests import needs

@needs.program("{NOWHERE}")
def test_that_runs_a_program(): ...

def test_of_a_kernel():
    needs.require(needs.unobtainable("this kernel has no such module"))
"""


def outcome(folder: Path, no_skips: str) -> str:
    """Run two tests that skip, and return pytest's last line."""
    (folder / "test_sample.py").write_text(SAMPLE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), needs.NO_SKIPS: no_skips},
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("no_skips", "expected"),
    [("", " 2 skipped in"), ("0", " 2 skipped in"), ("1", " 1 skipped, 1 error in")],
)
def test_a_skip_is_an_error_where_none_is_allowed(
    tmp_path: Path, no_skips: str, expected: str
) -> None:
    assert expected in outcome(tmp_path, no_skips)


def test_a_reason_names_what_is_missing_and_its_package() -> None:
    assert needs.lacking("sh") == ""
    assert needs.lacking("sh", NOWHERE) == f"needs {NOWHERE} (apt install {NOWHERE})"
    assert needs.lacking_file("no/such*", "thing") == "needs /usr/lib/no/such* (apt install thing)"
    assert needs.lacking_root("fly") == ("" if os.geteuid() == 0 else "only root can fly")


@needs.program("git")
def test_a_commit_that_this_checkout_lacks_is_named() -> None:
    assert needs.lacking_history("f" * 40).startswith("needs commit ffff")


def test_a_server_is_found_in_the_folders_of_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "server"
    program.touch(mode=0o755)
    monkeypatch.setattr(needs, "SYSTEM_FOLDERS", (str(tmp_path),))
    assert needs.where("server") == str(program)

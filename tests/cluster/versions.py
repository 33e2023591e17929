"""An older version of the program, out of the history of this repository."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.cluster.nodes import ROOT

FIRST_LEVEL = "844b0f5eedaf5757b15e483054410a8a8db261b6"
"""The last commit of the first feature level: it announces none."""
HISTORY = "QUTRIO_HISTORY"
"""Names a repository with the history, for tests that run in a copy without one."""


def program_of(commit: str, home: Path) -> Path:
    """Return a folder with the program as it was; skip where there is no history.

    Whoever names a repository means that these tests run, so without the commit they fail.
    """
    repository = os.environ.get(HISTORY)
    command = ["git", "-C", repository or str(ROOT), "archive", commit, "qutrio"]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", b"").decode(errors="replace").strip() or str(error)
        reason = f"no older version to run beside this one: {said}"
        if repository is not None:
            pytest.fail(reason)
        pytest.skip(f"{reason} ({HISTORY} may name a repository)")
    program = home / "older"
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(program, filter="data")
    return program

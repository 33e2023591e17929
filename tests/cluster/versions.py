"""An older version of the program, from the history of this repository."""

import io
import subprocess
import tarfile
from pathlib import Path

from tests import needs
from tests.cluster.nodes import ROOT

FIRST_LEVEL = "844b0f5eedaf5757b15e483054410a8a8db261b6"
"""The last commit of the first feature level: it announces none."""


def program_of(commit: str, home: Path) -> Path:
    """Return a folder with the program at a commit; skip if the commit is not in the history."""
    needs.require(needs.lacking_history(commit))
    command = ["git", "-C", str(ROOT), "archive", commit, "qutrio"]
    archived = subprocess.run(command, capture_output=True, check=True).stdout
    program = home / "older"
    with tarfile.open(fileobj=io.BytesIO(archived)) as archive:
        archive.extractall(program, filter="data")
    return program

"""Half a minute of chaos breaks no promise; `python -m tests.chaos` is the long run."""

import faulthandler
import json
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests import needs
from tests.chaos.__main__ import INTERRUPTED
from tests.cluster.namespaces import missing
from tests.cluster.nodes import ROOT
from tests.cluster.waiting import wait_for

pytestmark = [pytest.mark.chaos, needs.because(missing() or needs.lacking("nginx"))]

SEED = 1451
MINUTES = 0.6
RUN_S_MAX = 600.0
"""A run takes a bit more than a minute; on a starved machine its bounds grow."""

ENDS_S_MAX = 60.0
PROCESSES = 11
"""The run itself, a process for each host and the hub, and web servers; then nodes follow."""


def command(*options: str) -> list[str]:
    """Return the command for a run that dies with the tests."""
    return ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "tests.chaos", *options]


def test_five_hurt_nodes_lose_nothing_and_page_truly(tmp_path: Path) -> None:
    faulthandler.cancel_dump_traceback_later()  # this test takes longer than the limit
    file = tmp_path / "summary.json"
    options = ["--minutes", str(MINUTES), "--seed", str(SEED), "--json", str(file)]
    done = subprocess.run(
        command(*options), cwd=ROOT, capture_output=True, text=True, timeout=RUN_S_MAX, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads(file.read_text())
    assert summary["wrong"] == []
    assert all(summary[kind] > 0 for kind in ("kills", "freezes", "cuts", "disk_faults"))
    assert summary["acknowledged"] > 10
    assert summary["announced"] > 0
    assert summary["terms"] > 1


def test_an_interrupted_run_leaves_nothing_behind() -> None:
    with subprocess.Popen(
        command("--minutes", "1", "--seed", "1"),
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as run:
        assert run.stdout is not None
        wait_for("processes", lambda: len(in_session(run.pid)) > PROCESSES, ENDS_S_MAX)
        run.send_signal(signal.SIGINT)
        said = run.stdout.read()
        assert run.wait(ENDS_S_MAX) == INTERRUPTED
    wait_for("all have ended", lambda: not in_session(run.pid), ENDS_S_MAX, lambda: said)
    home = said.splitlines()[0].rpartition(" in ")[2]
    assert home.startswith("/")
    assert not Path(home).exists()


def in_session(session: int) -> list[str]:
    """Return the command lines of the processes in a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                found.append((stat.parent / "cmdline").read_text().replace("\0", " "))
    return found

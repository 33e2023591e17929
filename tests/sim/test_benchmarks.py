"""The benchmarks of the core and the simulator run, and print a line for each measurement."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import HANG_S

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "arguments", "lines"),
    [("simulator", ["3"], 2), ("failover", ["3"], 3), ("messages", [], 1), ("step", [], 1)],
)
def test_a_quick_run_prints_its_table(name: str, arguments: list[str], lines: int) -> None:
    ran = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), "--quick", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=HANG_S,
    )
    head, _, table = ran.stdout.partition("\n\n")
    assert "Python" in head
    assert len(table.splitlines()) == 1 + lines

"""Hundreds of hostile schedules, always the same ones and some that nobody has seen before."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qutrio.sim.schedule import play

ROOT = Path(__file__).parents[2]
SEEDS_AT_ONCE = 60
FIXED = (1, 61, 121, 181)
FAULTY_S = "25"
FIRST_FRESH_MAX = 10**9
TIMEOUT_S = 300
REPLAY = "from qutrio.sim.schedule import play; print(play(7, 3, 25.0).trace)"


def run(*arguments: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )


@pytest.mark.parametrize(
    "first", [*FIXED, int.from_bytes(os.urandom(4)) % FIRST_FRESH_MAX], ids=[*FIXED, "fresh"]
)
def test_no_schedule_of_faults_breaks_a_promise(first: int) -> None:
    counted = ("--first", str(first), "--seeds", str(SEEDS_AT_ONCE), "--seconds", FAULTY_S)
    played = run("-m", "qutrio.sim", *counted, "--jobs", "2")
    assert played.returncode == 0, f"{played.stdout}\n{played.stderr}"
    assert f"{SEEDS_AT_ONCE} seeds kept every promise" in played.stdout


def test_the_same_seed_is_the_same_story() -> None:
    first, again = play(7, 3, 25.0), play(7, 3, 25.0)
    assert first == again
    assert first.events > 300


def test_different_seeds_are_different_stories() -> None:
    assert len({play(seed, 3, 5.0).trace for seed in (1, 2, 3)}) == 3


@pytest.mark.parametrize("hash_seed", ["1", "4242"])
def test_the_same_seed_is_the_same_story_in_another_process(hash_seed: str) -> None:
    told = run("-c", REPLAY, hash_seed=hash_seed)
    assert told.stdout.strip() == play(7, 3, 25.0).trace

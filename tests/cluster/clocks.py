"""Processes with a wrong wall clock, by means of a library that a machine may have."""

from collections.abc import Iterable
from pathlib import Path

LIBRARY = "*/faketime/libfaketimeMT.so.1"
SHARED_MEMORY = Path("/dev/shm")


def clock_library() -> Path | None:
    """Return the library that shifts a process's wall clock, if it is installed."""
    found = sorted(Path("/usr/lib").glob(LIBRARY))
    return found[0] if found else None


def shifted(library: Path, file: Path) -> dict[str, str]:
    """Return the environment of a process whose wall clock is shifted by the seconds in `file`.

    Only the wall clock is: what measures durations goes on as it should.
    """
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # otherwise waits in threads end at once and spin
    }


def sweep(pids: Iterable[int]) -> None:
    """Remove the files that the library left for killed processes."""
    for pid in pids:
        for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
            (SHARED_MEMORY / name).unlink(missing_ok=True)

"""Runs chaos for a given time: `python -m tests.chaos --minutes 30 --seed 7`."""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from tests.chaos.run import Plan, play
from tests.cluster.namespaces import missing

CANNOT = 2
INTERRUPTED = 130


def main() -> int:
    """Run, print the summary, and return 0 if no promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="of faults [5]")
    parser.add_argument("--seed", type=int, default=None, help="of the schedule [by the clock]")
    parser.add_argument("--json", type=Path, default=None, help="a file for the summary")
    parser.add_argument("--keep", action="store_true", help="keep the directory with the logs")
    parser.add_argument("--plan", action="store_true", help="print the schedule and do nothing")
    options = parser.parse_args()
    seed = time.monotonic_ns() % 1_000_000 if options.seed is None else options.seed
    plan = Plan.of(seed, options.minutes * 60)
    if options.plan:
        print("\n".join(fault.in_words() for fault in plan.faults))
        return 0
    if reason := missing():
        print(f"chaos needs more than this machine has: {reason}", file=sys.stderr)
        return CANNOT
    return _run(plan, options.json, keep=options.keep)


def _run(plan: Plan, file: Path | None, *, keep: bool) -> int:
    memory = Path("/dev/shm")
    home = Path(tempfile.mkdtemp(prefix="qutrio-", dir=memory if memory.is_dir() else None))
    begun = time.monotonic()

    def say(what: str) -> None:
        print(f"[{time.monotonic() - begun:7.1f}] {what}", flush=True)

    say(f"python -m tests.chaos --minutes {plan.total_s / 60:g} --seed {plan.seed}, in {home}")
    kept = keep
    try:
        summary = play(plan, home, say)
        kept = keep or bool(summary.wrong)
    except KeyboardInterrupt:
        say("interrupted; everything was ended")
        return INTERRUPTED
    except Exception:
        kept = True
        raise
    finally:
        if not kept:
            shutil.rmtree(home)
        else:
            say(f"the logs are in {home}")
    print(summary.in_words())
    print(summary.as_json())
    if file is not None:
        file.write_text(summary.as_json() + "\n")
    return 1 if summary.wrong else 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(main())

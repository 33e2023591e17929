"""Play many seeds and print the first that breaks an invariant: `python -m qutrio.sim --help`."""

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from multiprocessing import Pool
from pathlib import Path

from qutrio.errors import InvalidDocumentError
from qutrio.sim.engine_settings import CHOICES, MIXED
from qutrio.sim.report import Report
from qutrio.sim.schedule import SIZES, RunOutcome, Schedule, perform, plan, play, size_of
from qutrio.sim.schedule_files import from_json, readable, to_json
from qutrio.sim.shrink import RUNS_MAX, shrink

SEEDS_PER_TURN = 4


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when every seed kept every promise, 1 when one broke, 2 for a bad file."""
    options = _parser().parse_args(arguments)
    if options.schedule is not None:
        return _replay(options)
    report, failed = Report(), None
    for outcome in _outcomes(options):
        report.add(outcome)
        if sys.stderr.isatty():
            print(f"\rseed {outcome.seed}", end="", file=sys.stderr, flush=True)
        if outcome.broken is not None:
            failed = outcome
            break
    print("\n".join(report.lines()))
    if failed is None:
        print(f"\n{report.seeds} seeds kept every promise")
        return 0
    print(f"\nseed {failed.seed}, {failed.size} nodes: {failed.broken}")
    print(f"replay: {_command(failed, options)}")
    schedule = plan(failed.seed, failed.size, options.seconds, engine=options.engine)
    _shorten(schedule, failed, options)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m qutrio.sim",
        description="Play seeded fault schedules against the core and check its invariants.",
        epilog="example: python -m qutrio.sim --first 1 --seeds 500 --jobs 2",
    )
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=SIZES, help="how many nodes, in turn"
    )
    parser.add_argument(
        "--engine", choices=CHOICES, default=MIXED, help="which engine elects at first"
    )
    parser.add_argument("--seconds", type=float, help="of faults in each, instead of a drawn time")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes")
    parser.add_argument("--schedule", type=Path, help="play this file instead of seeds")
    parser.add_argument("--save", type=Path, help="write the shortest schedule that breaks here")
    parser.add_argument("--story", type=Path, help="write every line of what happened here")
    parser.add_argument("--shrink", type=int, default=RUNS_MAX, help="how many runs, at most")
    return parser


def _outcomes(options: argparse.Namespace) -> Iterator[RunOutcome]:
    seeds = range(options.first, options.first + options.seeds)
    sizes = tuple(options.sizes)
    one = partial(_play, sizes=sizes, seconds=options.seconds, engine=options.engine)
    if options.jobs == 1:
        yield from map(one, seeds)
        return
    with Pool(options.jobs) as pool:
        yield from pool.imap(one, seeds, SEEDS_PER_TURN)


def _play(seed: int, sizes: tuple[int, ...], seconds: float | None, engine: str) -> RunOutcome:
    return play(seed, size_of(seed, sizes), seconds, engine=engine)


def _command(failed: RunOutcome, options: argparse.Namespace) -> str:
    words = ["python -m qutrio.sim", f"--first {failed.seed} --seeds 1 --sizes {failed.size}"]
    if options.engine != MIXED:
        words.append(f"--engine {options.engine}")
    if options.seconds is not None:
        words.append(f"--seconds {options.seconds!r}")
    return " ".join(words)


def _shorten(schedule: Schedule, outcome: RunOutcome, options: argparse.Namespace) -> None:
    if options.shrink <= 0:
        return
    shorter, outcome = shrink(schedule, outcome, runs_max=options.shrink)
    print(f"\nthe shortest schedule that was found: {outcome.broken}\n{readable(shorter)}")
    if options.save is not None:
        options.save.write_bytes(to_json(shorter))
        print(f"replay: python -m qutrio.sim --schedule {options.save}")
    if options.story is not None:
        _perform(shorter, options)


def _replay(options: argparse.Namespace) -> int:
    try:
        schedule = from_json(options.schedule.read_bytes())
    except (OSError, InvalidDocumentError) as error:
        print(f"{options.schedule}: {error}", file=sys.stderr)
        return 2
    print(readable(schedule))
    outcome = _perform(schedule, options)
    print(f"\ntrace {outcome.trace}\n{outcome.broken or 'every promise was kept'}")
    return 1 if outcome.broken is not None else 0


def _perform(schedule: Schedule, options: argparse.Namespace) -> RunOutcome:
    """Play a schedule, and write the trace lines to the file that `--story` names."""
    story: list[str] | None = None if options.story is None else []
    outcome = perform(schedule, story)
    if story is not None:
        options.story.write_text("".join(story), encoding="utf-8")
    return outcome


if __name__ == "__main__":
    sys.exit(main())

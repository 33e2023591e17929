"""Play many seeds and print the first that breaks a promise: `python -m qutrio.sim --help`."""

import argparse
import sys

from qutrio.sim.schedule import FAULTY_S, play


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when every seed kept every promise, else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m qutrio.sim",
        description="Play seeded fault schedules against the core and check its invariants.",
        epilog="example: python -m qutrio.sim --first 1 --seeds 500 --sizes 1 3 5",
    )
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 2, 3, 5, 7])
    parser.add_argument("--seconds", type=float, default=FAULTY_S, help="of faults in each")
    options = parser.parse_args(arguments)
    events = acknowledged = pages = 0
    for seed in range(options.first, options.first + options.seeds):
        size = options.sizes[seed % len(options.sizes)]
        outcome = play(seed, size, options.seconds)
        if sys.stderr.isatty():
            print(f"\rseed {seed}", end="", file=sys.stderr, flush=True)
        events += outcome.events
        acknowledged += outcome.acknowledged
        pages += outcome.pages
        if outcome.broken is not None:
            print(f"seed {seed}, {size} nodes: {outcome.broken}")
            again = f"--first {seed} --seeds 1 --sizes {size} --seconds {options.seconds:g}"
            print(f"replay: python -m qutrio.sim {again}")
            return 1
    print(
        f"{options.seeds} seeds kept every promise: {events} events, "
        f"{acknowledged} acknowledged changes, {pages} notices"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

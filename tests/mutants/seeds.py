"""Plays seeds until one breaks an invariant, in a process that uses one copy of the package.

The output is one line of JSON: the seed, its size and what broke, or null if none did.
"""

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import qutrio
from qutrio.sim.options import Faults
from qutrio.sim.schedule import perform, plan


def first_broken(options: Namespace) -> dict[str, object] | None:
    """Return the first seed that breaks an invariant, its size and what broke."""
    faults = Faults(**options.faults) if options.faults is not None else None
    for seed in range(options.first, options.first + options.seeds):
        size = options.sizes[seed % len(options.sizes)]
        times = options.faulty, options.healing
        schedule = plan(seed, size, *times, faults, engine=options.engine)
        broken = perform(schedule).broken
        if broken is not None:
            return {"seed": seed, "size": size, "broken": broken}
    return None


def main() -> None:
    """Print the first of `--seeds` seeds from `--first` on that breaks an invariant."""
    parser = ArgumentParser()
    parser.add_argument("--package", type=Path, required=True)
    parser.add_argument("--first", type=int, required=True)
    parser.add_argument("--seeds", type=int, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", required=True)
    parser.add_argument("--faulty", type=float, required=True)
    parser.add_argument("--healing", type=float, required=True)
    parser.add_argument("--faults", type=json.loads, required=True)
    parser.add_argument("--engine", required=True)
    options = parser.parse_args()
    here = Path(qutrio.__file__).resolve().parent
    assert here == options.package.resolve(), f"{here} was imported"
    sys.stdout.write(json.dumps(first_broken(options)))


if __name__ == "__main__":
    main()

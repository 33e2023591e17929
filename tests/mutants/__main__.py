"""Hunt for every deliberate fault and print a table: `python -m tests.mutants --help`."""

import sys
from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

from tests.mutants.catalogue import EVERY
from tests.mutants.running import Hunt, hunt

COLUMNS = "{:<48} {:>9} {:>6} {:>6} {:>6} {:>8}"


def row(end: Hunt) -> str:
    """Return one line of the table, and a second one for a fault that was not caught."""
    found, failure = end.found, end.failure
    line = COLUMNS.format(
        end.mutant.name,
        end.invariant or "-",
        end.where or "-",
        len(end.mutant.tests) or end.mutant.within,
        found.size or "-" if found is not None else "-",
        f"{end.seconds:.1f}",
    )
    return line if failure is None else f"{line}\n    NOT CAUGHT: {failure}"


def main() -> int:
    """Return 0 when every fault was caught within its number of seeds, else 1."""
    parser = ArgumentParser(
        prog="python -m tests.mutants",
        description="Put deliberate faults into the program, one at a time, and see each caught.",
    )
    parser.add_argument("names", nargs="*", help="only these faults")
    parser.add_argument("--jobs", type=int, default=cpu_count() or 1, help="hunts at one time")
    options = parser.parse_args()
    chosen = [mutant for mutant in EVERY if not options.names or mutant.name in options.names]
    unknown = sorted(set(options.names) - {mutant.name for mutant in chosen})
    if unknown:
        parser.error(f"there is no fault named {unknown}; see tests/mutants/catalogue.py")
    print(COLUMNS.format("fault", "invariant", "seeds", "of", "nodes", "seconds"))
    caught = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for end in pool.map(hunt, chosen):
            print(row(end), flush=True)
            caught += end.failure is None
    print(f"{caught} of {len(chosen)} faults caught")
    return 0 if caught == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())

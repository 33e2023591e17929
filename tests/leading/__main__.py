"""Kill the master again and again: `python -m tests.leading --failures 20 --seed 7`."""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.clusters import QUICK, Cluster
from tests.leading.lead_commands import FAILURES, LeadCommands


def main() -> int:
    """Run, print what happened, and return 0 when no two commands ever ran at once."""
    parser = argparse.ArgumentParser(prog="python -m tests.leading", description=__doc__)
    parser.add_argument("--failures", type=int, default=20, help="how many [20]")
    parser.add_argument("--nodes", type=int, default=3, help="of the cluster [3]")
    parser.add_argument("--engine", default="lowest-id", help="who should lead [lowest-id]")
    parser.add_argument("--seed", type=int, default=1, help="of the order of failures [1]")
    parser.add_argument("--only", choices=FAILURES, help="one kind of failure, again and again")
    parser.add_argument("--keep", action="store_true", help="keep the directory with the logs")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="qutrio-"))
    cluster = Cluster(home, options.nodes, {})
    leads = LeadCommands(cluster, home)
    kept = True
    try:
        cluster.start(QUICK)
        cluster.nodes[0].cli("cluster", "engine", "set", options.engine)
        cluster.settle()
        leads.start()
        _play(
            leads,
            options.failures,
            [options.only] if options.only else FAILURES,
            random.Random(options.seed),
        )
        kept = options.keep
    finally:
        leads.end()
        cluster.end()
        faults = leads.ledger.faults()
        _summary(leads, faults)
        if not kept and not faults:
            shutil.rmtree(home)
        else:
            _say(f"kept: {home}")
    return 1 if faults else 0


def _play(leads: LeadCommands, count: int, failures: Sequence[str], rng: random.Random) -> None:
    order = [failure for _ in range(count) for failure in rng.sample(failures, len(failures))][
        :count
    ]
    for number, failure in enumerate(order, start=1):
        began = time.monotonic()
        leads.cause(failure)
        _say(f"{number:3} {failure}: next life after {time.monotonic() - began:.1f} s")


def _summary(leads: LeadCommands, faults: list[str]) -> None:
    runs, gaps = leads.ledger.runs(), sorted(leads.ledger.gaps())
    terms = f"terms {runs[0].term} to {runs[-1].term}" if runs else "no term"
    _say(f"{len(runs)} lives of the command on {len({r.node for r in runs})} nodes, {terms}")
    if gaps:
        middle = gaps[len(gaps) // 2]
        _say(f"nobody led for {gaps[0]:.2f} to {gaps[-1]:.2f} s, median {middle:.2f} s")
    _say("\n".join(faults) or "no two overlapped, and the term never fell")


def _say(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

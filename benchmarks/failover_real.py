"""How long there is no leader after the leader dies: qutrio's engines, etcd and keepalived.

Run with `python benchmarks/failover_real.py [--trials N] [--gossip-trials N] [--only NAME ...]`,
as root for keepalived, or `--quick` to see that it works.  Every rival has three real processes
on this machine, with its default timers and its data in one temporary directory.  The leader gets
SIGKILL at a random time; the measured time is from just before the signal until a survivor, asked
every 10 ms, says that it leads (keepalived: until it has the address).  Then the dead one is
started again, and all agree before the next trial.  The rivals take turns.
"""

import argparse
import math
import os
import platform
import random
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import _etcd
import _keepalived
from _qutrio import Qutrio
from _rivals import POLL_S, Record, Rival
from nodes import machine

from qutrio import __version__

TRIALS = 20
NAMES = ("lowest-id", "raft", "gossip", "etcd", "keepalived")


def rivals(names: list[str], home: Path) -> dict[str, Callable[[], Rival]]:
    """Return the factories of the rivals that can run here, and print why others cannot."""
    makers: dict[str, Callable[[], Rival]] = {}
    for name in names:
        maker: Callable[[], Rival]
        match name:
            case "etcd":
                missing, maker = _etcd.missing(), partial(_etcd.Etcd, home / name)
            case "keepalived":
                missing = _keepalived.missing()
                maker = partial(_keepalived.Keepalived, home / name)
            case _:
                missing, maker = "", partial(Qutrio, name, home / name)
        if missing:
            print(f"{name} is left out: {missing}")
        else:
            makers[name] = maker
    return makers


def run(records: list[Record], rng: random.Random) -> None:
    """Run the trials of all rivals in turn."""
    for number in range(max(record.trials for record in records)):
        for record in records:
            if number < record.trials:
                record.measure(rng)


def row(record: Record) -> str:
    """Return one line of the table."""
    times = sorted(record.times)
    middle, rare = statistics.median(times), times[math.ceil(0.9 * len(times)) - 1]
    return (
        f"{record.rival.name:>20}  {middle:>7.2f}  {rare:>7.2f}  {times[-1]:>7.2f}  {len(times):>4}"
    )


def load() -> str:
    """Return the load of the machine."""
    return "load " + " ".join(f"{value:.1f}" for value in os.getloadavg())


def main() -> None:
    """Run all trials and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=TRIALS, help="dead leaders of each rival")
    parser.add_argument("--gossip-trials", type=int, help="of gossip, if not as many")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="only these")
    parser.add_argument("--seed", type=int, default=1, help="of the times of death")
    parser.add_argument("--quick", action="store_true", help="one trial of each")
    options = parser.parse_args()
    trials = 1 if options.quick else options.trials
    gossips = trials if options.quick else options.gossip_trials
    print(f"qutrio {__version__}, Python {platform.python_version()}, {machine()}; {load()}")
    with tempfile.TemporaryDirectory(prefix="qutrio-failover-") as directory:
        records = list[Record]()
        try:
            for name, make in rivals(list(options.only), Path(directory)).items():
                enough = gossips if name == "gossip" and gossips is not None else trials
                records.append(Record(make(), enough))
                records[-1].rival.start()
            run(records, random.Random(options.seed))
        finally:
            for record in records:
                record.rival.end()
            print(f"asked every {1000 * POLL_S:g} ms; seconds; {load()} at the end\n")
            print(f"{'':>20}  {'median':>7}  {'p90':>7}  {'worst':>7}  {'n':>4}")
            for record in records:
                print(row(record) if record.times else f"{record.rival.name:>20}  none")


if __name__ == "__main__":
    main()

"""What an idle node costs in clusters of 3, 9 and 25 real processes, and how fast `status` is.

Run with `python benchmarks/nodes.py [SIZE ...] [--engine NAME ...]`.  Every node has its own
data directory and its own loopback address, and joined by token; there are no checks.  Each
cluster changes from one election engine to the next while it runs.  Memory is the proportional set
size (shared pages are divided among those that share them) and the resident set size; CPU is
user and system time of a node during a window, as a share of one core; kilobytes are what its
TCP connections sent in a second, websocket and TLS included, as `ss` of iproute2 counts it.
"""

import argparse
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import trio
from attrs import frozen

from qutrio import __version__
from qutrio.cli.demo import looks
from qutrio.cli.demo.nodes import DemoNode, open_nodes

SIZES = (3, 9, 25)
ENGINES = ("lowest-id", "raft", "gossip")
SETTLE_S = 5.0
WINDOW_S = 30.0
STATUS_RUNS = 11
STEP_S_MAX = 60.0


@frozen
class Cost:
    """The cost of one node: CPU as a share of a core, kB sent per second, memory in MiB."""

    cpu: float
    sent_kb: float
    pss_mib: float
    rss_mib: float


async def main(sizes: Sequence[int], engines: Sequence[str]) -> None:
    """Measure each size and print a table."""
    print(f"qutrio {__version__}, Python {platform.python_version()}, {machine()}")
    print(f"idle for {WINDOW_S:g} s; median (worst) of all nodes; load of the last minute\n")
    heads = [("nodes", 5), ("engine", 9), ("CPU of a core", 16), ("kB/s sent", 12)]
    heads += [("PSS MiB", 14), ("RSS MiB", 14), ("status ms", 12), ("load", 5)]
    print("  ".join(f"{head:>{width}}" for head, width in heads))
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="qutrio-bench-") as directory:
            names = [f"node{number}" for number in range(1, size + 1)]
            async with open_nodes(Path(directory), names) as nodes:
                await gather(nodes)
                for engine in engines:
                    await run_on(nodes, engine)
                    costs = await measure(nodes)
                    status = await trio.to_thread.run_sync(status_ms, nodes[-1])
                    print(row(size, engine, costs, status), flush=True)


async def run_on(nodes: tuple[DemoNode, ...], engine: str) -> None:
    """Switch a running cluster to an engine, and wait until it is stable."""
    shown = await nodes[0].ask("settings.show")
    if shown["settings"]["engine"] != engine:
        await nodes[0].ask("settings.set", set={"engine": engine})
    await trio.sleep(SETTLE_S)
    await looks.until("one master", STEP_S_MAX, partial(looks.agreed_master, nodes))


async def gather(nodes: tuple[DemoNode, ...]) -> None:
    """Start all nodes, and wait until each of them sees all as live voters."""
    first = nodes[0]
    await first.serve()
    await looks.until("the first node", STEP_S_MAX, partial(looks.master, [first]))
    for count, node in enumerate(nodes[1:], start=2):
        invitation = await first.ask("enroll.create", name=node.name, auto_approve=True)
        await node.join(invitation["token"])
        await node.serve()
        await looks.until(node.name, STEP_S_MAX, partial(looks.all_vote, nodes[:count]))


async def measure(nodes: tuple[DemoNode, ...]) -> list[Cost]:
    """Measure every process for a window."""
    pids = [node.process.pid for node in nodes if node.process is not None]
    before, sent, began = [cpu_s(pid) for pid in pids], sent_bytes(), time.monotonic()
    await trio.sleep(WINDOW_S)
    took = time.monotonic() - began
    sent_since = sent_bytes()
    sent_since.subtract(sent)
    return [
        Cost((cpu_s(pid) - used) / took, sent_since[pid] / took / 1000, *memory_mib(pid))
        for pid, used in zip(pids, before, strict=True)
    ]


def sent_bytes() -> Counter[int]:
    """Return what the open TCP connections of each process have sent so far."""
    command = ["ss", "--tcp", "--info", "--processes", "--no-header", "--oneline"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    sent = Counter[int]()
    for line in told.splitlines():
        pid, count = re.search(r"pid=(\d+)", line), re.search(r"bytes_sent:(\d+)", line)
        if pid and count:
            sent[int(pid[1])] += int(count[1])
    return sent


def cpu_s(pid: int) -> float:
    """Return the seconds of CPU a process has used: utime and stime of proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int) -> tuple[float, float]:
    """Return the proportional and the resident set size of a process."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    kib = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()[1:]}
    return kib["Pss"] / 1024, kib["Rss"] / 1024


def status_ms(node: DemoNode) -> list[float]:
    """Return the wall time of `qutrio status` in several runs, interpreter start included."""
    command = [str(Path(sys.executable).with_name("qutrio")), "status"]
    if not Path(command[0]).exists():
        command = [sys.executable, "-m", "qutrio", "status"]
    environ = {**os.environ, "QUTRIO_SOCKET": str(node.socket)}
    took = []
    for _ in range(STATUS_RUNS):
        began = time.perf_counter()
        subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
        took.append(1000 * (time.perf_counter() - began))
    return took


def row(size: int, engine: str, costs: list[Cost], status: list[float]) -> str:
    """Return one line of the table."""
    cpu = [100 * cost.cpu for cost in costs]
    return (
        f"{size:>5}  {engine:>9}  {spread(cpu, ' %', digits=2):>16}"
        f"  {spread([c.sent_kb for c in costs]):>12}"
        f"  {spread([c.pss_mib for c in costs]):>14}  {spread([c.rss_mib for c in costs]):>14}"
        f"  {spread(status, digits=0):>12}  {os.getloadavg()[0]:>5.1f}"
    )


def spread(values: list[float], unit: str = "", digits: int = 1) -> str:
    """Return the median, and the worst in brackets."""
    return f"{statistics.median(values):.{digits}f} ({max(values):.{digits}f}){unit}"


def machine() -> str:
    """Return a description of this machine."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    return f"{os.cpu_count()} x {models[0] if models else platform.machine()}"


def asked() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sizes", type=int, nargs="*", default=SIZES, help="numbers of nodes")
    parser.add_argument("--engine", nargs="+", choices=ENGINES, default=ENGINES)
    return parser.parse_args()


if __name__ == "__main__":
    options = asked()
    trio.run(main, options.sizes, options.engine)

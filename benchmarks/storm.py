"""A mass outage: thousands of checks of real nodes fail at once, and recover.

Run with `python benchmarks/storm.py [CHECKS ...]`.  The checks are TCP checks at 30 s of one port
on loopback, which closes under all of them and opens again later; a webhook on loopback receives
the notices.  Meanwhile `qutrio check add` and `qutrio status` are run again and again.  With
`--nodes 3` three nodes watch the same checks, `--engine` says by which election, `--kill` kills the
master ten seconds into the outage, and `--busy N` runs N processes beside that only compute.

The table says for the outage and for the recovery: after how many seconds the last node showed all
checks in the new state; after how many the first and the last message came, how many there were,
and how many notices they stood for (with those of the checks that were added meanwhile); the CPU
seconds of the busiest node; the longest `check add` and `status`, and how many failed; how often
the term changed.
"""

import argparse
import json
import os
import platform
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trio
from attrs import define, field
from nodes import cpu_s, gather, machine, memory_mib, run_on

from qutrio import __version__
from qutrio.cli.demo import looks
from qutrio.cli.demo.nodes import DemoError, DemoNode, open_nodes

INTERVAL_S = 30.0
CALM_S = 30.0
PHASE_S_MAX = 200.0
STEP_S_MAX = 240.0
KILL_AFTER_S = 10.0
SETTLE_S = 12.0
"""How long messages are awaited after the last node showed the new state."""
LOOK_EVERY_S = 0.5
ADD_EVERY_S = 3.0


@define
class Target:
    """A port that all checks connect to, open or closed."""

    port: int
    _listening: socket.socket | None = None

    def open(self) -> None:
        """Accept connections from now on."""
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", self.port))
        listening.listen(4096)
        self._listening = listening
        threading.Thread(target=self._serve, args=(listening,), daemon=True).start()

    def close(self) -> None:
        """Refuse connections from now on."""
        assert self._listening is not None
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    @staticmethod
    def _serve(listening: socket.socket) -> None:
        while True:
            try:
                listening.accept()[0].close()
            except OSError:
                return


@define
class Inbox:
    """What the webhook received: when, and which document."""

    came: list[tuple[float, dict[str, object]]] = field(factory=list)

    def serve(self) -> int:
        """Receive from now on; return the port."""
        came = self.came

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                came.append((time.monotonic(), json.loads(self.rfile.read(length))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_port


@define
class Phase:
    """One turn of all checks, as it was measured."""

    began: float
    done_s: float | None = None
    cpu: float = 0.0
    adds: list[tuple[float, int]] = field(factory=list)
    looks: list[tuple[float, int]] = field(factory=list)
    terms: set[int] = field(factory=set)
    over: bool = False


def notices(document: dict[str, object]) -> Counter[str]:
    """Return how many notices of each kind a message stands for."""
    if document["event"] != "digest":
        return Counter({str(document["event"]): 1})
    counts = document["counts"]
    assert isinstance(counts, dict)
    return Counter(counts)


async def watch_states(nodes: list[DemoNode], phase: Phase, state: str, checks: int) -> None:
    """Wait until every node shows as many checks in a state."""
    while time.monotonic() - phase.began < PHASE_S_MAX:
        seen = []
        for node in nodes:
            if node.process is None:
                continue
            try:
                status = await node.ask("status")
            except DemoError:
                seen.append(0)
                continue
            phase.terms.add(status["term"])
            seen.append(
                sum(c["state"] == state and c["name"].startswith("s") for c in status["checks"])
            )
        if all(count >= checks for count in seen):
            phase.done_s = time.monotonic() - phase.began
            break
        await trio.sleep(LOOK_EVERY_S)
    await trio.sleep(SETTLE_S)
    phase.over = True


async def command(node: DemoNode, *arguments: str) -> tuple[float, int]:
    """Run a command as a user would; return how long it took and its exit code."""
    began = time.monotonic()
    ended = await trio.run_process(
        [sys.executable, "-m", "qutrio", *arguments],
        env={**os.environ, "QUTRIO_SOCKET": str(node.socket)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return time.monotonic() - began, ended.returncode


async def keep_adding(node: DemoNode, phase: Phase, port: int) -> None:
    """Add checks of a port that stays open."""
    while not phase.over:
        name = f"x{int(time.monotonic() * 1000)}"
        phase.adds.append(
            await command(
                node, "check", "add", "tcp", name, f"127.0.0.1:{port}", "--interval", "1h"
            )
        )
        await trio.sleep(ADD_EVERY_S)


async def keep_looking(node: DemoNode, phase: Phase) -> None:
    """Look at the status."""
    while not phase.over:
        phase.looks.append(await command(node, "status"))
        await trio.sleep(LOOK_EVERY_S)


async def kill_later(nodes: list[DemoNode], node: DemoNode) -> None:
    """Kill a node in the middle of the outage."""
    await trio.sleep(KILL_AFTER_S)
    await node.kill()
    nodes.remove(node)


async def turn(  # noqa: PLR0917 - one outage
    nodes: list[DemoNode], user: DemoNode, state: str, checks: int, port: int, kill: DemoNode | None
) -> Phase:
    """Wait for all checks to turn, with users at work."""
    alive = [node for node in nodes if node.process is not None and node is not kill]
    pids = [node.process.pid for node in alive if node.process is not None]
    before, phase = [cpu_s(pid) for pid in pids], Phase(time.monotonic())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch_states, nodes, phase, state, checks)
        nursery.start_soon(keep_adding, user, phase, port)
        nursery.start_soon(keep_looking, user, phase)
        if kill is not None:
            nursery.start_soon(kill_later, nodes, kill)
    phase.cpu = max(cpu_s(pid) - used for pid, used in zip(pids, before, strict=True))
    return phase


def row(name: str, phase: Phase, inbox: Inbox) -> str:
    """Return one line of the table."""
    came = [(at - phase.began, doc) for at, doc in inbox.came if at >= phase.began]
    told = Counter[str]()
    for _, document in {str(doc["notice_id"]): (0, doc) for _, doc in came}.values():
        told += notices(document)
    first = f"{came[0][0]:.1f}" if came else "-"
    last = f"{came[-1][0]:.1f}" if came else "-"
    done = "-" if phase.done_s is None else f"{phase.done_s:.1f}"
    words = ", ".join(f"{count} {kind}" for kind, count in sorted(told.items()))
    return (
        f"{name:>9}  {done:>7}  {first:>7}  {last:>6}  {len(came):>8}  {words:<28}"
        f"  {phase.cpu:>5.1f}  {worst(phase.adds):>14}  {worst(phase.looks):>14}"
        f"  {len(phase.terms) - 1:>5}"
    )


def worst(runs: list[tuple[float, int]]) -> str:
    """Return the longest of some runs, and how many failed."""
    failed = sum(code != 0 for _, code in runs)
    return f"{max(took for took, _ in runs):.2f} ({failed}/{len(runs)})"


async def all_up(node: DemoNode, checks: int) -> bool | None:
    """Return True once a node shows all checks up."""
    try:
        status = await node.ask("status")
    except DemoError:
        return None
    return sum(check["state"] == "up" for check in status["checks"]) >= checks or None


def written(text: str, checks: int, port: int) -> str:
    """Return a cluster.yaml with as many checks of a port."""
    head, tail = re.split(r"(?m)^checks:.*$", text)
    items = (
        f'  - name: "s{number:05d}"\n    kind: "tcp"\n    address: "127.0.0.1:{port}"\n'
        f'    interval: "{INTERVAL_S:g}s"\n'
        for number in range(checks)
    )
    return f"{head}checks:\n{''.join(items)}{tail}"


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def storm(checks: int, options: argparse.Namespace) -> None:
    """Measure one outage and print its lines."""
    target, inbox = Target(free_port()), Inbox()
    target.open()
    port = inbox.serve()
    with tempfile.TemporaryDirectory(prefix="qutrio-bench-") as directory:
        names = [f"node{number}" for number in range(1, options.nodes + 1)]
        async with open_nodes(Path(directory), names) as opened:
            nodes = list(opened)
            await gather(opened)
            await run_on(opened, options.engine)
            url = f"http://127.0.0.1:{port}/"
            await command(nodes[0], "alert", "add", "webhook", "hook", url, "--default")
            await trio.sleep(2)
            path = nodes[0].directory / "data" / "cluster.yaml"
            path.write_text(written(path.read_text(), checks, target.port))
            began = time.monotonic()
            for node in nodes:
                await looks.until("all up", STEP_S_MAX, partial(all_up, node, checks))
            ready_s = time.monotonic() - began
            pids = [node.process.pid for node in nodes if node.process is not None]
            before = [cpu_s(pid) for pid in pids]
            await trio.sleep(CALM_S)
            calm = max(cpu_s(pid) - used for pid, used in zip(pids, before, strict=True)) / CALM_S
            rss = max(memory_mib(pid)[1] for pid in pids)
            print(
                f"{checks} checks, {options.nodes} nodes, {options.engine}: all up after"
                f" {ready_s:.0f} s; calm {100 * calm:.1f} % of a core, {rss:.0f} MiB",
                flush=True,
            )
            leader = await looks.until("a master", STEP_S_MAX, partial(looks.agreed_master, nodes))
            master = next(node for node in nodes if node.name == leader.master)
            user = next((node for node in nodes if node is not master), master)
            target.close()
            kill = master if options.kill and options.nodes > 1 else None
            phase = await turn(nodes, user, "down", checks, port, kill)
            print(row("outage", phase, inbox), flush=True)
            target.open()
            phase = await turn(nodes, user, "up", checks, port, None)
            print(row("recovery", phase, inbox), flush=True)
            pids = [node.process.pid for node in nodes if node.process is not None]
            print(
                f"           {max(memory_mib(pid)[1] for pid in pids):.0f} MiB at the end",
                flush=True,
            )
            target.close()


async def main(sizes: Sequence[int], options: argparse.Namespace) -> None:
    """Measure each size and print a table."""
    print(f"qutrio {__version__}, Python {platform.python_version()}, {machine()}")
    heads = [("phase", 9), ("done s", 7), ("first s", 7), ("last s", 6), ("messages", 8)]
    heads += [("notices", -28), ("CPU s", 5), ("add s (failed)", 14), ("status s (...)", 14)]
    heads += [("terms", 5)]
    print("  ".join(f"{h:<{-w}}" if w < 0 else f"{h:>{w}}" for h, w in heads), flush=True)
    loop = [sys.executable, "-c", "while True: pass"]
    async with trio.open_nursery() as nursery:
        for _ in range(options.busy):
            nursery.start_soon(trio.run_process, loop)
        for size in sizes:
            await storm(size, options)
        nursery.cancel_scope.cancel()


def asked() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sizes", type=int, nargs="*", default=(1000, 5000), help="checks")
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--engine", default="lowest-id")
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--busy", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    parsed = asked()
    trio.run(main, parsed.sizes, parsed)

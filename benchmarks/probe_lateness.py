"""Whether hostile targets delay the probes of others: `python benchmarks/probe_lateness.py`.

Well-behaved checks of a local nginx run alone, and then among many checks of servers that are
silent, drip, or never stop sending.  Lateness is the distance of a start from its planned time.
"""

import random
import statistics
import subprocess
import sys
import time
from functools import partial

import trio
from probes import free_port, local_nginx, machine_line, running

from qutrio.core.api.events import Observed
from qutrio.core.api.view import View
from qutrio.model.checks import Check, HttpCheck, StatusRange
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import CheckId, Fingerprint, NodeId, Revision, Term
from qutrio.model.members import Member
from qutrio.model.stable import Position
from qutrio.plumbing.clock import BootClock
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from qutrio.probes.interface import Tools
from qutrio.probes.observations import Observation
from qutrio.probes.registry import probe
from qutrio.probes.schedule import offset_share
from qutrio.probes.supervisor import supervise
from qutrio.probes.toolbox import make_tools

GOOD_CHECKS, HOSTILE_CHECKS = 300, 400
INTERVAL_S, HOSTILE_TIMEOUT_S = 2.0, 10.0
WATCH_S = 30.0
TARGET_LATE_MS = 100.0
OURSELVES = [sys.executable, __file__]

HOSTILE_KINDS = ("silent", "drip", "headers", "body", "garbage", "chunks")


async def _hostile(kind: str, stream: trio.SocketStream) -> None:
    ok = b"HTTP/1.1 200 OK\r\n"
    heads = {
        "drip": ok + b"X-Slow: ",
        "headers": ok,
        "body": ok + b"\r\n",
        "garbage": b"",
        "chunks": ok + b"Transfer-Encoding: chunked\r\n\r\n",
    }
    pieces = {
        "drip": b"x",
        "headers": b"X-Filler: " + b"x" * 4000 + b"\r\n",
        "body": b"x" * 65536,
        "garbage": bytes(range(256)) * 16,
        "chunks": b"1\r\nx\r\n" * 4096,
    }
    try:
        if kind == "silent":
            await trio.sleep_forever()
        await stream.send_all(heads[kind])
        while True:
            await stream.send_all(pieces[kind])
            await trio.sleep(1 if kind == "drip" else 0)
    except trio.BrokenResourceError:
        return
    finally:
        await trio.aclose_forcefully(stream)


async def serve_hostile(ports: list[int]) -> None:
    """Serve every kind of hostile target, each on its port, until killed."""
    async with trio.open_nursery() as nursery:
        for kind, port in zip(HOSTILE_KINDS, ports, strict=True):
            handler = partial(_hostile, kind)
            nursery.start_soon(partial(trio.serve_tcp, handler, port, host="127.0.0.1"))


NODE = NodeId("n0")


def view_of(checks: list[Check]) -> View:
    """Return the view of a one-node cluster that watches `checks`."""
    member = Member(
        id=NODE,
        name="bench",
        address="127.0.0.1:9901",
        fingerprint=Fingerprint("0" * 64),
        certificate="",
    )
    ordered = tuple(sorted(checks, key=lambda c: c.id))
    return View(
        node=NODE,
        document=ClusterDocument(
            cluster_id="bench", revision=Revision(1), members=(member,), checks=ordered
        ),
        position=Position(),
        term=Term(1),
        master=None,
        acting_until=None,
        live=frozenset({NODE}),
        removed=False,
    )


def mixed_checks(good_url: str, ports: list[int]) -> list[Check]:
    """Return well-behaved checks and hostile ones."""
    fine = [
        HttpCheck(id=CheckId(f"good{i:04}"), name=f"good{i}", url=good_url, interval_s=INTERVAL_S)
        for i in range(GOOD_CHECKS)
    ]
    bad = [
        HttpCheck(
            id=CheckId(f"hostile{i:04}"),
            name=f"hostile{i}",
            url=f"http://127.0.0.1:{ports[i % len(ports)]}/",
            interval_s=INTERVAL_S,
            timeout_s=HOSTILE_TIMEOUT_S,
            expect_status=(StatusRange(404, 404),),
        )
        for i in range(HOSTILE_CHECKS)
    ]
    return [*fine, *bad]


async def lateness_of(checks: list[Check]) -> tuple[list[float], int]:
    """Return how late (ms) each start of a good check was, and how many results came."""
    clock, late, results = BootClock(), [], 0
    view, inbox = Latest(view_of(checks)), Inbox("bench")
    _, demands = trio.open_memory_channel[tuple[CheckId, ...]](1)
    steady_from = clock.now() + 2 * INTERVAL_S + len(checks) / 100.0

    async def timed(check: Check, tools: Tools) -> Observation:
        if check.id.startswith("good") and clock.now() > steady_from:
            due = offset_share(check.id, NODE, (NODE,)) * check.interval_s
            off = (clock.wall() - due) % check.interval_s
            late.append(1000 * min(off, check.interval_s - off))  # wall time may be slewed
        return await probe(check, tools)

    with trio.move_on_after(WATCH_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                partial(
                    supervise,
                    view,
                    inbox,
                    demands,
                    clock,
                    make_tools(clock),
                    print_line,
                    random.Random(1),
                    probe=timed,
                )
            )
            while True:
                event = await inbox.next(WATCH_S)
                results += isinstance(event, Observed)
    return late, results


def watch_machine(seconds: float) -> None:
    """Print the worst oversleep (ms) of a process that does nothing else but sleep."""
    worst, end = 0.0, time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        time.sleep(0.005)
        worst = max(worst, time.monotonic() - now - 0.005)
    print(f"{1000 * worst:.1f}")


def measure_lateness() -> None:
    """Print how late well-behaved checks were, alone and among hostile ones.

    Also print the worst oversleep of an idle process in the same time, which is the delay that a
    busy machine causes anyway.
    """
    ports = [free_port() for _ in HOSTILE_KINDS]
    command = [*OURSELVES, "hostile", *map(str, ports)]
    with local_nginx() as target, running(command, *ports):
        for title, wanted in (("alone", "good"), (f"among {HOSTILE_CHECKS} hostile", "")):
            checks = [c for c in mixed_checks(target.url, ports) if c.id.startswith(wanted)]
            began = time.process_time()
            control = [*OURSELVES, "machine", str(WATCH_S)]
            with subprocess.Popen(control, stdout=subprocess.PIPE, text=True) as machine:
                late, results = trio.run(lateness_of, checks)
                cpu = (time.process_time() - began) / WATCH_S
                noise = machine.communicate()[0].strip()
            spread = statistics.quantiles(late, n=100)
            verdict = "met" if max(late) <= TARGET_LATE_MS else "MISSED"
            print(
                f"{GOOD_CHECKS} checks every {INTERVAL_S:g}s {title}: starts late by median "
                f"{spread[49]:.1f} ms, p99 {spread[98]:.1f} ms, max {max(late):.1f} ms "
                f"({verdict}: {TARGET_LATE_MS:g} ms; an idle process: {noise} ms); "
                f"{results} results, {cpu:.0%} of a core"
            )


def print_line(what: str, /, **details: object) -> None:
    """Print a log line."""
    print("log:", what, details)


def main(arguments: list[str]) -> None:
    """Measure, or run one part in a process of its own."""
    match arguments:
        case ["hostile", *ports]:
            trio.run(serve_hostile, [int(port) for port in ports])
        case ["machine", seconds]:
            watch_machine(float(seconds))
        case _:
            print(machine_line())
            measure_lateness()


if __name__ == "__main__":
    main(sys.argv[1:])

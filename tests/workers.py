"""Ports and addresses for each process of a test run, so that they do not interfere."""

import os
from collections.abc import Iterator, Sequence
from itertools import count
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM, SocketKind, socket
from typing import TypeVar

PROCESSES = 6
"""More than a small machine has cores, because most tests wait most of the time."""

WORKERS_MAX = 20
FIRST_PORT, PORTS_EACH = 10_000, 1_000
"""All below the range that the kernel gives to outgoing connections, so that none takes one."""

LONG_WITHIN = 0.6
"""Long tests begin in the first part of a process's share, so that short ones even out the end."""

T = TypeVar("T")


def number() -> int:
    """Return the number of this process in the run, from 0; 0 if it is the only one."""
    name = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return int(name.removeprefix("gw")) % WORKERS_MAX


def own_address(host: int) -> str:
    """Return one of this process's own loopback addresses; `host` from 1 to 254."""
    return f"127.77.{number()}.{host}"


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port of `address` that is not in use and was not returned before.

    Nobody else is given it either: not another process of this run, and not by the kernel.  A
    port comes round again after all others.
    """
    for _ in range(PORTS_EACH):
        port = next(_ports)
        if all(_is_free(address, port, kind) for kind in (SOCK_STREAM, SOCK_DGRAM)):
            return port
    raise AssertionError(f"no free port at {address}")


def dealt(long: Sequence[T], short: Sequence[T], workers: int) -> list[T]:
    """Return both in an order that, cut into so many equal parts, is fair to each.

    Every part has as many long ones as the others, and has work for the processor while it waits.
    """
    order: list[T] = []
    for worker in range(workers):
        waits = list(long[worker::workers])
        works = short[len(short) * worker // workers : len(short) * (worker + 1) // workers]
        step = max(1, int(len(works) * LONG_WITHIN) // max(1, len(waits)))
        for begin in range(0, len(works), step):
            order += [waits.pop(0)] if waits else []
            order += works[begin : begin + step]
        order += waits
    return order


def _is_free(address: str, port: int, kind: SocketKind) -> bool:
    with socket(AF_INET6 if ":" in address else AF_INET, kind) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def _own_ports() -> Iterator[int]:
    """Yield this process's ports forever; two runs at once seldom begin at the same one."""
    begin = os.getpid()
    for step in count():
        yield FIRST_PORT + number() * PORTS_EACH + (begin + step) % PORTS_EACH


_ports = _own_ports()

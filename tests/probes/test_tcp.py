"""The TCP prober, the registry, and faults that are this node's own."""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from attrs import evolve

from qutrio.model.checks import TcpCheck, UnknownCheck
from qutrio.model.ids import CheckId
from qutrio.model.results import Outcome
from qutrio.probes.attempt import Progress, explain
from qutrio.probes.interface import Tools
from qutrio.probes.registry import probe
from tests.probes.servers import served, silent
from tests.workers import free_port


def tcp(address: str, **changes: Any) -> TcpCheck:
    return evolve(TcpCheck(id=CheckId("c1"), name="ssh", address=address), **changes)


async def test_an_accepted_connection_is_ok(tools: Tools) -> None:
    async with served(silent) as port:
        seen = await probe(tcp(f"127.0.0.1:{port}"), tools)
    assert (seen.outcome, seen.detail) == (Outcome.OK, f"connected to 127.0.0.1 port {port}")
    assert seen.latency_ms is not None


async def test_a_refused_connection_is_a_failure(tools: Tools) -> None:
    port = free_port()
    seen = await probe(tcp(f"127.0.0.1:{port}"), tools)
    assert seen.outcome is Outcome.FAIL
    assert seen.detail == f"connection refused while connecting to 127.0.0.1:{port}"


async def test_a_check_of_an_unknown_kind_is_an_abstention(tools: Tools) -> None:
    seen = await probe(UnknownCheck(id=CheckId("c1"), name="x", kind_name="quic"), tools)
    assert seen.outcome is Outcome.ABSTAIN
    assert seen.detail == "check type 'quic' is not known here; upgrade this node"


@contextmanager
def no_files_left() -> Iterator[None]:
    """Let this process open no more files until the block ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    next_free = os.dup(0)
    os.close(next_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_running_out_of_files_is_an_abstention(tools: Tools) -> None:
    with no_files_left():
        seen = await probe(tcp("127.0.0.1:22"), tools)
    assert seen.outcome is Outcome.ABSTAIN
    assert "too many open files on this node" in seen.detail


@pytest.mark.parametrize(
    ("code", "local", "outcome"),
    [
        (errno.ENETUNREACH, True, Outcome.ABSTAIN),
        (errno.ENETUNREACH, False, Outcome.FAIL),
        (errno.EHOSTUNREACH, False, Outcome.FAIL),
        (errno.ECONNRESET, False, Outcome.FAIL),
        (errno.EPERM, False, Outcome.ABSTAIN),
        (errno.EADDRNOTAVAIL, False, Outcome.ABSTAIN),
        (errno.ELOOP, False, Outcome.FAIL),
    ],
)
async def test_the_operating_systems_errors_blame_the_right_side(
    tools: Tools, code: int, local: bool, outcome: Outcome
) -> None:
    progress = Progress(tools, tools.clock.now(), "connecting to 192.0.2.1:22", local)
    seen = explain(OSError(code, os.strerror(code)), progress)
    assert seen.outcome is outcome
    assert seen.detail.endswith(" while connecting to 192.0.2.1:22")

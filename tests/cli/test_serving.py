"""Real daemons, started as an operator starts them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from attrs import frozen

from qutrio.cli.exits import ExitCode
from tests.patience import HANG_S
from tests.workers import free_port

START_S_MAX = HANG_S


@frozen
class Host:
    """A folder that plays a host, and its address."""

    name: str
    folder: Path
    port: int

    def environment(self) -> dict[str, str]:
        """Return what an operator would have exported."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("QUTRIO_")}
        return kept | {
            "QUTRIO_DIR": str(self.folder / self.name),
            "QUTRIO_SOCKET": str(self.folder / f"{self.name}.sock"),
            "QUTRIO_NAME": self.name,
            "QUTRIO_BIND": "127.0.0.1",
            "QUTRIO_PORT": str(self.port),
            "QUTRIO_LOG": "json",
        }

    async def run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run one command to its end."""
        return await trio.run_process(
            [sys.executable, "-m", "qutrio", *arguments],
            env=self.environment(),
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )

    async def token(self, *options: str) -> str:
        """Make an invitation."""
        made = await self.run("enroll", "create", *options, "--json")
        return str(json.loads(made.stdout)["token"])

    @asynccontextmanager
    async def serving(self, *options: str) -> AsyncIterator[trio.Process]:
        """Run a daemon from "ready" to SIGTERM."""
        process = await trio.lowlevel.open_process(
            [sys.executable, "-m", "qutrio", "serve", *options],
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert process.stdout is not None
        try:
            async with trio.open_nursery() as nursery:
                with trio.fail_after(START_S_MAX):
                    await _ready(process.stdout)
                nursery.start_soon(_drain, process.stdout)
                yield process
                process.send_signal(signal.SIGTERM)
                await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
            await process.stdout.aclose()


async def _ready(log: trio.abc.ReceiveStream) -> None:
    seen = b""
    while b'"ready"' not in seen:
        chunk = await log.receive_some()
        assert chunk, seen.decode()
        seen += chunk


async def _drain(log: trio.abc.ReceiveStream) -> None:
    while await log.receive_some():
        pass


async def _until_all_vote(host: Host) -> None:
    """Return once a learner has become a voter and a master is known."""
    with trio.fail_after(START_S_MAX):
        while True:
            status = await host.run("status", "--json")
            if status.returncode == ExitCode.OK:
                members = json.loads(status.stdout)["members"]
                if all(m["voter"] and m["live"] for m in members):
                    return


def hosts(folder: Path) -> tuple[Host, Host]:
    """Return two hosts on free ports."""
    return Host("a", folder, free_port()), Host("b", folder, free_port())


@pytest.mark.slow
async def test_empty_directory_becomes_a_cluster_that_stops_cleanly(folder: Path) -> None:
    """`serve` alone is enough; SIGTERM ends it with 0 and takes the socket away."""
    host, _ = hosts(folder)
    async with host.serving() as daemon:
        status = await host.run("status", "--json")
        assert json.loads(status.stdout)["name"] == "a"
        second = await host.run("serve")
        assert second.returncode == ExitCode.ERROR
        assert second.stderr.count(b"\n") == 1
        assert b"in use by process" in second.stderr
    assert daemon.returncode == 0
    assert (await host.run("status")).returncode == ExitCode.NO_DAEMON
    assert not await trio.Path(host.folder / "a.sock").exists()


@pytest.mark.slow
async def test_node_joins_by_token_once(folder: Path) -> None:
    """Create, join, vote, and change the cluster; the same token takes nobody else."""
    first, second = hosts(folder)
    async with first.serving():
        token = await first.token("--auto-approve")
        joined = await second.run("enroll", "join", token)
        assert joined.returncode == ExitCode.OK, joined.stderr
        nodes = json.loads((await first.run("node", "list", "--json")).stdout)
        assert [n["name"] for n in sorted(nodes, key=lambda n: str(n["name"]))] == ["a", "b"]
        again = json.loads((await second.run("enroll", "join", token, "--json")).stdout)
        assert (again["name"], again["member_before"], again["warnings"]) == ("b", True, [])
        third = Host("c", folder, second.port)
        refused = await third.run("enroll", "join", token)
        async with second.serving():
            await _until_all_vote(second)
            added = await second.run("check", "add", "tcp", "db", "127.0.0.1:1")
            assert added.returncode == ExitCode.OK, added.stderr
            listed = await first.run("check", "list", "--json")
            assert [c["name"] for c in json.loads(listed.stdout)] == ["db"]
    assert refused.returncode == ExitCode.ERROR
    assert refused.stderr.count(b"\n") == 1
    assert b"ask for a new one" in refused.stderr


@pytest.mark.slow
async def test_joining_twice_reports_what_the_cluster_has(folder: Path) -> None:
    """And the flags of the second time are told to it by the first start, not undone by it."""
    first, second = hosts(folder)
    async with first.serving():
        token = await first.token("--auto-approve")
        assert (await second.run("enroll", "join", token)).returncode == ExitCode.OK
        again = await second.run("enroll", "join", token, "--name", "bravo")
        assert again.returncode == ExitCode.OK
        assert b"is a member already, as b at" in again.stdout
        assert b"node.yaml says bravo at" in again.stderr


@pytest.mark.slow
async def test_a_failed_join_is_served_alone_only_when_asked(folder: Path) -> None:
    """`--alone` is remembered: the next start needs no option."""
    first, second = hosts(folder)
    async with first.serving():
        token = await first.token("--name", "other")
        refused = await second.run("enroll", "join", token)
        assert refused.returncode == ExitCode.ERROR
        assert b"join with --name other" in refused.stderr
        assert (await second.run("serve")).returncode == ExitCode.ERROR
        async with second.serving("--alone"):
            status = json.loads((await second.run("status", "--json")).stdout)
            assert [m["name"] for m in status["members"]] == ["b"]
        async with second.serving():
            pass

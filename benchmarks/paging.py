"""How long an outage takes to reach a mailbox: three real nodes, a real nginx, real mail.

Prints, over a number of trials, the seconds from stopping nginx (checked every 10 s) to the DOWN
mail and from starting it to the RECOVERED mail; then the seconds from SIGKILL and from SIGTERM of
the master until another node says that it acts.

Example: python benchmarks/paging.py --trials 10 --failovers 5
"""

import argparse
import random
import signal
import statistics
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import trio
from attrs import define, field
from probes import free_port, machine_line

from qutrio.cli.demo import looks
from qutrio.cli.demo.mailbox import Mailbox, open_mailbox
from qutrio.cli.demo.nodes import DemoNode, open_nodes

INTERVAL_S = 10
STEP_S_MAX = 60.0
SAMPLE_S = 0.02
QUIET_S = 5.0
"""A restarted node grants no vote for `dead_after`, so two of three would be no majority."""
NGINX = "/usr/sbin/nginx"
CONFIG = """
daemon off; worker_processes 1; pid {root}/nginx.pid; error_log {root}/error.log;
events {{ worker_connections 128; }}
http {{
  access_log off; client_body_temp_path {root}/b; proxy_temp_path {root}/p;
  fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "ok"; }} }}
}}
"""


@define
class Website:
    """A real nginx that can be stopped and started on one port."""

    root: Path
    port: int = field(factory=free_port)
    _process: trio.Process | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """The URL of the check."""
        return f"http://127.0.0.1:{self.port}/"

    async def start(self) -> None:
        """Start nginx and return when it answers."""
        config = self.root / "nginx.conf"
        config.write_text(CONFIG.format(root=self.root, port=self.port))
        command = [NGINX, "-p", str(self.root), "-c", str(config)]
        self._process = await trio.lowlevel.open_process(command)
        with trio.fail_after(STEP_S_MAX):
            while True:
                try:
                    await (await trio.open_tcp_stream("127.0.0.1", self.port)).aclose()
                except OSError:
                    await trio.sleep(SAMPLE_S)
                else:
                    return

    async def stop(self) -> None:
        """Stop nginx and return when it is gone."""
        if self._process is not None:
            self._process.terminate()
            await self._process.wait()
            self._process = None


async def gather(nodes: tuple[DemoNode, ...]) -> None:
    """Form one cluster of the nodes."""
    first = nodes[0]
    await first.serve()
    await looks.until("a master", STEP_S_MAX, partial(looks.master, [first]))
    for count, node in enumerate(nodes[1:], start=2):
        token = await first.ask("enroll.create", name=node.name, auto_approve=True)
        await node.join(token["token"])
        await node.serve()
        await looks.until("all votes", STEP_S_MAX, partial(looks.all_vote, nodes[:count]))


async def mail(mailbox: Mailbox, word: str, nth: int) -> float:
    """Return the time at which the nth mail about `word` arrives."""
    with trio.fail_after(STEP_S_MAX):
        while len(mailbox.about(word)) < nth:  # noqa: ASYNC110 - measures the time
            await trio.sleep(SAMPLE_S)
    return trio.current_time()


async def outages(
    nodes: tuple[DemoNode, ...], site: Website, mailbox: Mailbox, trials: int, rng: random.Random
) -> None:
    """Stop and start nginx at random phases of the interval."""
    down, up = list[float](), list[float]()
    for trial in range(1, trials + 1):
        await looks.until("UP", STEP_S_MAX, partial(looks.verdict_is, nodes, "up"))
        await looks.until("an empty outbox", STEP_S_MAX, partial(looks.all_delivered, nodes))
        await trio.sleep(rng.uniform(0, INTERVAL_S))
        at = trio.current_time()
        await site.stop()
        down.append(await mail(mailbox, "DOWN", trial) - at)
        await trio.sleep(rng.uniform(0, INTERVAL_S))
        at = trio.current_time()
        await site.start()
        up.append(await mail(mailbox, "RECOVERED", trial) - at)
    await looks.until("an empty outbox", STEP_S_MAX, partial(looks.all_delivered, nodes))
    show("nginx stopped -> DOWN mail", down)
    show("nginx started -> RECOVERED mail", up)
    print(f"mails: {len(mailbox.about('DOWN'))} DOWN, {len(mailbox.about('RECOVERED'))} RECOVERED")


async def failovers(nodes: tuple[DemoNode, ...], trials: int) -> None:
    """End the master, by force and by request, and wait for the next."""
    for how in (signal.SIGKILL, signal.SIGTERM):
        gaps = list[float]()
        for _ in range(trials):
            leader = await looks.until("a master", STEP_S_MAX, partial(looks.agreed_master, nodes))
            master = next(n for n in nodes if n.name == leader.name)
            others = [n for n in nodes if n is not master]
            assert master.process is not None
            at = trio.current_time()
            master.process.send_signal(how)
            with trio.fail_after(STEP_S_MAX):
                while await looks.master(others) is None:  # noqa: ASYNC110 - other processes
                    await trio.sleep(SAMPLE_S)
            gaps.append(trio.current_time() - at)
            await master.process.wait()
            await master.serve()
            await looks.until("all votes", STEP_S_MAX, partial(looks.all_vote, nodes))
            await trio.sleep(QUIET_S)
        show(f"{how.name} of the master -> another acts", gaps)


def show(what: str, seconds: list[float]) -> None:
    """Print the median and the worst, if anything was measured."""
    if not seconds:
        return
    middle, worst = statistics.median(seconds), max(seconds)
    print(
        f"{what:42} median {middle:6.2f} s   worst {worst:6.2f} s   of {len(seconds)}", flush=True
    )


@asynccontextmanager
async def setup() -> AsyncIterator[tuple[tuple[DemoNode, ...], Website, Mailbox]]:
    """Provide a running cluster that checks a running nginx and sends to a mailbox."""
    with tempfile.TemporaryDirectory() as root:
        site = Website(Path(root))
        async with open_mailbox() as mailbox, open_nodes(Path(root)) as nodes:
            await site.start()
            try:
                await gather(nodes)
                await nodes[0].ask(
                    "alert.add",
                    channel={
                        "kind": "smtp",
                        "name": "mail",
                        "host": "127.0.0.1",
                        "port": mailbox.port,
                        "security": "none",
                        "sender": "qutrio@example.org",
                        "recipients": ["ops@example.org"],
                    },
                )
                check = {"kind": "http", "name": "web", "url": site.url, "interval": INTERVAL_S}
                await nodes[0].ask("check.add", check=check)
                yield nodes, site, mailbox
            finally:
                await site.stop()


async def main() -> None:
    """Run the trials of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10, help="outages; 0 leaves them out")
    parser.add_argument("--failovers", type=int, default=5, help="dead masters of each kind, or 0")
    parser.add_argument("--seed", type=int, default=1, help="of the times in the interval")
    options = parser.parse_args()
    print(machine_line())
    async with setup() as (nodes, site, mailbox):
        await outages(nodes, site, mailbox, options.trials, random.Random(options.seed))
        await failovers(nodes, options.failovers)


if __name__ == "__main__":
    trio.run(main)

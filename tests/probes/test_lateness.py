"""Hostile servers, real sockets and the real supervisor: the probes of others stay on time."""

import random
import statistics
from functools import partial

import pytest
import trio

from qutrio.core.api.events import Observed
from qutrio.model.checks import Check, HttpCheck
from qutrio.model.ids import CheckId
from qutrio.model.results import Outcome
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from qutrio.probes.interface import Tools
from qutrio.probes.observations import Observation
from qutrio.probes.registry import probe
from qutrio.probes.schedule import offset_share
from qutrio.probes.supervisor import supervise
from tests.patience import HANG_S
from tests.probes.conftest import Nginx
from tests.probes.lines import Lines
from tests.probes.servers import Handler, endless, served, silent
from tests.probes.views import NODE, view_of

INTERVAL_S = 1.0
GOOD, OF_EACH_KIND, ROUNDS = 20, 10, 3
TIMEOUT_S = 60.0
LATE_S_MAX = 0.2
"""What the loop may be held up beside what the machine is late by itself."""

NAP_S = 0.05

HOSTILE = (
    silent,
    endless(b"HTTP/1.1 200 OK\r\n", b"X: " + b"x" * 1000 + b"\r\n"),
    endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
    endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 1000),
    endless(b"", b"H", pause_s=0.5),
)


def http(name: str, url: str) -> Check:
    return HttpCheck(
        id=CheckId(name), name=name, url=url, interval_s=INTERVAL_S, timeout_s=TIMEOUT_S
    )


async def measure(late: list[float]) -> None:
    """Record again and again how late this process wakes up."""
    while True:
        due = trio.current_time() + NAP_S
        await trio.sleep_until(due)
        late.append(trio.current_time() - due)


@pytest.mark.slow
async def test_hostile_servers_leave_the_probes_of_others_on_time(
    tools: Tools, nginx: Nginx
) -> None:
    """A probe held up by a hostile one would wait for that one's timeout, which is far longer."""
    late: list[float] = []
    machine: list[float] = []
    hung: list[Outcome] = []
    good: list[Outcome] = []
    clock = tools.clock

    async def timed(check: Check, tools: Tools) -> Observation:
        if check.id.startswith("good"):
            due = INTERVAL_S * offset_share(check.id, NODE, (NODE,))
            off = (clock.wall() - due) % INTERVAL_S
            late.append(min(off, INTERVAL_S - off))
        return await probe(check, tools)

    async with trio.open_nursery() as nursery:
        checks = [http(f"good{i}", nginx.url("/")) for i in range(GOOD)]
        for kind, handler in enumerate(HOSTILE):
            port = await nursery.start(_serve, handler)
            url = f"http://127.0.0.1:{port}/"
            checks += [http(f"hostile{kind}-{i}", url) for i in range(OF_EACH_KIND)]
        inbox = Inbox("test")
        _, demands = trio.open_memory_channel[tuple[CheckId, ...]](1)
        nursery.start_soon(
            partial(
                supervise, Latest(view_of(checks)), inbox, demands, clock, tools,
                Lines(), random.Random(3), probe=timed,
            )
        )  # fmt: skip
        nursery.start_soon(measure, machine)
        with trio.fail_after(HANG_S):
            while len(good) < GOOD * ROUNDS:
                event = await inbox.next(60.0)
                if isinstance(event, Observed) and event.result.check.startswith("good"):
                    good.append(event.result.outcome)
                if isinstance(event, Observed) and event.result.check.startswith("hostile0"):
                    hung.append(event.result.outcome)
                if len(good) == GOOD:
                    late.clear()  # first probes are spread at random, not on the grid
        nursery.cancel_scope.cancel()
    assert set(good) == {Outcome.OK}
    assert hung == [], "nobody had to wait until a silent server was given up"
    assert statistics.median(late) < LATE_S_MAX + statistics.median(machine)


async def _serve(
    handler: Handler, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED
) -> None:
    async with served(handler) as port:
        task_status.started(port)
        await trio.sleep_forever()
